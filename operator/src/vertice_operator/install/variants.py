"""The installations that the repository ships and tests, and how one differs from another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from vertice_operator.install.holes import fill
from vertice_operator.install.objects import namespace, objects
from vertice_operator.install.options import NAMESPACE, choose
from vertice_operator.runtime.settings import PREFIX

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Kind, namespace, name."""

OVERLAYS: Final[Mapping[str, Mapping[str, Any]]] = {
    "namespaced": {"namespaces": ["bots"]},
    "single": {"replicas": 1},
    "dev": {
        "replicas": 1,
        "image.tag": "dev",
        "bot.image": "vertice-bot:dev",
        "bot.proxyImage": "cloud-sql-proxy:dev",
        "env": [{"name": f"{PREFIX}STATUSZ_SECONDS", "value": "3"}],
    },
}
"""Name of the kustomize overlay to the values that make the same."""

COMPONENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "network-policy": {"networkPolicy.enabled": True},
    "monitoring": {"monitoring.enabled": True, "monitoring.alerts": True},
    "priority-class": {"bot.priorityClass": True},
}
"""Name of the kustomize component to the values that make the same."""


class InexpressibleError(ValueError):
    """A variant leaves something out that a strategic merge cannot leave out."""


def trees(values: Mapping[str, Any], where: str = NAMESPACE) -> list[Any]:
    """Return the filled objects with comments: the namespace first, the definition not at all."""
    scope = choose(values, where)
    filled: list[Any] = fill([namespace(), *objects()], scope)
    return filled


def identity(found: Mapping[str, Any]) -> Key:
    """Return what tells an object from all others."""
    meta = found["metadata"]
    return found["kind"], meta.get("namespace", ""), meta["name"]


def by_identity(found: Iterable[Object]) -> dict[Key, Object]:
    """Return the objects by what tells them apart."""
    return {identity(each): each for each in found}


def strategic_patch(old: Object, new: Object) -> Object:
    """Return the strategic merge patch from one object to another.

    Lists of maps with ``name`` are merged by it, as Kubernetes does for containers and variables.

    Raises
    ------
    InexpressibleError
        When ``new`` lacks something that ``old`` has.
    """
    head = {key: new[key] for key in ("apiVersion", "kind")}
    meta = {key: new["metadata"][key] for key in ("name", "namespace") if key in new["metadata"]}
    return head | {"metadata": meta} | _maps(old, new)


def _maps(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    gone = sorted(set(old) - set(new))
    if gone:
        raise InexpressibleError(f"{', '.join(gone)} is left out")
    return {
        key: value if key not in old else _difference(old[key], value)
        for key, value in new.items()
        if key not in old or old[key] != value
    }


def _difference(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return _maps(old, new)
    if _named(old) and _named(new):
        before = {each["name"]: each for each in old}
        if set(before) - {each["name"] for each in new}:
            raise InexpressibleError("an element of a list is left out")
        return [
            {"name": each["name"]} | _maps(before.get(each["name"], {}), each)
            for each in new
            if before.get(each["name"]) != each
        ]
    return new


def _named(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, dict) and "name" in each for each in value
    )
