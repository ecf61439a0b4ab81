"""Children of kinds that a cluster may lack, and which of them a bot wants."""

from __future__ import annotations

from typing import Final

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot, SecretsProvider
from vertice_operator.render.alertmanager_config import alertmanager_config, wants_slack
from vertice_operator.render.external_secret import external_secret
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.fqdn_policy import fqdn_policy, wants_fqdn
from vertice_operator.render.grafana_dashboard import grafana_dashboard, wants_grafana_dashboard
from vertice_operator.render.kinds import (
    ALERTMANAGER_CONFIG,
    EXTERNAL_SECRET,
    FQDN_NETWORK_POLICY,
    GRAFANA_DASHBOARD,
    KINDS,
    PROMETHEUS_RULE,
    ROLE,
    ROLE_BINDING,
    SCALED_OBJECT,
    SECRET_PROVIDER_CLASS,
    SERVICE_MONITOR,
    Child,
    ChildKind,
)
from vertice_operator.render.prometheus_role import (
    prometheus_account,
    prometheus_role,
    prometheus_role_binding,
)
from vertice_operator.render.prometheus_rule import prometheus_rule, wants_rules
from vertice_operator.render.scaled_object import scaled_object, wants_keda
from vertice_operator.render.secret_provider_class import (
    migration_provider_class,
    secret_provider_class,
)
from vertice_operator.render.service_monitor import service_monitor

ASKED_BY: Final = {
    EXTERNAL_SECRET: "spec.secrets.provider",
    SECRET_PROVIDER_CLASS: "spec.secrets.provider",
    FQDN_NETWORK_POLICY: "spec.networkPolicy.fqdn",
    SCALED_OBJECT: "spec.autoscaling.engine",
    SERVICE_MONITOR: "spec.monitoring.enabled",
    PROMETHEUS_RULE: "spec.monitoring.rules",
    ALERTMANAGER_CONFIG: "spec.monitoring.slack",
    GRAFANA_DASHBOARD: "spec.monitoring.dashboards.kind",
    ROLE: "spec.monitoring.prometheusServiceAccount",
    ROLE_BINDING: "spec.monitoring.prometheusServiceAccount",
}
"""The field that asks for a child of an optional kind."""


def wanted_kinds(bot: DiscordBot) -> tuple[ChildKind, ...]:
    """Give the optional kinds that this bot uses, in the order of application."""
    provider = bot.spec.secrets.provider
    used = {
        EXTERNAL_SECRET: provider is SecretsProvider.EXTERNAL_SECRETS,
        SECRET_PROVIDER_CLASS: provider is SecretsProvider.SECRETS_STORE_CSI,
        FQDN_NETWORK_POLICY: wants_fqdn(bot),
        SCALED_OBJECT: wants_keda(bot),
        ROLE: prometheus_account(bot) is not None,
        ROLE_BINDING: prometheus_account(bot) is not None,
        SERVICE_MONITOR: bot.spec.monitoring.enabled,
        PROMETHEUS_RULE: wants_rules(bot),
        ALERTMANAGER_CONFIG: wants_slack(bot) is not None,
        GRAFANA_DASHBOARD: wants_grafana_dashboard(bot),
    }
    return tuple(kind for kind in KINDS if used.get(kind, False))


def missing_kinds(bot: DiscordBot, facts: RenderFacts) -> tuple[ChildKind, ...]:
    """Give the optional kinds that this bot would use and the cluster does not have."""
    return tuple(kind for kind in wanted_kinds(bot) if kind.kind not in facts.available_kinds)


def before_pods(bot: DiscordBot, facts: RenderFacts) -> tuple[Child, ...]:
    """Give the children that pods need in order to start, or that restrict them."""
    name = bot.metadata.name
    return _present(
        facts,
        Child(EXTERNAL_SECRET, name, external_secret(bot)),
        Child(SECRET_PROVIDER_CLASS, name, secret_provider_class(bot)),
        Child(
            SECRET_PROVIDER_CLASS,
            names.migration_secrets(name),
            migration_provider_class(bot),
        ),
        Child(FQDN_NETWORK_POLICY, name, fqdn_policy(bot)),
    )


def scaling(bot: DiscordBot, facts: RenderFacts) -> tuple[Child, ...]:
    """Give what scales the Deployment besides the HorizontalPodAutoscaler."""
    return _present(facts, Child(SCALED_OBJECT, bot.metadata.name, scaled_object(bot, facts)))


def after_pods(bot: DiscordBot, facts: RenderFacts) -> tuple[Child, ...]:
    """Give the children that watch the pods."""
    name = bot.metadata.name
    role = names.prometheus_role(name)
    return _present(
        facts,
        Child(ROLE, role, prometheus_role(bot)),
        Child(ROLE_BINDING, role, prometheus_role_binding(bot)),
        Child(SERVICE_MONITOR, name, service_monitor(bot)),
        Child(PROMETHEUS_RULE, name, prometheus_rule(bot, facts)),
        Child(ALERTMANAGER_CONFIG, name, alertmanager_config(bot)),
        Child(GRAFANA_DASHBOARD, names.dashboard(name), grafana_dashboard(bot)),
    )


def _present(facts: RenderFacts, *children: Child) -> tuple[Child, ...]:
    return tuple(each for each in children if each.kind.kind in facts.available_kinds)
