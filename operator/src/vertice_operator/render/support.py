"""What the resource can say and this version of the operator cannot do: refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterator

from vertice_operator.api.problem import Problem
from vertice_operator.api.v1alpha1 import DiscordBot, Handover, Migrations, ProxyMode
from vertice_operator.render.choices import NATIVE_SIDECAR_MINOR, proxy_mode
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.secret_files import by_csi


def unsupported(bot: DiscordBot, facts: RenderFacts) -> tuple[Problem, ...]:
    """Give a problem for each part of the spec that would have no effect, sorted by path."""
    return tuple(sorted([*_not_yet(bot), *_unread_secrets(bot), *_proxy(bot, facts)]))


def _not_yet(bot: DiscordBot) -> Iterator[Problem]:
    spec = bot.spec
    if spec.shards.handover is Handover.REIDENTIFY:
        yield Problem("spec.shards.handover", "Reidentify is not supported yet; use Resume")
    if spec.tracing is not None:
        yield Problem("spec.tracing", "the bot does not send traces yet; leave it out")


def _unread_secrets(bot: DiscordBot) -> Iterator[Problem]:
    """Refuse references to Secrets whose place the CSI driver takes."""
    if not by_csi(bot):
        return
    spec = bot.spec
    references: dict[str, object] = {
        "spec.discord.tokenSecretRef": spec.discord.token_secret_ref,
        "spec.database.credentialsSecretRef": spec.database.credentials_secret_ref,
        "spec.cache.authSecretRef": spec.cache and spec.cache.auth_secret_ref,
    }
    for path, reference in references.items():
        if reference is not None:
            yield Problem(
                path, "has no effect with SecretsStoreCSI; leave it out, secrets.csi.files has it"
            )


def _proxy(bot: DiscordBot, facts: RenderFacts) -> Iterator[Problem]:
    mode = proxy_mode(bot, facts)
    path = "spec.database.cloudSQL.proxy.mode"
    if mode is ProxyMode.NATIVE_SIDECAR and facts.server_minor < NATIVE_SIDECAR_MINOR:
        yield Problem(
            path, f"NativeSidecar needs Kubernetes 1.{NATIVE_SIDECAR_MINOR}; use Container"
        )
    if mode is ProxyMode.CONTAINER and bot.spec.database.migrations is not Migrations.OFF:
        # A plain container neither starts before the migration nor ends after it.
        yield Problem(
            "spec.database.migrations",
            "must be Off where the proxy is a plain container: run `vertice-bot migrate` "
            f"yourself, or use proxy.mode NativeSidecar (Kubernetes 1.{NATIVE_SIDECAR_MINOR})",
        )
