import asyncio
import collections
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_operator.runtime.queue import Backoff, Key, WorkQueue

A, B = Key("ns", "a"), Key("ns", "b")


def now() -> float:
    return asyncio.get_running_loop().time()


def steady(base: float = 0.5) -> WorkQueue:
    return WorkQueue(base=base, uniform=lambda low, high: (low + high) / 2)


def test_a_burst_on_one_key_is_one_entry(virtual: Any) -> None:
    async def main() -> None:
        queue = steady()
        for _ in range(300):
            queue.add(A)
        assert (len(queue), await queue.get()) == (1, A)
        assert len(queue) == 0

    virtual(main())


def test_an_event_during_the_work_is_served_after_it_and_never_beside_it(virtual: Any) -> None:
    async def main() -> None:
        queue = steady()
        queue.add(A)
        held = await queue.get()
        queue.add(A)
        queue.add(A)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await queue.get()
        queue.done(held)
        assert await queue.get() == A
        queue.done(A)
        assert (len(queue), queue.unfinished) == (0, 0)

    virtual(main())


@pytest.mark.parametrize(
    ("patience", "delays"),
    [
        pytest.param(Backoff.TRANSIENT, [0.5, 1, 2, 4, 8, 16, 30, 30], id="transient"),
        pytest.param(Backoff.REFUSED, [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300], id="ref"),
    ],
)
def test_retries_double_up_to_the_bound(
    virtual: Any, patience: Backoff, delays: list[float]
) -> None:
    async def main() -> list[float]:
        queue, seen = steady(), []
        queue.add(A)
        for _ in delays:
            key = await queue.get()
            started = now()
            queue.retry(key, patience)
            queue.done(key)
            await queue.get()
            seen.append(round(now() - started, 3))
            queue.done(A)
            queue.add(A)
        return seen

    assert virtual(main()) == pytest.approx(delays, abs=0.01)


def test_success_starts_the_back_off_over_and_a_server_may_ask_for_more(virtual: Any) -> None:
    async def main() -> None:
        queue = steady()
        assert [queue.retry(A, Backoff.TRANSIENT) for _ in range(3)] == [0.5, 1, 2]
        queue.forget(A)
        assert queue.retry(A, Backoff.TRANSIENT) == 0.5
        assert queue.retry(A, Backoff.TRANSIENT, at_least=17) == 17
        assert queue.failing == 1

    virtual(main())


def test_of_several_wake_ups_the_earliest_stays(virtual: Any) -> None:
    async def main() -> None:
        queue = steady()
        queue.add_after(A, 60)
        queue.add_after(A, 5)
        queue.add_after(A, 30)
        await queue.get()
        assert now() == pytest.approx(5, abs=0.01)
        queue.done(A)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(600):
                await queue.get()

    virtual(main())


def test_a_discarded_key_does_not_come_back(virtual: Any) -> None:
    async def main() -> None:
        queue = steady()
        queue.retry(A, Backoff.REFUSED)
        queue.discard(A)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(600):
                await queue.get()
        assert queue.failing == 0

    virtual(main())


@given(
    plan=st.lists(st.tuples(st.sampled_from([A, B]), st.floats(0, 3)), min_size=1, max_size=40),
    workers=st.integers(1, 4),
)
def test_no_key_is_lost_or_worked_on_twice_at_once(
    loop_factory: Any, plan: list[tuple[Key, float]], workers: int
) -> None:
    """Whatever is added whenever: work on a key starts at or after its last add, one at a time."""

    async def main() -> None:
        queue = steady()
        busy: collections.Counter[Key] = collections.Counter()
        last_add: dict[Key, float] = {}
        last_start: dict[Key, float] = {}

        async def worker() -> None:
            while True:
                key = await queue.get()
                busy[key] += 1
                assert busy[key] == 1
                last_start[key] = now()
                await asyncio.sleep(1.0)
                busy[key] -= 1
                queue.done(key)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(worker()) for _ in range(workers)]
            for key, pause in plan:
                await asyncio.sleep(pause)
                last_add[key] = now()
                queue.add(key)
            await asyncio.sleep(10)
            for task in tasks:
                task.cancel()
        assert all(last_start[key] >= added for key, added in last_add.items())

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())
