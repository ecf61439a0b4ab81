"""Our own list and watch of the children, one stream for each kind.

kopf keeps about 12 KiB for every object that it watches and starts a task for every one that
changes; ten children a resource made that the largest part of this process. Here an event goes
straight into the cache and nothing else is kept. One kind that is refused or missing holds up no
other: its stream alone is tried again.

A stream that brings neither an event nor a bookmark for longer than the server's interval is taken
for dead. One that brings bookmarks, and not what happened, is found out by the full list
(:meth:`ListWatcher.behind`).
"""

import asyncio
import collections
import contextlib
import logging
import random
from collections.abc import Callable, Iterable
from typing import Any

from vertice_operator.api import names
from vertice_operator.cluster import errors
from vertice_operator.cluster.cache import BotKey, LiveCache
from vertice_operator.cluster.client import KubeClient
from vertice_operator.cluster.kinds import Kind
from vertice_operator.cluster.listing import bring_in_line
from vertice_operator.cluster.versions import newer
from vertice_operator.runtime.watcher import Sink

log = logging.getLogger(__name__)
_HEALTHY = 10.0
"""Seconds of a stream after which the back-off starts over."""


class ListWatcher:
    """Keeps a stream open for each kind and namespace and hands every event to ``sink``.

    Parameters
    ----------
    sink
        Called with the kind, the event's type (None for what a list brought) and the object.
    lost
        Told the bots whose children were deleted while nobody watched.
    namespaces
        Exact names, or empty for the whole cluster.
    restarts
        Counts the streams that ended otherwise than in good order, by reason.
    silence, lasting
        Seconds without a byte after which a stream is dead, and seconds that one is asked to last.
    base, cap
        Back-off of each stream in seconds.
    """

    def __init__(
        self,
        client: KubeClient,
        cache: LiveCache,
        sink: Sink,
        lost: Callable[[Iterable[BotKey]], None],
        kinds: Iterable[Kind],
        namespaces: tuple[str, ...],
        restarts: collections.Counter[str],
        *,
        silence: float = 75.0,
        lasting: float = 270.0,
        base: float = 0.5,
        cap: float = 10.0,
    ) -> None:
        self._client, self._cache, self._sink, self._lost = client, cache, sink, lost
        self._scopes: tuple[str | None, ...] = namespaces or (None,)
        self._kinds, self.restarts = tuple(kinds), restarts
        self._silence, self._lasting, self._base, self._cap = silence, lasting, base, cap
        self._closing, self._again, self._turned = False, asyncio.Event(), asyncio.Event()
        self._streams: dict[tuple[str, str | None], str] = {}

    async def run(self) -> None:
        """Watch until :meth:`close`."""
        while not self._closing:
            self._again.clear()
            async with asyncio.TaskGroup() as group:
                tasks: dict[tuple[Kind, str | None], asyncio.Task[None]] = {}
                while not self._again.is_set():
                    self._turned.clear()
                    self._adjust(group, tasks)
                    await self._turned.wait()
                for task in tasks.values():
                    task.cancel()

    def follow(self, kinds: Iterable[Kind]) -> None:
        """Watch exactly these kinds from now on; streams of those that stay go on."""
        self._kinds = tuple(kinds)
        self._turned.set()

    def _adjust(
        self,
        group: asyncio.TaskGroup,
        tasks: dict[tuple[Kind, str | None], asyncio.Task[None]],
    ) -> None:
        """Start the streams that are wanted and not there, end those that are not wanted."""
        wanted = {(kind, scope) for kind in self._kinds for scope in self._scopes}
        for gone in tasks.keys() - wanted:
            tasks.pop(gone).cancel()
        for kind, scope in sorted(wanted - tasks.keys(), key=_in_order):
            keep = self._keep(kind, scope)
            tasks[kind, scope] = group.create_task(keep, name=f"watch-{kind.plural}")

    def restart(self, reason: str) -> None:
        """Drop all streams, list again and watch again."""
        log.warning("listing and watching the children anew: %s", reason)
        self.restarts[reason] += 1
        self._again.set()
        self._turned.set()

    def close(self) -> None:
        """Make :meth:`run` return."""
        self._closing = True
        self._again.set()
        self._turned.set()

    def behind(self, kind: str, version: str) -> bool:
        """Tell whether an open stream has not got as far as ``version`` of an object of a kind.

        A stream that is being opened anew is no liar; it lists first.
        """
        reached = [seen for (plural, _), seen in self._streams.items() if plural == kind]
        return bool(reached) and all(newer(version, seen, unordered=False) for seen in reached)

    async def _keep(self, kind: Kind, scope: str | None) -> None:
        """List and watch one kind for ever."""
        clock = asyncio.get_running_loop().time
        delay, version = self._base, ""
        while True:
            started = clock()
            version, fault = await self._turn(kind, scope, version)
            healthy = clock() - started > _HEALTHY
            if healthy:
                delay = self._base
            if fault:
                self.restarts[fault] += 1
            if fault or not healthy:
                await asyncio.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311
                delay = min(2 * delay, self._cap)

    async def _turn(self, kind: Kind, scope: str | None, version: str) -> tuple[str, str]:
        """Follow one stream to its end, whatever that is.

        Return where the next one goes on, empty where only a list can tell, and the name of the
        fault that ended this one, empty for the end in good order.
        """
        fault = ""
        try:
            version = version or await self._list(kind, scope)
            await self._follow(kind, scope, version)
        except errors.TransportError as error:
            fault = type(error).__name__
            log.warning("the watch of %s broke and goes on: %s", kind.plural, error)
        except errors.ClusterError as error:
            fault, version = type(error).__name__, ""
            log.warning("the watch of %s ended and starts over: %s", kind.plural, error)
        except Exception as error:
            # A bug met by one object; the other kinds must not go with it.
            fault, version = type(error).__name__, ""
            log.exception("the watch of %s starts over", kind.plural)
        finally:
            reached = self._streams.pop((kind.plural, scope), "")
        return (reached if version else ""), fault

    async def _list(self, kind: Kind, scope: str | None) -> str:
        """Hand over everything that there is, and return where the watch goes on."""

        def take(item: dict[str, Any]) -> None:
            self._sink(kind, None, item)

        listed = await bring_in_line(self._client, self._cache, kind, scope, take)
        if listed.lost:
            self._lost(listed.lost)
        return listed.version

    async def _follow(self, kind: Kind, scope: str | None, version: str) -> None:
        """Hand over every change after ``version`` until the stream ends."""
        where = (kind.plural, scope)
        self._streams[where] = version
        events = self._client.watch(
            kind,
            scope,
            names.LABEL_BOT,
            version,
            lasting=self._lasting * random.uniform(0.9, 1.1),  # noqa: S311 - spreads load
            silence=self._silence,
        )
        async with contextlib.aclosing(events):
            async for event, document in events:
                self._streams[where] = document["metadata"]["resourceVersion"]
                if event != "BOOKMARK":
                    self._sink(kind, event, document)


def _in_order(stream: tuple[Kind, str | None]) -> tuple[str, str]:
    return stream[0].plural, stream[1] or ""
