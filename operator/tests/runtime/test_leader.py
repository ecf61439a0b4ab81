"""The election in virtual time: never two that are valid, whatever the store does."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from vertice_operator.cluster.errors import ConflictError, NotLeaderError, TransportError
from vertice_operator.cluster.lease import LeaseRecord
from vertice_operator.runtime.leader import LeaderElector, LeaseTimes

TIMES = LeaseTimes.of(15)


@dataclass
class Server:
    """The Lease on the server: optimistic locking by version, and switches for faults."""

    record: LeaseRecord | None = None
    writes: int = 0
    down: set[str] = field(default_factory=set)
    hang: set[str] = field(default_factory=set)
    wrote: asyncio.Event = field(default_factory=asyncio.Event)


class Store:
    """One replica's way to the server, as slow and as lossy as the test wants it."""

    def __init__(self, server: Server, who: str, latency: Any = lambda: 0.01) -> None:
        self.server, self.who, self.latency = server, who, latency

    async def _travel(self) -> None:
        if self.who in self.server.hang:
            await asyncio.sleep(3600)
        await asyncio.sleep(self.latency())
        if self.who in self.server.down:
            raise TransportError("connection refused")

    async def read(self) -> LeaseRecord | None:
        await self._travel()
        record = self.server.record
        await asyncio.sleep(self.latency())
        return record

    async def write(
        self, record: LeaseRecord | None, holder: str, duration: int, now: str
    ) -> LeaseRecord:
        await self._travel()
        if record != self.server.record:
            raise ConflictError("the object has been modified")
        self.server.writes += 1
        self.server.wrote.set()
        version = str(self.server.writes)
        self.server.record = LeaseRecord(holder, duration, 0, version)
        answer = self.server.record
        await asyncio.sleep(self.latency())
        if self.who in self.server.down:
            raise TransportError("the answer was lost")
        return answer


def elector(server: Server, who: str, **options: Any) -> LeaderElector:
    return LeaderElector(Store(server, who, **options), who, TIMES)


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("bad", [(10, 10, 2), (15, 2, 2), (15, 10, 0)])
def test_times_out_of_order_are_refused(bad: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="duration > deadline"):
        LeaseTimes(*bad)


def test_a_free_lease_is_taken_and_kept(virtual: Any) -> None:
    async def main() -> None:
        server = Server()
        a = elector(server, "a")
        task = asyncio.create_task(a.run())
        await a.gained.wait()
        assert now() < 1
        for _ in range(100):
            await asyncio.sleep(1)
            assert a.valid()
        assert server.writes == pytest.approx(50, abs=3)  # one renewal each 2 s
        task.cancel()

    virtual(main())


def test_a_released_lease_is_taken_within_a_retry(virtual: Any) -> None:
    async def main() -> None:
        server = Server()
        a, b = elector(server, "a"), elector(server, "b")
        first = asyncio.create_task(a.run())
        await a.gained.wait()
        second = asyncio.create_task(b.run())
        await asyncio.sleep(30)
        assert not b.gained.is_set()
        first.cancel()
        await a.release()
        assert not a.valid()
        released = now()
        await b.gained.wait()
        assert now() - released < TIMES.retry + 0.1
        second.cancel()

    virtual(main())


def test_a_renewal_cut_off_by_the_stop_does_not_keep_the_lease(virtual: Any) -> None:
    async def main() -> None:
        server = Server()
        a = elector(server, "a", latency=lambda: 0.4)
        task = asyncio.create_task(a.run())
        await a.gained.wait()
        server.wrote.clear()
        await server.wrote.wait()  # the renewal has landed, its answer is on its way
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await a.release()
        assert server.record is not None
        assert server.record.holder == ""

    virtual(main())


def test_a_dead_leader_is_followed_after_the_full_duration(virtual: Any) -> None:
    async def main() -> None:
        server = Server()
        a, b = elector(server, "a"), elector(server, "b")
        first = asyncio.create_task(a.run())
        await a.gained.wait()
        second = asyncio.create_task(b.run())
        await asyncio.sleep(7)
        first.cancel()
        died = now()
        await b.gained.wait()
        assert TIMES.duration - TIMES.retry < now() - died < TIMES.duration + 2 * TIMES.retry
        second.cancel()

    virtual(main())


@pytest.mark.parametrize("fault", ["down", "hang"])
def test_without_contact_leadership_ends_at_the_deadline(virtual: Any, fault: str) -> None:
    async def main() -> None:
        server = Server()
        a = elector(server, "a")
        task = asyncio.create_task(a.run())
        await a.gained.wait()
        await asyncio.sleep(20)
        a.require()
        getattr(server, fault).add("a")
        cut = now()
        await a.lost.wait()
        assert TIMES.deadline - TIMES.retry - 0.1 <= now() - cut <= TIMES.deadline + 0.1
        with pytest.raises(NotLeaderError):
            a.require()
        getattr(server, fault).clear()
        back = now()
        await a.gained.wait()
        assert now() - back < 2 * TIMES.retry + 0.1
        task.cancel()

    virtual(main())


def test_a_lost_answer_does_not_cost_the_lease(virtual: Any) -> None:
    """The renewal landed but its answer was lost: the next attempt reads before it writes."""

    async def main() -> None:
        server = Server()
        a = elector(server, "a", latency=lambda: 0.4)
        task = asyncio.create_task(a.run())
        await a.gained.wait()
        for _ in range(5):
            server.wrote.clear()
            await server.wrote.wait()
            server.down.add("a")
            await asyncio.sleep(0.5)
            server.down.clear()
            await asyncio.sleep(6)  # one attempt that meets the conflict, one that succeeds
            assert a.valid()
        task.cancel()

    virtual(main())


@hypothesis_settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), faults=st.lists(st.sampled_from("abcABCx"), max_size=30))
def test_never_two_valid_leaders(loop_factory: Any, seed: int, faults: list[str]) -> None:
    """Lower case cuts a replica off, upper case makes it hang, x heals all."""

    async def main() -> None:
        rng, server = random.Random(seed), Server()
        replicas = [
            elector(server, who, latency=lambda: rng.choice([0.01, 0.3, 0.9, 1.9])) for who in "abc"
        ]
        tasks = [asyncio.create_task(replica.run()) for replica in replicas]

        async def watch(seconds: float) -> None:
            end = now() + seconds
            while now() < end:
                assert sum(replica.valid() for replica in replicas) <= 1
                await asyncio.sleep(0.05)

        for fault in faults:
            if fault == "x":
                server.down.clear()
                server.hang.clear()
            elif fault.islower():
                server.down.add(fault)
            else:
                server.hang.add(fault.lower())
            await watch(rng.uniform(0, 12))
        server.down.clear()
        server.hang.clear()
        for replica in replicas:
            replica._store.latency = lambda: 0.01  # type: ignore[attr-defined]
        await watch(40)
        assert sum(replica.valid() for replica in replicas) == 1
        for task in tasks:
            task.cancel()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())
