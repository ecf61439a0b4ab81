"""Under which ownership an effect stands."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from vertice_bot.effects import FenceToken, HeldFence
from vertice_bot.gateway.ownership import Alone, Claim, LeaseTimes, Ownership, Seen
from vertice_bot.gateway.work import CURRENT, EventContext


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def take(ownership: Ownership, now: float, **epochs: int) -> None:
    rows = {int(name.removeprefix("s")): epoch for name, epoch in epochs.items()}
    seen = [Seen(row, None, 0, 0, None, True, None) for row in rows]
    request = ownership.start_take(seen, now)
    assert request is not None
    ownership.finish_take(request, {r: Claim(r, e, 1) for r, e in rows.items()}, now)


@contextmanager
def event(shard: int, epoch: int) -> Iterator[EventContext]:
    context = EventContext(shard, epoch, "s", 7, "MESSAGE_CREATE")
    token = CURRENT.set(context)
    yield context
    CURRENT.reset(token)


def held() -> tuple[HeldFence, Ownership, Clock]:
    clock = Clock()
    ownership = Ownership(LeaseTimes(6.0, 2.0, 1.0))
    take(ownership, clock(), s2=5, s3=9)
    return HeldFence(ownership, clock), ownership, clock


def test_an_event_stands_under_its_own_shard() -> None:
    fence, _, _ = held()
    with event(3, 9):
        assert fence.token() == FenceToken(3, 9)
    with event(4, 1):
        assert fence.token() is None


def test_an_event_of_an_earlier_ownership_of_the_same_process_does_not_pass() -> None:
    fence, ownership, clock = held()
    with event(2, 5):
        assert fence.token() == FenceToken(2, 5)
        ownership.start_release([2])
        assert fence.token() is None
        # Somebody else had it, and handled events, before it came back here.
        take(ownership, clock(), s2=7)
        assert fence.token() is None
    with event(2, 7):
        assert fence.token() == FenceToken(2, 7)


def test_work_without_an_event_stands_under_any_shard_that_is_ours() -> None:
    fence, ownership, clock = held()
    assert fence.token() == FenceToken(2, 5)
    ownership.start_release([2])
    assert fence.token() == FenceToken(3, 9)
    clock.now += 5.0
    assert fence.token() is None


async def test_a_handler_waits_while_ownership_is_not_provable() -> None:
    fence, ownership, clock = held()
    with event(2, 5) as context:
        assert await fence.may_start(context)
        clock.now += 5.0
        waiting = asyncio.create_task(fence.may_start(context))
        await asyncio.wait({waiting}, timeout=0.1)
        assert not waiting.done()
        renewal = ownership.start_renewal(clock())
        assert renewal is not None
        ownership.finish_renewal(renewal, {2, 3}, clock())
        assert await waiting


async def test_a_handler_of_a_lost_shard_does_not_start() -> None:
    fence, ownership, clock = held()
    clock.now += 5.0
    with event(2, 5) as context:
        waiting = asyncio.create_task(fence.may_start(context))
        await asyncio.sleep(0)
        renewal = ownership.start_renewal(clock())
        assert renewal is not None
        ownership.finish_renewal(renewal, {3}, clock())
        assert not await waiting


def test_a_single_process_owns_everything() -> None:
    fence = HeldFence(Alone(range(2)), Clock())
    with event(1, 0):
        assert fence.token() == FenceToken(1, 0)
