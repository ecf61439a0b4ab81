"""Did somebody change or delete a child behind our back, or do we want something else now?"""

from collections.abc import Mapping
from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1.status import ChildState
from vertice_operator.decide.diff import first_difference
from vertice_operator.decide.facts import Facts


def was_deleted(facts: Facts, kind: str, name: str) -> bool:
    """Tell whether a child that is not there was there when the status was written last.

    To delete a Job is how its migration is tried again, so that is no drift.
    """
    if kind == "Job":
        return False
    return any(
        (each.kind, each.name, each.state) == (kind, name, ChildState.APPLIED)
        for each in facts.bot.status.children
    )


def was_changed(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Tell whether a live child that differs from ``wanted`` is not what we last made of it.

    The hash that we wrote on it says what we last wanted. Where the hash is the only difference,
    somebody changed the hash.
    """
    key = names.ANNOTATION_SPEC_HASH
    hashes = [(each["metadata"].get("annotations") or {}).get(key) for each in (wanted, live)]
    if hashes[0] == hashes[1]:
        return True
    meta = wanted["metadata"]
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != key}
    content = {k: v for k, v in wanted.items() if k not in ("apiVersion", "kind")}
    content["metadata"] = {**meta, "annotations": annotations}
    return first_difference(content, live) is None
