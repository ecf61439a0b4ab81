"""The periods that ``/stats`` knows, and how each is cut into bars. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Period(StrEnum):
    """How far back a question looks; the value is what the user picks."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time in UTC, cut into steps of equal length; ``end`` is not part of it."""

    start: datetime
    end: datetime
    step: timedelta

    def starts(self) -> tuple[datetime, ...]:
        """Return the start of every step, oldest first."""
        steps = (self.end - self.start) // self.step
        return tuple(self.start + self.step * index for index in range(steps))

    def fill(self, counts: Mapping[datetime, int]) -> tuple[int, ...]:
        """Return one value per step, 0 where nothing was counted."""
        return tuple(counts.get(start, 0) for start in self.starts())

    def before(self) -> Window:
        """Return the window of the same length that ends where this one starts."""
        return Window(self.start - (self.end - self.start), self.start, self.step)


_SHAPES: Mapping[Period, tuple[timedelta, timedelta]] = {
    Period.DAY: (timedelta(days=1), timedelta(hours=1)),
    Period.WEEK: (timedelta(days=7), timedelta(hours=6)),
    Period.MONTH: (timedelta(days=30), timedelta(days=1)),
}


def window(period: Period, now: datetime) -> Window:
    """Return the window that ends with the current step, so the last bar is still growing.

    Steps sit on whole hours, quarters of a day and days in UTC, because counts are kept by the
    hour: a bar never shows a part of an hour that belongs to its neighbour.
    """
    length, step = _SHAPES[period]
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = midnight + step * ((now - midnight) // step + 1)
    return Window(end - length, end, step)
