"""All objects of one bot, in the order of application."""

from __future__ import annotations

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.autoscaler import autoscaler
from vertice_operator.render.config_map import config_map
from vertice_operator.render.dashboard import dashboard
from vertice_operator.render.deployment import deployment
from vertice_operator.render.disruption_budget import disruption_budget
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.kinds import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    JOB,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    PROMETHEUS_RULE,
    SERVICE,
    SERVICE_ACCOUNT,
    SERVICE_MONITOR,
    Child,
    ChildKind,
)
from vertice_operator.render.metrics_service import metrics_service
from vertice_operator.render.migration_job import migration_job
from vertice_operator.render.network_policy import network_policy
from vertice_operator.render.prometheus_rule import prometheus_rule, wants_rules
from vertice_operator.render.revision import controller_revision, with_history
from vertice_operator.render.service_account import service_account
from vertice_operator.render.service_monitor import service_monitor


def desired_objects(bot: DiscordBot, facts: RenderFacts) -> tuple[Child, ...]:
    """Give every object of a bot in the order of application.

    A child whose body is None must not exist. Left out are children of optional kinds that the
    cluster does not have (``missing_kinds`` names them), and the migration Job where it is done
    or not wanted: a finished Job may stay until its time to live ends.

    Args:
        bot: a resource without problems (``api.validation.problems`` and ``unsupported``).
        facts: what is known about the cluster and the live objects.
    """
    name = bot.metadata.name
    facts, history = with_history(bot, facts)
    job = migration_job(bot, facts)
    return (
        Child(SERVICE_ACCOUNT, name, service_account(bot)),
        Child(CONFIG_MAP, names.config_map(name), config_map(bot, facts)),
        Child(NETWORK_POLICY, name, network_policy(bot, facts)),
        Child(SERVICE, names.metrics_service(name), metrics_service(bot)),
        *(
            Child(CONTROLLER_REVISION, each.name, controller_revision(bot, each))
            for each in history.everything
        ),
        *([Child(JOB, job["metadata"]["name"], job)] if job is not None else []),
        Child(DEPLOYMENT, name, deployment(bot, facts)),
        Child(HORIZONTAL_POD_AUTOSCALER, name, autoscaler(bot, facts)),
        Child(POD_DISRUPTION_BUDGET, name, disruption_budget(bot, facts)),
        *_optional(bot, facts),
        Child(CONFIG_MAP, names.dashboard(name), dashboard(bot)),
    )


def missing_kinds(bot: DiscordBot, facts: RenderFacts) -> tuple[ChildKind, ...]:
    """Give the optional kinds that this bot would use and the cluster does not have."""
    wanted = {SERVICE_MONITOR: bot.spec.monitoring.enabled, PROMETHEUS_RULE: wants_rules(bot)}
    return tuple(
        kind for kind, used in wanted.items() if used and kind.kind not in facts.available_kinds
    )


def _optional(bot: DiscordBot, facts: RenderFacts) -> tuple[Child, ...]:
    name, present = bot.metadata.name, facts.available_kinds
    children = []
    if SERVICE_MONITOR.kind in present:
        children.append(Child(SERVICE_MONITOR, name, service_monitor(bot)))
    if PROMETHEUS_RULE.kind in present:
        children.append(Child(PROMETHEUS_RULE, name, prometheus_rule(bot, facts)))
    return tuple(children)
