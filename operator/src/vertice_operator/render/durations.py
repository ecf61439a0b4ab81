"""Durations as Prometheus writes them."""

from __future__ import annotations

from typing import Final

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration: str) -> int:
    """Give the seconds of a duration with one unit, such as ``30s`` or ``2m``.

    Raises:
        ValueError: the text is not a whole number and a unit.
    """
    number, unit = duration[:-1], duration[-1:]
    if unit not in _UNITS or not number.isascii() or not number.isdigit():
        raise ValueError(f"{duration!r} is not a duration such as 30s, 2m or 1h")
    return int(number) * _UNITS[unit]


def duration(number: int) -> str:
    """Write seconds with the largest unit that leaves a whole number: ``1m``, ``90s``."""
    for unit in ("d", "h", "m"):
        if number and number % _UNITS[unit] == 0:
            return f"{number // _UNITS[unit]}{unit}"
    return f"{number}s"
