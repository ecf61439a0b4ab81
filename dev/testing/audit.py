"""The API server's own record of who did what, and questions about it; pure but for the reading."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_CREDENTIAL = "authentication.kubernetes.io/credential-id"
_READS = frozenset({"get", "list", "watch"})


@dataclass(frozen=True)
class Act:
    """One request, as the server judged and answered it.

    Attributes
    ----------
    at
        Seconds since the epoch at which it arrived.
    credential
        Which token was used; see `credential_of`.
    group, resource, verb
        As roles name them; the resource with its subresource.
    namespace, name
        Of the object; empty where there is none.
    status
        HTTP status of the answer.
    """

    at: float
    credential: str
    group: str
    resource: str
    verb: str
    namespace: str
    name: str
    status: int

    @property
    def write(self) -> bool:
        """Whether it changed something, the renewal of a Lease left out."""
        changes = self.verb not in _READS and self.resource != "leases"
        return changes and self.status < 400

    def rights(self) -> Iterator[tuple[str, str, str]]:
        """Yield the rights that it needed: an apply that makes an object needs two."""
        yield self.group, self.resource, self.verb
        if self.verb == "patch" and self.status == 201:
            yield self.group, self.resource, "create"


def credential_of(token: str) -> str:
    """Return how the audit log names a service account's token."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return f"JTI={claims['jti']}"


def acts(log: Path) -> list[Act]:
    """Read an audit log of level Metadata; a line that is being written is left for later."""
    whole = log.read_text(encoding="utf-8").rpartition("\n")[0]
    return [act for line in whole.splitlines() if (act := _act(json.loads(line))) is not None]


def _act(event: dict[str, Any]) -> Act | None:
    target = event.get("objectRef")
    if target is None or "resource" not in target:
        return None  # /version and the like, which every client may read
    sub = target.get("subresource")
    arrived = datetime.fromisoformat(event["requestReceivedTimestamp"].replace("Z", "+00:00"))
    ids = event["user"].get("extra", {}).get(_CREDENTIAL, [""])
    return Act(
        at=arrived.timestamp(),
        credential=ids[0],
        group=target.get("apiGroup", ""),
        resource=f"{target['resource']}/{sub}" if sub else target["resource"],
        verb=event["verb"],
        namespace=target.get("namespace", ""),
        name=target.get("name", ""),
        status=event.get("responseStatus", {}).get("code", 0),
    )
