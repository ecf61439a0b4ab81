"""Turns for IDENTIFY: one per bucket and five seconds, and never beyond the day's budget.

On reaching the daily limit Discord ends all sessions and resets the token, so the last IDENTIFYs
are never spent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from vertice_bot.clock import Clock

SPACING_SECONDS = 5.5
LOW_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class GatewayInfo:
    """The answer of ``GET /gateway/bot``.

    Attributes
    ----------
    url:
        Where to connect without a session.
    recommended_shards:
        What Discord would choose.
    total, remaining:
        IDENTIFYs per day, and those left.
    reset_after:
        Seconds until the budget is full again.
    max_concurrency:
        Number of buckets.
    """

    url: str
    recommended_shards: int
    total: int
    remaining: int
    reset_after: float
    max_concurrency: int

    @property
    def low(self) -> bool:
        """Whether less than a tenth of the day's budget is left."""
        return self.remaining < self.total * LOW_SHARE


class IdentifyTurns:
    """Gives turns to the shards of this process.

    Parameters
    ----------
    clock, sleep:
        Time and how to let it pass.
    """

    def __init__(
        self, clock: Clock, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._next: dict[int, float] = {}

    async def turn(self, shard: int, info: GatewayInfo) -> None:
        """Wait for a turn; take it before connecting, never on an open socket.

        Parameters
        ----------
        shard:
            Shard id; its bucket is ``shard % max_concurrency``.
        info:
            A recent answer of Discord.
        """
        if info.remaining <= 0:
            await self._sleep(max(1.0, info.reset_after))
        bucket = shard % max(1, info.max_concurrency)
        now = self._clock()
        start = max(now, self._next.get(bucket, now))
        self._next[bucket] = start + SPACING_SECONDS
        if start > now:
            await self._sleep(start - now)
