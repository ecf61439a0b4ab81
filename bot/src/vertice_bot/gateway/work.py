"""Which event a piece of work belongs to, and what is still under way.

A context variable marks the handling of an event; a task factory sees every task that descends
from it, grandchildren and slash commands included. So a drain can wait for exactly those, and an
event's sequence number counts as done only when all of them have ended.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from vertice_bot.gateway.watermark import Watermark

DETACH_SECONDS = 30.0
"""A task older than this no longer holds the watermark: a forgotten one would hold it for ever."""


@dataclass(frozen=True, slots=True)
class EventContext:
    """The event that is being handled.

    Attributes
    ----------
    shard, epoch, session, sequence:
        Where it came from, and under which ownership.
    name:
        Dispatch name, such as ``MESSAGE_CREATE``.
    mark:
        The watermark of its session.
    """

    shard: int
    epoch: int
    session: str
    sequence: int
    name: str
    mark: Watermark = field(default_factory=Watermark, compare=False, repr=False)


CURRENT: ContextVar[EventContext | None] = ContextVar("vertice_event", default=None)

# Not the handling of an event, although started by it: the time-out of a View, which runs for
# minutes, and discord.py's waiting for the last guild after READY. That waits on a queue, in a task
# of its own up to Python 3.11; who waits on a queue for an event is counted by itself.
_NOT_WORK = ("__timeout_task_impl", "_delay_ready", "_delay_shard_ready", "Queue.get")


class Holds:
    """Keeps events open whose work waits in memory, such as rows that are written in batches.

    Only the lowest number of each session is held: the watermark cannot pass it anyway.
    """

    def __init__(self) -> None:
        self._held: dict[Watermark, int] = {}

    def hold(self) -> None:
        """Hold the event that is being handled, if there is one."""
        current = CURRENT.get()
        if current is None or current.mark in self._held:
            return
        if current.mark.begin(current.sequence):
            self._held[current.mark] = current.sequence

    def release(self) -> None:
        """Let go of everything that is held."""
        held, self._held = self._held, {}
        for mark, sequence in held.items():
            mark.end(sequence)


class Work:
    """Counts the tasks that handle events.

    Parameters
    ----------
    clock:
        Seconds; only differences count.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Oldest first. The second value says whether the task holds its event open.
        self._tasks: dict[asyncio.Task[Any], tuple[EventContext, float, bool]] = {}
        self.detached = 0

    def __len__(self) -> int:
        return len(self._tasks)

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the loop make tasks through this object."""
        loop.set_task_factory(self._make)  # type: ignore[arg-type]  # typeshed wants generics

    def _make(
        self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
        current = CURRENT.get()
        if current is None or getattr(coro, "__qualname__", "").endswith(_NOT_WORK):
            return task
        holds = current.mark.begin(current.sequence)
        self._tasks[task] = (current, self._clock(), holds)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        found = self._tasks.pop(task, None)
        if found is not None and found[2]:
            found[0].mark.end(found[0].sequence)

    def busy(self, shard: int) -> bool:
        """Say whether handlers of a shard's events are under way."""
        return any(context.shard == shard for context, _, _ in self._tasks.values())

    def detach_old(self) -> int:
        """Let tasks that run for very long no longer hold their events open; gives how many."""
        oldest = self._clock() - DETACH_SECONDS
        old = []
        for task, (_, started, _) in self._tasks.items():
            if started > oldest:
                break
            old.append(task)
        for task in old:
            self._ended(task)
        self.detached += len(old)
        return len(old)

    async def drained(self, seconds: float, shard: int | None = None) -> int:
        """Wait until nothing is under way.

        Parameters
        ----------
        seconds:
            How long at most.
        shard:
            Only the work of this shard; None for all.

        Returns
        -------
        int
            Tasks that were left.  They are cancelled, and their events stay open: whoever resumes
            the session gets those events again.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (left := self._of(shard)) and loop.time() < deadline:
            await asyncio.wait(left, timeout=deadline - loop.time())
        for task in left:
            # Without ending its event: it was not handled to the end.
            self._tasks.pop(task, None)
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=1.0)
        return len(left)

    def _of(self, shard: int | None) -> set[asyncio.Task[Any]]:
        me = asyncio.current_task()
        return {
            task
            for task, (context, _, _) in self._tasks.items()
            if (shard is None or context.shard == shard) and task is not me
        }
