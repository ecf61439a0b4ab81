"""What counts as the handling of an event, and how a drain waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from vertice_bot.gateway.watermark import Watermark
from vertice_bot.gateway.work import CURRENT, DETACH_SECONDS, EventContext, Holds, Work

EVENT = EventContext(0, 1, "s", 7, "MESSAGE_CREATE")


@pytest.fixture
async def work() -> Iterator[Work]:
    made = Work()
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    made.install(loop)
    yield made
    loop.set_task_factory(before)


def start(coro: object, event: EventContext = EVENT) -> asyncio.Task[None]:
    token = CURRENT.set(event)
    try:
        return asyncio.get_running_loop().create_task(coro)  # type: ignore[arg-type]
    finally:
        CURRENT.reset(token)


async def test_only_tasks_of_events_count(work: Work) -> None:
    gate = asyncio.Event()
    other = asyncio.get_running_loop().create_task(gate.wait())
    mine = start(gate.wait())
    assert len(work) == 1
    gate.set()
    await asyncio.gather(other, mine)
    assert len(work) == 0


async def test_a_drain_waits_for_grandchildren(work: Work) -> None:
    done = []

    async def grandchild() -> None:
        await asyncio.sleep(0.05)
        done.append("grandchild")

    async def child() -> None:
        asyncio.create_task(grandchild())  # noqa: RUF006

    start(child())
    assert await work.drained(2.0) == 0
    assert done == ["grandchild"]


async def test_a_drain_ends_and_cancels_what_is_left(work: Work) -> None:
    task = start(asyncio.Event().wait())
    assert await work.drained(0.05) == 1
    assert task.cancelled()


async def test_the_time_out_of_a_view_is_no_work(work: Work) -> None:
    import discord

    gate = asyncio.Event()

    async def handler() -> None:
        view = discord.ui.View(timeout=60)
        view._start_listening_from_store(discord.ui.view.ViewStore(None))  # type: ignore[arg-type]
        await gate.wait()

    task = start(handler())
    await asyncio.sleep(0)
    assert len(work) == 1
    gate.set()
    await task
    assert len(work) == 0


async def test_waiting_for_the_last_guild_after_ready_holds_up_no_drain(work: Work) -> None:
    # As discord.py does it: a queue with a time-out, which runs as a task of its own.
    async def _delay_shard_ready() -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Queue[int]().get(), timeout=2.0)

    waiting = start(_delay_shard_ready())
    await asyncio.sleep(0)
    assert len(work) == 0
    waiting.cancel()


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_an_event_is_done_when_its_last_task_has_ended(work: Work) -> None:
    mark = Watermark()
    gate, inner = asyncio.Event(), asyncio.Event()

    async def grandchild() -> None:
        await inner.wait()

    async def handler() -> None:
        children.append(asyncio.create_task(grandchild()))
        await gate.wait()

    children: list[asyncio.Task[None]] = []
    mark.begin(1)
    task = start(handler(), EventContext(0, 1, "s", 1, "MESSAGE_CREATE", mark))
    mark.end(1)
    await asyncio.sleep(0)
    gate.set()
    await task
    await asyncio.sleep(0)
    assert mark.done == 0
    inner.set()
    await asyncio.gather(*children)
    await asyncio.sleep(0)
    assert mark.done == 1


async def test_what_a_drain_cancels_stays_open_for_the_next_owner(work: Work) -> None:
    mark = Watermark()
    for seq in (1, 2):
        mark.begin(seq)
    slow = start(asyncio.Event().wait(), EventContext(0, 1, "s", 1, "MESSAGE_CREATE", mark))
    other = start(asyncio.Event().wait(), EventContext(5, 1, "t", 1, "MESSAGE_CREATE"))
    for seq in (1, 2):
        mark.end(seq)
    assert await work.drained(0.0, shard=0) == 1
    assert slow.cancelled()
    assert (mark.done, mark.received) == (0, 2)
    assert not other.done()
    other.cancel()


async def test_a_forgotten_task_holds_the_watermark_for_a_while_only() -> None:
    clock, mark = Time(), Watermark()
    made = Work(clock)
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    made.install(loop)
    mark.begin(1)
    task = start(asyncio.Event().wait(), EventContext(0, 1, "s", 1, "MESSAGE_CREATE", mark))
    mark.end(1)
    clock.now = DETACH_SECONDS - 0.1
    assert made.detach_old() == 0
    assert mark.done == 0
    clock.now = DETACH_SECONDS + 0.1
    assert made.detach_old() == 1
    assert mark.done == 1
    task.cancel()
    loop.set_task_factory(before)


def test_what_waits_in_memory_holds_its_oldest_event() -> None:
    mark, holds = Watermark(), Holds()
    for seq in (1, 2, 3):
        mark.begin(seq)
        token = CURRENT.set(EventContext(0, 1, "s", seq, "MESSAGE_CREATE", mark))
        holds.hold()
        CURRENT.reset(token)
        mark.end(seq)
    assert (mark.done, mark.received) == (0, 3)
    holds.release()
    assert mark.done == 3
    holds.hold()  # without an event there is nothing to hold
