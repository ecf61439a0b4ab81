"""Which Secrets a bot refers to, and what it means when one is missing."""

from collections.abc import Iterable, Mapping

from vertice_operator.api.conditions import Reason
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.api.v1alpha1.identity import CsiFileName, SecretsProvider
from vertice_operator.decide.facts import SecretFact
from vertice_operator.render import referenced_secrets


def references(bot: DiscordBot) -> Mapping[str, frozenset[str]]:
    """Return name to needed keys of every Secret whose content reaches the pods."""
    wanted: dict[str, set[str]] = {}
    for each in referenced_secrets(bot):
        wanted.setdefault(each.secret, set()).add(each.key)
    return {name: frozenset(keys) for name, keys in sorted(wanted.items())}


def mounted_versions(bot: DiscordBot) -> Mapping[str, str]:
    """Return file to version of what a CSI driver mounts; a version that is changed rolls pods."""
    csi = bot.spec.secrets.csi
    return {each.file.value: each.resource_name for each in csi.files} if csi else {}


def token_reference(bot: DiscordBot) -> tuple[str, str] | None:
    """Return Secret name and key of the bot token, or None where no Secret holds it."""
    ref = bot.spec.discord.token_secret_ref
    if ref is None or bot.spec.secrets.provider is SecretsProvider.SECRETS_STORE_CSI:
        return None
    return ref.name, ref.key


def mounted_token(bot: DiscordBot) -> str | None:
    """Return the secret in the store that holds the token, whatever its version; None without."""
    found = mounted_versions(bot).get(CsiFileName.DISCORD_TOKEN)
    return found.rpartition("/versions/")[0] if found else None


def missing(
    bot: DiscordBot, secrets: Mapping[str, SecretFact], sync_problem: str | None = None
) -> tuple[Reason, str] | None:
    """Return what is missing first, and what to do about it, or None.

    ``sync_problem`` is what External Secrets says of the Secret that it should write.
    """
    external = bot.spec.secrets.provider is SecretsProvider.EXTERNAL_SECRETS
    for name, keys in references(bot).items():
        fact = secrets.get(name)
        synced = external and name == bot.metadata.name
        if fact is not None and fact.refusal:
            return Reason.SECRET_NOT_FOUND, f"the operator may not read it: {fact.refusal}"
        if fact is None or not fact.found:
            if synced:
                return Reason.EXTERNAL_SECRET_NOT_SYNCED, _where_to_look(bot, name, sync_problem)
            return Reason.SECRET_NOT_FOUND, _how_to_make(bot, name, sorted(keys))
        if absent := sorted(keys - fact.keys):
            return Reason.SECRET_KEY_MISSING, _which_keys(name, absent, synced)
    return None


def _how_to_make(bot: DiscordBot, name: str, keys: list[str]) -> str:
    files = " ".join(f"--from-file={key}=FILE" for key in keys)
    return (
        f"Secret {name} does not exist in namespace {bot.metadata.namespace}. Make it with: "
        f"kubectl -n {bot.metadata.namespace} create secret generic {name} {files}"
    )


def _where_to_look(bot: DiscordBot, name: str, problem: str | None) -> str:
    why = f": {problem}" if problem else "."
    return (
        f"External Secrets has not written Secret {name} yet{why} See kubectl -n "
        f"{bot.metadata.namespace} describe externalsecret {bot.metadata.name}"
    )


def _which_keys(name: str, absent: Iterable[str], synced: bool) -> str:
    where = "secrets.externalSecret.keys" if synced else "the Secret"
    return (
        f"Secret {name} has no key {', '.join(absent)}, or it is empty. Add it to {where}, or "
        "name another key in the spec."
    )
