"""Scraping of the operator, and the alerts about the operator itself.

The alerts about bots are in the PrometheusRule of each bot; they need the operator's series with
their own label ``namespace``, hence ``honorLabels``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from vertice_operator.install.holes import Hole, Splice, Text, Tree

_GROUP: Final = "monitoring.coreos.com/v1"
_MORE_LABELS: Final = Splice("Values.monitoring.labels")
_NAMESPACE: Final = "${namespace}"


@dataclass(frozen=True)
class Alert:
    """One alert; ``${namespace}`` stands for the operator's namespace.

    Attributes
    ----------
    name
        Of the alert; the runbook has the same name.
    expr
        PromQL.
    wait
        How long it must hold.
    severity
        ``critical`` wakes somebody. Bots run on without the operator, so most can wait.
    summary, description
        For people; the description may use Prometheus' own templates.
    """

    name: str
    expr: str
    wait: str
    severity: str
    summary: str
    description: str


_JOB: Final = 'job="vertice-operator",namespace="${namespace}"'

ALERTS: Final[tuple[Alert, ...]] = (
    Alert(
        "VerticeOperatorDown",
        f"absent(up{{{_JOB}}} == 1)",
        "10m",
        "warning",
        "No replica of the operator answers.",
        "Nothing in ${namespace} has answered a scrape for 10 minutes. Bots run on; changes, "
        "repairs and rotations wait.",
    ),
    Alert(
        "VerticeOperatorNoLeader",
        f"max(vertice_operator_leader{{{_JOB}}}) == 0",
        "5m",
        "warning",
        "The operator runs and no replica of it leads.",
        "For 5 minutes no replica in ${namespace} has held the Lease, so nobody reconciles.",
    ),
    Alert(
        "VerticeOperatorTwoLeaders",
        f"sum(vertice_operator_leader{{{_JOB}}}) > 1",
        "2m",
        "critical",
        "Two replicas of the operator lead at once.",
        "{{ $value }} replicas in ${namespace} say that they lead. Two installations may share "
        "their scrape job, or use different Leases for the same bots.",
    ),
    Alert(
        "VerticeOperatorFaults",
        f'sum(increase(vertice_operator_reconcile_total{{{_JOB},result="error"}}[15m])) > 0',
        "15m",
        "warning",
        "The operator stumbles over a fault of its own.",
        "Reconciles end with an unexpected error; the log of the leader in ${namespace} has it.",
    ),
    Alert(
        "VerticeOperatorBlind",
        f"sum(increase(vertice_operator_watch_missed_total{{{_JOB}}}[1h])) > 0",
        "30m",
        "warning",
        "The operator's watch misses changes.",
        "The full list finds changes that the watch did not bring. They are made good every "
        "10 minutes, so everything is slow and nothing is lost.",
    ),
)


def service_monitor(labels: Mapping[str, str], here: Hole) -> Tree:
    """Return the ServiceMonitor of the operator's metrics."""
    return {
        "apiVersion": _GROUP,
        "kind": "ServiceMonitor",
        "metadata": _meta(labels, here),
        "spec": {
            "jobLabel": "app.kubernetes.io/name",
            "selector": {"matchLabels": {"app.kubernetes.io/name": "vertice-operator"}},
            "endpoints": [
                {
                    "port": "http",
                    "path": "/metrics",
                    "interval": Hole("Values.monitoring.interval"),
                    "honorLabels": True,
                }
            ],
        },
    }


def alerts(labels: Mapping[str, str], here: Hole) -> Tree:
    """Return the PrometheusRule with :data:`ALERTS`."""
    rules = [_rule(alert, here) for alert in ALERTS]
    return {
        "apiVersion": _GROUP,
        "kind": "PrometheusRule",
        "metadata": _meta(labels, here),
        "spec": {"groups": [{"name": "vertice-operator", "rules": rules}]},
    }


def _rule(alert: Alert, here: Hole) -> Tree:
    runbook = Text((Hole("Values.monitoring.runbookBaseURL"), f"/{alert.name.lower()}"))
    return {
        "alert": alert.name,
        "expr": _in(here, alert.expr),
        "for": alert.wait,
        "labels": {"severity": alert.severity, "namespace": here},
        "annotations": {
            "summary": alert.summary,
            "description": _in(here, alert.description),
            "runbook_url": runbook,
        },
    }


def _in(here: Hole, text: str) -> Tree:
    first, *rest = text.split(_NAMESPACE)
    parts: list[str | Hole] = [first]
    for piece in rest:
        parts += [here, piece]
    return Text(tuple(part for part in parts if part)) if rest else text


def _meta(labels: Mapping[str, str], here: Hole) -> dict[object, Tree]:
    return {
        "name": "vertice-operator",
        "namespace": here,
        "labels": {**labels, _MORE_LABELS: None},
    }
