"""Turns for IDENTIFY: one per bucket and five seconds, and never beyond the day's budget.

On reaching the daily limit Discord ends all sessions and resets the token, so the last IDENTIFYs
are never spent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from vertice_bot.clock import Clock
from vertice_bot.errors import Unavailable

SPACING_SECONDS = 5.5
LOW_SHARE = 0.1
TURN = """
INSERT INTO vertice.identify_turn AS t (bot, bucket, free_at)
VALUES ($1, $2, now() + make_interval(secs => $3))
ON CONFLICT (bot, bucket) DO UPDATE
SET free_at = greatest(t.free_at, now()) + make_interval(secs => $3)
RETURNING greatest(0, extract(epoch FROM free_at - now()) - $3)::float8
"""


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


class Turns(Protocol):
    """Gives turns to IDENTIFY."""

    async def turn(self, shard: int, info: Callable[[], Awaitable[GatewayInfo]]) -> GatewayInfo:
        """Wait for a turn; take it before connecting, never on an open socket.

        Parameters
        ----------
        shard:
            Shard id; its bucket is ``shard % max_concurrency``.
        info:
            Asks Discord.

        Returns
        -------
        GatewayInfo
            What Discord said last.
        """
        ...


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

    async def turn(self, shard: int, info: Callable[[], Awaitable[GatewayInfo]]) -> GatewayInfo:
        """Wait for a turn among the shards of this process, and for a budget that is not empty."""
        known = await info()
        wait = await self._reserve(shard % max(1, known.max_concurrency))
        if wait > 0:
            await self._sleep(wait)
            known = await info()
        while known.remaining <= 0:
            # On reaching the limit Discord ends all sessions and resets the token.
            await self._sleep(max(1.0, known.reset_after))
            known = await info()
        return known

    async def _reserve(self, bucket: int) -> float:
        """Take the next free moment of a bucket; gives the seconds until then."""
        now = self._clock()
        start = max(now, self._next.get(bucket, now))
        self._next[bucket] = start + SPACING_SECONDS
        return start - now


class Row(Protocol):
    """The part of the database that turns need."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Run a statement and give its one value."""
        ...


class SharedTurns(IdentifyTurns):
    """Gives turns over all replicas, from a row in Postgres.

    Parameters
    ----------
    bot:
        ``<namespace>/<name>``.
    database:
        Where the rows are; while it is away turns are those of this process.
    clock, sleep:
        Time and how to let it pass.
    """

    def __init__(
        self,
        bot: str,
        database: Row,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(clock, sleep)
        self._bot = bot
        self._database = database

    async def _reserve(self, bucket: int) -> float:
        try:
            wait: float = await self._database.fetchval(TURN, self._bot, bucket, SPACING_SECONDS)
        except Unavailable:
            return await super()._reserve(bucket)
        return wait
