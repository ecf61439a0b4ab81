"""Deployment: the bot's pods."""

from __future__ import annotations

from typing import Any, Final

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.choices import replicas
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.history import History
from vertice_operator.render.kinds import DEPLOYMENT
from vertice_operator.render.meta import child, image_label
from vertice_operator.render.revision import stamped, with_history

ANNOTATION_MIGRATED: Final = "vertice.dev/migrated"
"""On the Deployment itself: digest of the newest migration that is known to be complete."""
ANNOTATION_LAST_GOOD: Final = "vertice.dev/last-good"
"""On the Deployment itself: the revision that ran well before the present one was asked for."""
ANNOTATION_ROLLED_BACK: Final = "vertice.dev/rolled-back"
"""On the Deployment itself: the request (revision and restartAt) that failed; not tried again."""


def deployment(bot: DiscordBot, facts: RenderFacts) -> dict[str, Any]:
    """Give the Deployment. Suspended, it has no replicas and is otherwise the same."""
    facts, history = with_history(bot, facts)
    count = replicas(bot, facts)
    rollout = bot.spec.rollout
    return child(
        bot,
        DEPLOYMENT,
        bot.metadata.name,
        {
            "spec": {
                **({} if count is None else {"replicas": count}),
                "selector": {"matchLabels": names.selector(bot.metadata.name)},
                "minReadySeconds": rollout.min_ready_seconds,
                "progressDeadlineSeconds": rollout.progress_deadline_seconds,
                "revisionHistoryLimit": 5,
                "strategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {
                        "maxSurge": rollout.max_surge,
                        "maxUnavailable": rollout.max_unavailable,
                    },
                },
                "template": stamped(history.target, facts.secret_hash),
            }
        },
        extra_labels={names.LABEL_VERSION: image_label(history.target.revision.image)},
        annotations=_annotations(facts, history),
    )


def _annotations(facts: RenderFacts, history: History) -> dict[str, str]:
    """Give what must be remembered together with the template, in one and the same write."""
    found = {
        ANNOTATION_MIGRATED: facts.migrated,
        ANNOTATION_LAST_GOOD: history.last_good,
        ANNOTATION_ROLLED_BACK: history.rolled_back,
        names.ANNOTATION_SECOND_REPLICA: facts.second_replica_for,
    }
    return {key: value for key, value in found.items() if value}
