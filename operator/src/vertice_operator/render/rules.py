"""Prometheus rules of one bot, made from the templates in ``data/alerts``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, Final

from vertice_operator.render.contract import load_data
from vertice_operator.render.durations import duration
from vertice_operator.render.placeholders import dns_name, fill, promql_regex

_GROUPS: Final = ("critical", "warning")
_KNOWN_KEYS: Final = frozenset(
    {"alert", "requires", "for", "keep_firing_for", "labels", "expr", "summary", "description"}
)


@dataclass(frozen=True)
class RuleContext:
    """What the rules of one bot depend on.

    Args:
        namespace, bot: of the resource.
        objective: share of commands that must work, in percent, below 100.
        interval_seconds: of the scrapes.
        uses: what the bot has: ``running``, ``database``, ``cache``, ``proxy``, ``autoscaling``.
        disabled: names of alerts that the user does not want.
        runbook_base: URL below which the runbooks are published.
        autoscaler: name of the HorizontalPodAutoscaler; that of the bot when None.
        dashboard_url: link to the bot's dashboard, or None when nobody said where Grafana is.
    """

    namespace: str
    bot: str
    objective: Decimal
    interval_seconds: int
    uses: frozenset[str]
    disabled: frozenset[str]
    runbook_base: str
    autoscaler: str | None = None
    dashboard_url: str | None = None

    def values(self) -> dict[str, str]:
        """Give the value of every placeholder."""
        namespace, bot = dns_name(self.namespace), dns_name(self.bot)
        return {
            "namespace": namespace,
            "bot": bot,
            "autoscaler": dns_name(self.autoscaler or self.bot),
            "selector": f'namespace="{namespace}",bot="{bot}"',
            "pods": f"{promql_regex(bot)}-[a-z0-9]+-[a-z0-9]+",
            "budget": f"{(100 - self.objective) / 100:f}",
            "two_scrapes": duration(max(60, 2 * self.interval_seconds)),
        }


@dataclass(frozen=True)
class AlertTemplate:
    """One alert as the data file says it, placeholders and all."""

    alert: str
    group: str
    expr: str
    for_: str
    summary: str
    description: str
    keep_firing_for: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    requires: frozenset[str] = frozenset()

    def render(self, context: RuleContext, values: Mapping[str, str]) -> dict[str, Any]:
        """Give the rule for one bot, in the shape that Prometheus reads."""
        # namespace and bot are static labels: Alertmanager routes by them, and an expression may
        # have aggregated them away.
        rule: dict[str, Any] = {
            "alert": self.alert,
            "expr": fill(self.expr, values),
            "for": fill(self.for_, values),
            "labels": {
                "severity": self.group,
                "namespace": values["namespace"],
                "bot": values["bot"],
                "vertice_alert_group": self.group,
                **self.labels,
            },
            "annotations": {
                "summary": self.summary,
                "description": fill(self.description, values),
                "runbook_url": f"{context.runbook_base.rstrip('/')}/{self.alert.lower()}",
            },
        }
        if self.keep_firing_for is not None:
            rule["keep_firing_for"] = self.keep_firing_for
        if context.dashboard_url is not None:
            rule["annotations"]["dashboard_url"] = context.dashboard_url
        return rule


@cache
def alert_templates() -> tuple[AlertTemplate, ...]:
    """Load every alert, critical first, in the order of the files."""
    return tuple(
        _template(group, entry)
        for group in _GROUPS
        for entry in load_data("alerts", f"{group}.yaml")["rules"]
    )


def rule_groups(context: RuleContext) -> list[dict[str, Any]]:
    """Give the groups of the bot's PrometheusRule; a group without rules is left out."""
    values = context.values()
    groups = [{"name": f"{context.bot}.vertice.slo.rules", "rules": list(_recording_rules(values))}]
    for group in _GROUPS:
        rules = [
            template.render(context, values)
            for template in alert_templates()
            if template.group == group
            and template.alert not in context.disabled
            and template.requires <= context.uses
        ]
        groups.append({"name": f"{context.bot}.vertice.{group}", "rules": rules})
    return [group for group in groups if group["rules"]]


def _recording_rules(values: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    document = load_data("alerts", "recording.yaml")
    for rule in document["rules"]:
        for window in document[rule["over"]]:
            filled = {**values, "window": window}
            yield {"record": fill(rule["record"], filled), "expr": fill(rule["expr"], filled)}


def _template(group: str, entry: Mapping[str, Any]) -> AlertTemplate:
    unknown = entry.keys() - _KNOWN_KEYS
    if unknown:
        raise ValueError(f"{group}.yaml: {entry.get('alert')} has unknown keys {sorted(unknown)}")
    return AlertTemplate(
        alert=entry["alert"],
        group=group,
        expr=entry["expr"],
        for_=entry["for"],
        summary=entry["summary"],
        description=entry["description"],
        keep_firing_for=entry.get("keep_firing_for"),
        labels=entry.get("labels", {}),
        requires=frozenset(entry.get("requires", ())),
    )
