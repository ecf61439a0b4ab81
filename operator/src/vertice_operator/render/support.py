"""What the resource can say and this version of the operator cannot do: refused, never ignored."""

from __future__ import annotations

from collections.abc import Iterator

from vertice_operator.api.problem import Problem
from vertice_operator.api.v1alpha1 import (
    DashboardKind,
    DiscordBot,
    Handover,
    Migrations,
    ProxyMode,
    ScalingEngine,
    SecretsProvider,
)
from vertice_operator.render.choices import NATIVE_SIDECAR_MINOR, proxy_mode
from vertice_operator.render.facts import RenderFacts


def unsupported(bot: DiscordBot, facts: RenderFacts) -> tuple[Problem, ...]:
    """Give a problem for each part of the spec that would have no effect, sorted by path."""
    return tuple(sorted([*_not_yet(bot), *_proxy(bot, facts)]))


def _not_yet(bot: DiscordBot) -> Iterator[Problem]:
    spec = bot.spec
    monitoring = spec.monitoring
    if spec.autoscaling.enabled and spec.autoscaling.engine is ScalingEngine.KEDA:
        yield Problem("spec.autoscaling.engine", "KEDA is not supported yet; use HPA")
    if spec.secrets.provider is not SecretsProvider.KUBERNETES:
        yield Problem(
            "spec.secrets.provider",
            f"{spec.secrets.provider.value} is not supported yet; use Kubernetes, with a Secret "
            "that another tool fills",
        )
    if spec.shards.handover is Handover.REIDENTIFY:
        yield Problem("spec.shards.handover", "Reidentify is not supported yet; use Resume")
    if spec.tracing is not None:
        yield Problem("spec.tracing", "the bot does not send traces yet; leave it out")
    if spec.network_policy.enabled and spec.network_policy.fqdn:
        yield Problem(
            "spec.networkPolicy.fqdn",
            "FQDNNetworkPolicy is not supported yet; leave it out, public addresses on port 443 "
            "are allowed",
        )
    if monitoring.enabled and monitoring.slack is not None:
        yield Problem(
            "spec.monitoring.slack",
            "AlertmanagerConfig is not supported yet; route alerts by their labels namespace and "
            "bot in your Alertmanager",
        )
    if monitoring.enabled and monitoring.prometheus_service_account is not None:
        yield Problem(
            "spec.monitoring.prometheusServiceAccount",
            "is not supported yet; give Prometheus a Role in this namespace yourself",
        )
    grafana_operator = monitoring.dashboards.kind is DashboardKind.GRAFANA_DASHBOARD
    if monitoring.enabled and monitoring.dashboards.enabled and grafana_operator:
        yield Problem(
            "spec.monitoring.dashboards.kind",
            "GrafanaDashboard is not supported yet; use ConfigMap",
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
