"""Turns for IDENTIFY in virtual time."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from hypothesis import given
from hypothesis import strategies as st

from vertice_bot.gateway.identify import SPACING_SECONDS, GatewayInfo, IdentifyTurns

INFO = GatewayInfo("wss://x", 1, 1000, 1000, 3600.0, 1)


@dataclass
class Time:
    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def answer(*infos: GatewayInfo) -> Callable[[], Awaitable[GatewayInfo]]:
    """Say one after the other, the last one for ever."""
    left = list(infos)

    async def ask() -> GatewayInfo:
        return left.pop(0) if len(left) > 1 else left[0]

    return ask


@given(st.lists(st.integers(0, 15), min_size=1, max_size=20), st.integers(1, 16))
async def test_one_per_bucket_and_window(shards: list[int], concurrency: int) -> None:
    time = Time()
    turns = IdentifyTurns(time, time.sleep)
    taken: dict[int, list[float]] = {}
    for shard in shards:
        await turns.turn(shard, answer(replace(INFO, max_concurrency=concurrency)))
        taken.setdefault(shard % concurrency, []).append(time.now)
    for moments in taken.values():
        gaps = [b - a for a, b in itertools.pairwise(moments)]
        assert all(gap >= SPACING_SECONDS - 1e-6 for gap in gaps)


async def test_an_empty_budget_waits_for_its_reset() -> None:
    time = Time()
    turns = IdentifyTurns(time, time.sleep)
    got = await turns.turn(0, answer(replace(INFO, remaining=0), INFO))
    assert time.now >= 3600.0
    assert got.remaining == 1000


def test_low_budget() -> None:
    assert not replace(INFO, remaining=100).low
    assert replace(INFO, remaining=99).low
