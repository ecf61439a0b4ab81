"""What counts as the handling of an event, and how a drain waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from vertice_bot.gateway.work import CURRENT, EventContext, Work

EVENT = EventContext(0, 1, "s", 7, "MESSAGE_CREATE")


@pytest.fixture
async def work() -> Iterator[Work]:
    made = Work()
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    made.install(loop)
    yield made
    loop.set_task_factory(before)


def start(coro: object) -> asyncio.Task[None]:
    token = CURRENT.set(EVENT)
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
