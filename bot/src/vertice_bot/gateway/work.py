"""Which event a piece of work belongs to, and what is still under way.

A context variable marks the handling of an event; a task factory sees every task that descends
from it, grandchildren and slash commands included, so a drain can wait for exactly those.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EventContext:
    """The event that is being handled.

    Attributes
    ----------
    shard, epoch, session, sequence:
        Where it came from, and under which ownership.
    name:
        Dispatch name, such as ``MESSAGE_CREATE``.
    """

    shard: int
    epoch: int
    session: str
    sequence: int
    name: str


CURRENT: ContextVar[EventContext | None] = ContextVar("vertice_event", default=None)

# Not the handling of an event, although started by it: the time-out of a View, which runs for
# minutes, and discord.py's waiting for the last guild after READY. That waits on a queue, in a task
# of its own up to Python 3.11; who waits on a queue for an event is counted by itself.
_NOT_WORK = ("__timeout_task_impl", "_delay_ready", "_delay_shard_ready", "Queue.get")


class Work:
    """Counts the tasks that handle events."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the loop make tasks through this object."""
        loop.set_task_factory(self._make)  # type: ignore[arg-type]  # typeshed wants generics

    def _make(
        self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **options: Any
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
        if CURRENT.get() is not None and not getattr(coro, "__qualname__", "").endswith(_NOT_WORK):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return task

    async def drained(self, seconds: float) -> int:
        """Wait until nothing is under way.

        Parameters
        ----------
        seconds:
            How long at most.

        Returns
        -------
        int
            Tasks that are left; they were cancelled.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self._tasks and loop.time() < deadline:
            await asyncio.wait(set(self._tasks), timeout=deadline - loop.time())
        left = set(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=1.0)
        return len(left)
