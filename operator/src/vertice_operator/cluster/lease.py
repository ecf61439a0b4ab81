"""Reads and writes of the leader Lease, with the resourceVersion as the guard of each write."""

from dataclasses import dataclass
from typing import Any

from vertice_operator.cluster import errors
from vertice_operator.cluster.client import KubeClient
from vertice_operator.cluster.kinds import LEASE, api_version


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """What a Lease says.

    ``version`` is the server's resourceVersion: whoever writes must have seen the newest one.
    """

    holder: str
    duration_seconds: int
    transitions: int
    version: str


class LeaseStore:
    """One named Lease object.

    These writes do not pass the leader guard of the client: they are what it rests on.
    """

    def __init__(self, client: KubeClient, namespace: str, name: str) -> None:
        self._client, self._namespace, self._name = client, namespace, name

    async def read(self) -> LeaseRecord | None:
        """Return the Lease, or None when it does not exist."""
        try:
            return _record(await self._client.get(LEASE, self._namespace, self._name))
        except errors.NotFoundError:
            return None

    async def write(
        self, record: LeaseRecord | None, holder: str, duration: int, now: str
    ) -> LeaseRecord:
        """Make ``holder`` the holder, provided that the Lease is still as in ``record``.

        ``now`` is an RFC 3339 time for people and other tools; no decision of ours rests on it.
        Raises :class:`errors.ConflictError` when somebody was faster.
        """
        changed = record is None or record.holder != holder
        transitions = (record.transitions if record else 0) + int(changed and bool(holder))
        body: dict[str, Any] = {
            "apiVersion": api_version(LEASE),
            "kind": LEASE.kind,
            "metadata": {"namespace": self._namespace, "name": self._name},
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": duration,
                "leaseTransitions": transitions,
                "renewTime": now,
            },
        }
        if changed:
            body["spec"]["acquireTime"] = now
        if record is None:
            return _record(await self._client.create(LEASE, body, guarded=False))
        body["metadata"]["resourceVersion"] = record.version
        return _record(await self._client.replace(LEASE, body, guarded=False))


def _record(lease: dict[str, Any]) -> LeaseRecord:
    spec = lease.get("spec") or {}
    return LeaseRecord(
        holder=spec.get("holderIdentity") or "",
        duration_seconds=spec.get("leaseDurationSeconds") or 0,
        transitions=spec.get("leaseTransitions") or 0,
        version=lease["metadata"]["resourceVersion"],
    )
