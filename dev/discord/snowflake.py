"""Snowflake ids: 42 bits of milliseconds since 2015, then 22 bits that keep ids apart."""

from __future__ import annotations

from dev.discord.clock import Clock

EPOCH_MS = 1_420_070_400_000
"""First millisecond of 2015 in UTC, where Discord's ids begin."""

_LOW_BITS = 22


class Snowflakes:
    """Hands out ids that are unique and strictly growing.

    When one millisecond runs out of its 2**22 ids, or the clock steps back, the last id simply
    goes up by one: order matters more than the exact instant.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """Return an id larger than every id returned before."""
        now = (int(self._clock.wall() * 1000) - EPOCH_MS) << _LOW_BITS
        self._last = max(now, self._last + 1)
        return self._last


def epoch_seconds(snowflake: int) -> float:
    """Return when ``snowflake`` was made, in seconds since the Unix epoch."""
    return ((snowflake >> _LOW_BITS) + EPOCH_MS) / 1000
