"""Addresses of kinds: what is needed to build the URL of an object."""

from dataclasses import dataclass
from typing import Protocol


class Kind(Protocol):
    """The part of a kind that its URL and its body need; ``render.ChildKind`` fits as well."""

    @property
    def group(self) -> str:
        """API group, empty for core."""

    @property
    def version(self) -> str:
        """Served version."""

    @property
    def kind(self) -> str:
        """Kind in CamelCase."""

    @property
    def plural(self) -> str:
        """Resource name in the URL."""


@dataclass(frozen=True, slots=True)
class KindRef:
    """A kind that the operator reads or writes besides the children."""

    group: str
    version: str
    kind: str
    plural: str


BOT = KindRef("vertice.dev", "v1alpha1", "DiscordBot", "discordbots")
POD = KindRef("", "v1", "Pod", "pods")
NODE = KindRef("", "v1", "Node", "nodes")
SECRET = KindRef("", "v1", "Secret", "secrets")
EVENT = KindRef("", "v1", "Event", "events")
LEASE = KindRef("coordination.k8s.io", "v1", "Lease", "leases")


def api_version(kind: Kind) -> str:
    """Return the ``apiVersion`` of objects of this kind."""
    return f"{kind.group}/{kind.version}" if kind.group else kind.version


def group_path(kind: Kind) -> str:
    """Return the URL path of the kind's group and version."""
    return f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"


def path(kind: Kind, namespace: str | None = None, name: str | None = None) -> str:
    """Return the URL path of a collection (all namespaces when none is given) or an object."""
    parts = [group_path(kind)]
    if namespace:
        parts += ["namespaces", namespace]
    parts.append(kind.plural)
    if name:
        parts.append(name)
    return "/".join(parts)
