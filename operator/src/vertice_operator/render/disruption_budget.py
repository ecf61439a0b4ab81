"""PodDisruptionBudget: drains take the replicas one after the other."""

from __future__ import annotations

from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.kinds import POD_DISRUPTION_BUDGET
from vertice_operator.render.meta import child


def disruption_budget(bot: DiscordBot, facts: RenderFacts) -> dict[str, Any] | None:
    """Give the budget; None where it is off, or nothing runs that it could protect.

    ``maxUnavailable: 1`` never blocks a drain, also with a single replica, while a minimum or a
    percentage is rounded up and can. Pods that are not healthy may always be evicted, or a bot in
    a crash loop would keep its node for ever. Only while a second replica is on its way for the
    drain of a node, the budget asks for one ready pod.
    """
    budget = bot.spec.pdb
    if not budget.enabled or bot.spec.suspend:
        return None
    least = 1 if facts.second_replica_for is not None else budget.min_available
    limit: dict[str, Any] = (
        {"minAvailable": least}
        if least is not None
        else {"maxUnavailable": 1 if budget.max_unavailable is None else budget.max_unavailable}
    )
    return child(
        bot,
        POD_DISRUPTION_BUDGET,
        bot.metadata.name,
        {
            "spec": {
                **limit,
                "selector": {"matchLabels": names.selector(bot.metadata.name)},
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
            }
        },
    )
