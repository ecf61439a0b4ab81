"""PodDisruptionBudget: drains take the replicas one after the other."""

from __future__ import annotations

from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.kinds import POD_DISRUPTION_BUDGET
from vertice_operator.render.meta import child


def disruption_budget(bot: DiscordBot) -> dict[str, Any] | None:
    """Give the budget; None where it is off, or nothing runs that it could protect.

    ``maxUnavailable: 1`` never blocks a drain, also with a single replica, while a minimum or a
    percentage is rounded up and can. Pods that are not healthy may always be evicted, or a bot in
    a crash loop would keep its node for ever.
    """
    budget = bot.spec.pdb
    if not budget.enabled or bot.spec.suspend:
        return None
    limit: dict[str, Any] = (
        {"minAvailable": budget.min_available}
        if budget.min_available is not None
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
