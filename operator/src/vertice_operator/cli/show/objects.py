"""Objects as people compare them: without what the server adds, and as YAML."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

Object = Mapping[str, Any]
Key = tuple[str, str, str]
"""Kind, namespace and name."""

_SERVERS_OWN = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)
_NAMED_BY = ("mountPath", "containerPort", "topologyKey", "uid", "name", "port")


def key(item: Object) -> Key:
    """Identify an object."""
    meta = item.get("metadata") or {}
    return (str(item.get("kind", "")), str(meta.get("namespace", "")), str(meta.get("name", "")))


def stripped(item: Object) -> dict[str, Any]:
    """Leave out the status and what only the server writes."""
    meta = {k: v for k, v in item["metadata"].items() if k not in _SERVERS_OWN}
    return {**{k: v for k, v in item.items() if k != "status"}, "metadata": meta}


def as_yaml(item: Object) -> str:
    """Write an object, its fields in alphabetical order so that two can be compared."""
    return yaml.safe_dump(dict(item), sort_keys=True, allow_unicode=True, width=100)


def unified(before: Object | None, after: Object | None, old: str, new: str) -> str:
    """Give the difference of two objects as a unified diff; empty where there is none.

    ``None`` stands for an object that does not exist.
    """
    texts = (_lines(before), _lines(after))
    if texts[0] == texts[1]:
        return ""
    item = after or before or {}
    where = "/".join(part for part in key(item) if part)
    found = difflib.unified_diff(
        texts[0], texts[1], f"{old}/{where}", f"{new}/{where}", lineterm=""
    )
    return "\n".join(found) + "\n"


def _lines(item: Object | None) -> list[str]:
    return as_yaml(item).splitlines() if item is not None else []


def project(live: Any, wanted: Any) -> Any:
    """Give of ``live`` what ``wanted`` speaks of, so that defaults of the server do not show.

    Lists of objects are matched by their names; other lists are one value.
    """
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        return {k: project(live[k], value) for k, value in wanted.items() if k in live}
    if _objects(live) and _objects(wanted):
        name = next((n for n in _NAMED_BY if all(n in each for each in (*live, *wanted))), None)
        if name is not None:
            by_name = {each[name]: each for each in wanted}
            return [project(each, by_name.get(each[name], each)) for each in live]
        if len(live) == len(wanted):
            return [project(*pair) for pair in zip(live, wanted, strict=True)]
    return live


def _objects(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(each, Mapping) for each in value)
    )
