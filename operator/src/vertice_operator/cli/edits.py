"""What the changing commands make of a resource. Pure: a live resource in, the wanted one out."""

import copy
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from vertice_operator.api.conditions import timestamp
from vertice_operator.api.names import ANNOTATION_PAUSED
from vertice_operator.cli.exits import ExitCode, Refusal

Object = dict[str, Any]
KEPT_AT_ROLLBACK = ("policy", "replicas")
"""Fields that a rollback leaves: guild configuration and scale are no part of a roll-out."""


def paused(bot: Object) -> Object:
    """Ask the operator to leave everything as it is."""
    made = copy.deepcopy(bot)
    made["metadata"].setdefault("annotations", {})[ANNOTATION_PAUSED] = "true"
    return made


def resumed(bot: Object) -> Object:
    """Let the operator work again."""
    made = copy.deepcopy(bot)
    annotations = made["metadata"].get("annotations") or {}
    annotations.pop(ANNOTATION_PAUSED, None)
    made["metadata"]["annotations"] = annotations
    if not annotations:
        del made["metadata"]["annotations"]
    return made


def suspended(bot: Object) -> Object:
    """Stop all pods and keep all objects."""
    return _with_spec(bot, suspend=True)


def unsuspended(bot: Object) -> Object:
    """Start the pods again."""
    return _with_spec(bot, suspend=False) if bot["spec"].get("suspend") else bot


def restarted(bot: Object, now: datetime) -> Object:
    """Ask for new pods, and with them for the operator's newest default images."""
    return _with_spec(bot, restartAt=timestamp(now))


def rolled_back(bot: Object, revision: Mapping[str, Any]) -> Object:
    """Give the resource the spec of a revision, but for what a rollback leaves.

    Parameters
    ----------
    revision
        The ControllerRevision.

    Raises
    ------
    Refusal
        The revision is not this bot's, or holds no spec.
    """
    meta, owner = revision["metadata"], bot["metadata"].get("uid")
    owned = any(each.get("uid") == owner for each in meta.get("ownerReferences") or ())
    spec = (revision.get("data") or {}).get("spec")
    if not owned or not isinstance(spec, Mapping):
        why = "holds no spec" if owned else "does not belong to this bot"
        raise Refusal(
            ExitCode.USAGE, f"ControllerRevision {meta['name']} {why}; nothing was changed"
        )
    wanted = {key: value for key, value in spec.items() if key not in KEPT_AT_ROLLBACK}
    kept = {key: bot["spec"][key] for key in KEPT_AT_ROLLBACK if key in bot["spec"]}
    return {**copy.deepcopy(bot), "spec": copy.deepcopy({**wanted, **kept})}


def choose_revision(bot: Mapping[str, Any], number: int | None) -> Mapping[str, Any]:
    """Give the entry of the history to go back to.

    Without a number: the newest good one besides the one that runs now.

    Raises
    ------
    Refusal
        There is no history, no such revision, or no good one to go back to.
    """
    history: Sequence[Mapping[str, Any]] = (bot.get("status") or {}).get("history") or ()
    name = bot["metadata"]["name"]
    if not history:
        raise Refusal(
            ExitCode.NOT_FOUND,
            f"{name} has no history yet: a revision is kept with each roll-out. To take an older "
            "image set spec.image.",
        )
    known = ", ".join(f"{each['revision']} ({each.get('outcome', '?')})" for each in history)
    if number is not None:
        for each in history:
            if each["revision"] == number:
                return each
        raise Refusal(ExitCode.NOT_FOUND, f"{name} has no revision {number}; there are {known}")
    newest = max(each["revision"] for each in history)
    good = [e for e in history if e.get("outcome") == "Good" and e["revision"] != newest]
    if not good:
        text = f"{name} has no earlier revision that ended Good; there are {known}. Choose: --to N"
        raise Refusal(ExitCode.NOT_FOUND, text)
    return max(good, key=lambda each: int(each["revision"]))


def _with_spec(bot: Object, **fields: Any) -> Object:
    return {**copy.deepcopy(bot), "spec": {**copy.deepcopy(bot["spec"]), **fields}}
