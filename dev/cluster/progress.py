"""Progress for people: each step says what runs, then how long it took."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from dev.cluster.errors import ClusterError


def seconds_text(seconds: float) -> str:
    """Return a duration as a person reads it: ``4.2 s`` or ``3 min 07 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


@dataclass(frozen=True)
class Progress:
    """Prints lines that begin with the time since the start.

    Parameters
    ----------
    stream
        Where the lines go; standard error, so that a command's own output stays clean.
    clock
        Seconds, monotonic.
    """

    stream: TextIO = field(default_factory=lambda: sys.stderr)
    clock: Callable[[], float] = time.monotonic
    started: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Print one line with the elapsed time in front."""
        elapsed = seconds_text(self.clock() - self.started)
        print(f"[{elapsed:>10}] {text}", file=self.stream, flush=True)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Announce a step, and say how long it took when it ended well."""
        self.say(text)
        began = self.clock()
        yield
        if (took := self.clock() - began) >= 1:
            self.say(f"{text}: done in {seconds_text(took)}")


def wait_until(
    what: str,
    probe: Callable[[], bool],
    seconds: float,
    *,
    pause: float = 0.1,
    explain: Callable[[], str] = lambda: "",
) -> None:
    """Poll ``probe`` until it holds.

    Parameters
    ----------
    what
        The condition in words, for the error.
    seconds
        How long to wait at most.
    pause
        Seconds between two polls.
    explain
        Called when the time is over, to add to the error what the logs say.

    Raises
    ------
    ClusterError
        When the condition does not hold in time.
    """
    deadline = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > deadline:
            raise ClusterError(
                f"{what}: not reached in {seconds_text(seconds)}. {explain()}".strip()
            )
        time.sleep(pause)
