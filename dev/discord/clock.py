"""Time as an argument, so that tests can move it by hand."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the server asks of a clock."""

    def wall(self) -> float:
        """Return seconds since the Unix epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds of a clock that never goes back."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def wall(self) -> float:
        """Return seconds since the Unix epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds of ``CLOCK_MONOTONIC``."""
        return time.monotonic()


def iso(seconds: float) -> str:
    """Format epoch seconds the way Discord does: ISO 8601 with an explicit UTC offset."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
