"""PrometheusRule: the bot's alerts and the recording rules behind its objective."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.choices import is_off
from vertice_operator.render.durations import seconds
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.kinds import PROMETHEUS_RULE
from vertice_operator.render.meta import child
from vertice_operator.render.rules import RuleContext, rule_groups
from vertice_operator.render.scaled_object import wants_keda


def prometheus_rule(bot: DiscordBot, facts: RenderFacts) -> dict[str, Any] | None:
    """Give the PrometheusRule; None where monitoring or its rules are off."""
    if not wants_rules(bot):
        return None
    return child(
        bot,
        PROMETHEUS_RULE,
        bot.metadata.name,
        {"spec": {"groups": rule_groups(_context(bot, facts))}},
        extra_labels=bot.spec.monitoring.labels,
    )


def wants_rules(bot: DiscordBot) -> bool:
    """Whether the bot has a PrometheusRule, where the cluster knows the kind."""
    return bot.spec.monitoring.enabled and bot.spec.monitoring.rules.enabled


def _context(bot: DiscordBot, facts: RenderFacts) -> RuleContext:
    spec = bot.spec
    uses = {
        # A bot that is off on purpose must not wake anybody.
        "running": not is_off(bot),
        "database": True,
        "proxy": spec.database.cloud_sql is not None,
        "cache": spec.cache is not None,
        "autoscaling": spec.autoscaling.enabled,
    }
    rules = spec.monitoring.rules
    return RuleContext(
        namespace=bot.metadata.namespace,
        bot=bot.metadata.name,
        objective=Decimal(rules.slo_objective),
        interval_seconds=seconds(spec.monitoring.interval),
        uses=frozenset(name for name, used in uses.items() if used),
        disabled=frozenset(rules.disabled),
        autoscaler=names.keda_autoscaler(bot.metadata.name) if wants_keda(bot) else None,
        runbook_base=rules.runbook_base_url or facts.runbook_base_url,
    )
