"""Clocks as arguments: what the code needs of time, so that tests can own it."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds that only grow, also while the machine sleeps."""

    def __call__(self) -> float:
        """Give the current reading in seconds; only differences have a meaning."""
        ...


def boottime() -> float:
    """Read CLOCK_BOOTTIME: unlike CLOCK_MONOTONIC it goes on while a machine is suspended.

    A lease measured with a clock that stops in a suspended virtual machine would still look valid
    after waking up, long after somebody else took over.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)
