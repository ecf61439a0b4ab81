"""Which nodes are cordoned, by a watch of those alone: a quiet one, for most clusters have none."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from vertice_operator.cluster import errors
from vertice_operator.cluster.client import KubeClient, Object
from vertice_operator.cluster.kinds import NODE

log = logging.getLogger(__name__)
_CORDONED = "spec.unschedulable=true"
_TAINT = "node.kubernetes.io/unschedulable"
_TRIES_BEFORE_WORK = 3
_WITHOUT_THE_RIGHT = 600.0


class CordonedNodes:
    """Keeps ``until``: each cordoned node, and the time until which drains of it are helped.

    Parameters
    ----------
    patience
        Seconds of help, from the time that the node was cordoned.
    on_change
        Told the names of nodes that were cordoned, uncordoned, or whose time is over.
    """

    def __init__(
        self,
        client: KubeClient,
        patience: float,
        on_change: Callable[[frozenset[str]], None],
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client, self._patience = client, timedelta(seconds=patience)
        self._on_change, self._utcnow = on_change, utcnow
        self.until: dict[str, datetime] = {}
        self.known = asyncio.Event()
        """Set once the nodes were listed, or cannot be."""

    async def run(self, pause: float = 2.0) -> None:
        """Follow the nodes until cancelled, whatever the API server does."""
        failures = 0
        while True:
            try:
                await self._follow()
                failures = 0
                continue
            except errors.ForbiddenError as error:
                log.warning("drains are not helped: %s", error)
                wait = _WITHOUT_THE_RIGHT
            except errors.ClusterError as error:
                failures += 1
                log.warning("cordoned nodes: %s", error)
                wait = min(30.0, pause * 2.0 ** min(failures - 1, 10))
            if wait == _WITHOUT_THE_RIGHT or failures >= _TRIES_BEFORE_WORK:
                self.known.set()
            await asyncio.sleep(wait)

    async def _follow(self) -> None:
        """List, then watch, again and again until the server has forgotten where we were."""
        version = ""
        nodes: list[Object] = []
        async for listed_at, page in self._client.pages(NODE, field_selector=_CORDONED):
            version = listed_at
            nodes += page
        self._replace(nodes)
        self.known.set()
        try:
            while True:
                version = await self._watch(version)
        except errors.ExpiredError:
            return

    async def _watch(self, version: str) -> str:
        """Watch until the server ends it; return where to go on from."""
        events = self._client.watch(
            NODE, None, None, version, lasting=270.0, silence=75.0, field_selector=_CORDONED
        )
        async with contextlib.aclosing(events):
            async for kind, node in events:
                version = node["metadata"]["resourceVersion"]
                if kind == "DELETED":
                    self._forget(node["metadata"]["name"])
                elif kind in ("ADDED", "MODIFIED"):
                    self._take(node)
        return version

    def _replace(self, nodes: Iterable[Object]) -> None:
        present = {node["metadata"]["name"]: node for node in nodes}
        for gone in self.until.keys() - present.keys():
            self._forget(gone)
        for node in present.values():
            self._take(node)

    def _take(self, node: Object) -> None:
        """Note a cordoned node; the taint knows since when, also over our own restarts."""
        name = node["metadata"]["name"]
        until = (_tainted_at(node) or self._utcnow()) + self._patience
        known = self.until.get(name)
        if known is not None and (_tainted_at(node) is None or known == until):
            return
        self.until[name] = until
        left = max(0.0, (until - self._utcnow()).total_seconds())
        loop = asyncio.get_running_loop()
        loop.call_later(left + 0.1, self._on_change, frozenset({name}))
        if known is None:
            self._on_change(frozenset({name}))

    def _forget(self, name: str) -> None:
        if self.until.pop(name, None) is not None:
            self._on_change(frozenset({name}))


def _tainted_at(node: Object) -> datetime | None:
    for taint in (node.get("spec") or {}).get("taints") or ():
        if taint.get("key") == _TAINT and taint.get("timeAdded"):
            return datetime.fromisoformat(taint["timeAdded"])
    return None
