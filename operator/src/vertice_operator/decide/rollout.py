"""How the roll-out stands."""

import enum
from collections.abc import Mapping
from typing import Any

from vertice_operator.api import names
from vertice_operator.decide.images import Pins
from vertice_operator.render import History


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


def proved(deployment: Mapping[str, Any] | None) -> bool:
    """Tell whether all pods run what the Deployment says, and there are any.

    A Deployment at 0 replicas is complete without having proved anything.
    """
    if deployment is None or deployment["spec"].get("replicas", 1) == 0:
        return False
    return progress(deployment) is Progress.COMPLETE


def live_image(deployment: Mapping[str, Any] | None) -> str | None:
    """Return the bot image of the live template."""
    if deployment is None:
        return None
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return next((c.get("image") for c in containers if c["name"] == names.CONTAINER_BOT), None)


def request_id(revision: str, restart_at: str | None) -> str:
    """Name what was asked for; asking for anything else ends a rollback."""
    return f"{revision} {restart_at or ''}".strip()


def rolled_back(past: History) -> str:
    """Say what failed, what runs instead, and how to try again."""
    assert past.running is not None
    failed, good = past.asked, past.running
    images = (failed.revision.image, good.revision.image)
    what = f" ({images[0]})" if images[0] != images[1] else ", with the same image"
    return (
        f"the roll-out of revision {failed.number}{what} failed, so revision {good.number} "
        f"({images[1]}) runs again, with its own configuration. Correct the spec, or set restartAt "
        "to try the same again."
    )


def update(pins: Pins, past: History) -> str:
    """Say what a newer operator would do otherwise, and how to have it; empty where nothing."""
    found = []
    if pins.update_available is not None:
        found.append(
            f"{pins.update_available} came with a newer operator; set restartAt to take it, or "
            "rollout.adoptOperatorDefaults to always do so."
        )
    if past.held:
        found.append(
            f"This operator would make the pods in another way ({past.held}). That waits for the "
            "next change of the spec that reaches the pods, for restartAt, or for "
            "rollout.adoptOperatorDefaults."
        )
    return " ".join(found)
