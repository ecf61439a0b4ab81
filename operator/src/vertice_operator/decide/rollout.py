"""How the roll-out stands, and when it goes back."""

import enum
from collections.abc import Mapping
from typing import Any

from vertice_operator.api import names
from vertice_operator.decide.facts import Facts
from vertice_operator.decide.pods import newest_crash_loops

ANNOTATION_ROLLED_BACK = "vertice.dev/rolled-back"
"""On the Deployment: the request (image and restartAt) that failed and is not tried again."""


class Progress(enum.Enum):
    """State of a Deployment's roll-out."""

    ABSENT = "absent"
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"


def progress(deployment: Mapping[str, Any] | None) -> Progress:
    """Read how far the Deployment is, as ``kubectl rollout status`` does."""
    if deployment is None:
        return Progress.ABSENT
    spec, status = deployment["spec"], deployment.get("status") or {}
    if status.get("observedGeneration", 0) < deployment["metadata"].get("generation", 0):
        return Progress.RUNNING
    for condition in status.get("conditions") or ():
        if condition["type"] == "Progressing" and condition.get("reason") == (
            "ProgressDeadlineExceeded"
        ):
            return Progress.FAILED
    wanted = spec.get("replicas", 1)
    updated, total = status.get("updatedReplicas", 0), status.get("replicas", 0)
    available = status.get("availableReplicas", 0)
    done = updated >= wanted and total <= updated and available >= wanted
    return Progress.COMPLETE if done else Progress.RUNNING


def live_image(deployment: Mapping[str, Any] | None) -> str | None:
    """Return the bot image of the live template."""
    if deployment is None:
        return None
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return next((c.get("image") for c in containers if c["name"] == names.CONTAINER_BOT), None)


def request_id(image: str, restart_at: str | None) -> str:
    """Name what was asked for; asking for anything else ends a rollback."""
    return f"{image} {restart_at or ''}".strip()


def rolled_back_request(deployment: Mapping[str, Any] | None) -> str | None:
    """Return the request that the live Deployment was rolled back from, if any."""
    if deployment is None:
        return None
    annotations = deployment["metadata"].get("annotations") or {}
    return annotations.get(ANNOTATION_ROLLED_BACK)


def rollback_target(facts: Facts, wanted_image: str) -> str | None:
    """Return the image to run in place of ``wanted_image``, or None to run what is wanted.

    A roll-out goes back when it passed its progress deadline or its newest pods crash-loop, and
    stays back until another image or ``restartAt`` is asked for. Without a last good image, or
    when only other fields than the image changed, there is nothing to go back to.
    """
    status = facts.bot.status.image
    good = status.last_good if status else None
    if not facts.bot.spec.rollout.auto_rollback or good is None or good == wanted_image:
        return None
    deployment = facts.deployment
    request = request_id(wanted_image, facts.bot.spec.restart_at)
    if rolled_back_request(deployment) == request:
        return good
    if live_image(deployment) != wanted_image:
        return None
    state = progress(deployment)
    pods = [pod for pod in facts.pods if pod.component == names.COMPONENT_BOT]
    failing = state is Progress.RUNNING and newest_crash_loops(pods)
    return good if state is Progress.FAILED or failing else None
