"""What a request did, and questions about many of them; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_PATH = re.compile(
    r"^/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]+))?"
    r"(?:/(?P<resource>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<subresource>[^/]+))?)?)?$"
)


@dataclass(frozen=True)
class Request:
    """One request as the proxy saw it.

    Parameters
    ----------
    at
        Monotonic seconds at which it arrived.
    method, path
        Of the HTTP request; the path has no query.
    watch
        Whether it is a long-running watch.
    status
        HTTP status of the answer; 0 when there was none.
    """

    at: float
    method: str
    path: str
    watch: bool
    status: int

    @property
    def write(self) -> bool:
        """Whether it could change something."""
        return self.method in _WRITES

    @property
    def resource(self) -> str:
        """``discordbots/status`` and the like; empty for paths that name no resource."""
        match = _PATH.match(self.path)
        if match is None or match["resource"] is None:
            return ""
        return (
            f"{match['resource']}/{match['subresource']}"
            if match["subresource"]
            else match["resource"]
        )

    @property
    def namespace(self) -> str:
        """The namespace, or empty."""
        match = _PATH.match(self.path)
        return (match["namespace"] or "") if match else ""


def steady(request: Request) -> bool:
    """Say whether a write is the leader's renewal, the one steady writer that is allowed."""
    return request.resource == "leases"


def writes(
    requests: Iterable[Request], leave_out: Callable[[Request], bool] = steady
) -> Counter[str]:
    """Count writes by resource, without those of ``leave_out``."""
    return Counter(each.resource for each in requests if each.write and not leave_out(each))
