"""What a chart shows: plain numbers, bounded, with no text that a stranger wrote.

Names of servers, channels and members stay out of the picture: they would need fonts for every
script, and they belong into the message, where they can be clicked and are read aloud.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

MAX_BARS = 120
MAX_VALUE = 2**53
MAX_TEXT = 80


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars over time.

    Parameters
    ----------
    title, note:
        Short texts of ours above the bars.
    start:
        Start of the first bar, in seconds since 1970 (UTC).
    step:
        Length of a bar in seconds.
    values:
        One number per bar.
    previous:
        The same number of values from the time before, drawn as a line; empty for none.

    Raises
    ------
    ValueError
        There are no bars or too many, a number is out of range, or a text is too long.
    """

    title: str
    note: str
    start: int
    step: int
    values: tuple[int, ...]
    previous: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.values) <= MAX_BARS:
            raise ValueError(f"a chart has 1 to {MAX_BARS} bars, not {len(self.values)}")
        if self.previous and len(self.previous) != len(self.values):
            raise ValueError("the earlier values must be as many as the values")
        if not all(0 <= value <= MAX_VALUE for value in (*self.values, *self.previous)):
            raise ValueError("a value of a chart must be between 0 and 2**53")
        if self.step <= 0 or self.start < 0:
            raise ValueError("a chart starts after 1970 and has bars longer than nothing")
        if max(len(self.title), len(self.note)) > MAX_TEXT:
            raise ValueError(f"a text of a chart has at most {MAX_TEXT} characters")

    def encode(self) -> bytes:
        """Return the chart as the drawing process reads it."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> BarChart:
        """Read what :meth:`encode` wrote; the same bounds hold."""
        fields: dict[str, Any] = json.loads(data)
        fields["values"] = tuple(fields["values"])
        fields["previous"] = tuple(fields["previous"])
        return cls(**fields)
