"""The circuit breaker as a state machine, with what purgatory alone does not promise."""

from __future__ import annotations

import asyncio
import traceback

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vertice_bot.breaker import Breaker, CircuitOpen, CircuitState

THRESHOLD, TTL = 3, 3.0


class Outage(Exception):  # noqa: N818
    pass


class OurFault(Exception):  # noqa: N818
    pass


class FakeTime:
    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now


def make() -> Breaker:
    return Breaker(
        "thing", is_outage=lambda e: isinstance(e, Outage), threshold=THRESHOLD, ttl_seconds=TTL
    )


async def call(breaker: Breaker, error: BaseException | None = None) -> None:
    async with breaker.guard():
        if error is not None:
            raise error


class Circuit(RuleBasedStateMachine):
    """Compares the breaker with a model of a few lines."""

    def __init__(self) -> None:
        super().__init__()
        import purgatory.domain.model as model

        self.clock = FakeTime()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(model, "time", self.clock)
        self.loop = asyncio.new_event_loop()
        self.breaker = make()
        self.failures = 0
        self.opened_at: float | None = None

    def teardown(self) -> None:
        self.patch.undo()
        self.loop.close()

    def attempt(self, error: BaseException | None) -> bool:
        """Make a call; gives whether it was let through."""
        try:
            self.loop.run_until_complete(call(self.breaker, error))
        except CircuitOpen:
            return False
        except (Outage, OurFault, asyncio.CancelledError):
            return True
        return True

    def expected_through(self) -> bool:
        return self.opened_at is None or self.clock.now > self.opened_at + TTL

    @rule()
    def success(self) -> None:
        through = self.expected_through()
        assert self.attempt(None) is through
        if through:
            self.failures, self.opened_at = 0, None

    @rule()
    def our_fault(self) -> None:
        through = self.expected_through()
        assert self.attempt(OurFault()) is through
        if through:
            self.failures, self.opened_at = 0, None

    @rule()
    def outage(self) -> None:
        through = self.expected_through()
        assert self.attempt(Outage()) is through
        if not through:
            return
        self.failures += 1
        if self.opened_at is not None or self.failures >= THRESHOLD:
            self.opened_at = self.clock.now

    @rule()
    def cancelled(self) -> None:
        assert self.attempt(asyncio.CancelledError()) is self.expected_through()

    @rule(seconds=st.sampled_from([0.1, 1.0, 2.9, 3.1, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def open_means_open(self) -> None:
        if self.opened_at is None:
            assert self.breaker.state is CircuitState.CLOSED
        else:
            assert self.breaker.state is not CircuitState.CLOSED


Circuit.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestCircuit = Circuit.TestCase


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    import purgatory.domain.model as model

    fake = FakeTime()
    monkeypatch.setattr(model, "time", fake)
    return fake


async def opened(clock: FakeTime) -> Breaker:
    breaker = make()
    for _ in range(THRESHOLD):
        with pytest.raises(Outage):
            await call(breaker, Outage())
    assert breaker.state is CircuitState.OPEN
    return breaker


async def test_one_probe_at_a_time_while_half_open(clock: FakeTime) -> None:
    breaker = await opened(clock)
    clock.now += TTL + 0.1
    release = asyncio.Event()

    async def slow() -> None:
        async with breaker.guard():
            await release.wait()

    tasks = [asyncio.create_task(slow()) for _ in range(100)]
    for _ in range(1000):
        await asyncio.sleep(0)
    assert sum(t.done() for t in tasks) == 99
    assert breaker.state is CircuitState.HALF_OPEN
    release.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(r, CircuitOpen) for r in results) == 99
    assert breaker.state is CircuitState.CLOSED


async def test_a_cancelled_probe_lets_the_next_one_through(clock: FakeTime) -> None:
    breaker = await opened(clock)
    clock.now += TTL + 0.1
    with pytest.raises(asyncio.CancelledError):
        await call(breaker, asyncio.CancelledError())
    await call(breaker)
    assert breaker.state is CircuitState.CLOSED


async def test_rejections_do_not_grow(clock: FakeTime) -> None:
    breaker = await opened(clock)
    depths = []
    for _ in range(200):
        with pytest.raises(CircuitOpen) as caught:
            await call(breaker)
        depths.append(len(traceback.extract_tb(caught.value.__traceback__)))
        assert caught.value.__cause__ is None
    assert max(depths) == min(depths)
    assert caught.value.reason == "CircuitOpen"
