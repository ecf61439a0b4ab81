"""What the objects of other operators say, and what has to wait for them."""

from collections.abc import Mapping
from typing import Any

from vertice_operator.decide.facts import Facts
from vertice_operator.decide.wording import sentence

MONITORING = (
    "ServiceMonitor",
    "PrometheusRule",
    "GrafanaDashboard",
    "AlertmanagerConfig",
    "Role",
    "RoleBinding",
)
"""Kinds whose failure harms nothing but the view of the bot."""
_LENGTH = 300


def waits_for(facts: Facts, kind: str) -> str | None:
    """Say what must go before a child of this kind may be made; None where nothing is in its way.

    KEDA refuses a workload that another autoscaler has (``scaledobject_webhook.go``), and two of
    them would pull at one number.
    """
    autoscaler = _own(facts, "HorizontalPodAutoscaler")
    if kind != "ScaledObject" or autoscaler is None:
        return None
    return "the HorizontalPodAutoscaler goes first; the number of replicas stays meanwhile"


def keda_problem(facts: Facts) -> str | None:
    """Say why KEDA cannot scale, by its own word."""
    why = _not_ready(_own(facts, "ScaledObject"))
    return f"KEDA: {why}" if why else None


def sync_problem(facts: Facts) -> str | None:
    """Say why External Secrets could not write the Secret, by its own word."""
    return _not_ready(_own(facts, "ExternalSecret"))


def _own(facts: Facts, kind: str) -> Mapping[str, Any] | None:
    live = facts.children.get((kind, facts.bot.metadata.name))
    ours = live is not None and live.owner_uid == facts.bot.metadata.uid
    return live.body if live is not None and ours else None


def _not_ready(body: Mapping[str, Any] | None) -> str | None:
    for each in ((body or {}).get("status") or {}).get("conditions") or ():
        if each.get("type") == "Ready" and each.get("status") == "False":
            return sentence(str(each.get("message") or each.get("reason") or "not ready"), _LENGTH)
    return None
