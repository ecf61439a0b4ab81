"""What to do after a connection to the gateway ended. Pure.

Sources: the public table of close codes, and an incident of 2026 in which resume hosts answered 503
for hours while the default gateway was fine: so a dead resume host is left after a few tries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

FATAL_CODES = {
    4004: "Discord refused the token; put a valid one into the Secret",
    4010: "Discord refused the shard number; check shards.count",
    4011: "Discord demands more shards; raise shards.count",
    4012: "Discord refused the API version; update the bot's image",
    4013: "Discord refused the intents value; correct discord.intents",
    4014: "a privileged intent is not enabled; switch it on in the developer portal, page Bot, "
    "or remove it from discord.intents",
}
NEW_SESSION_CODES = frozenset({4007, 4009})

RESUME_HOST_TRIES = 3
RESUME_HOST_SECONDS = 5.0
RESUME_SECONDS = 60.0
MAX_DELAY_SECONDS = 30.0


class StepKind(StrEnum):
    """How to connect next; values of the label ``kind``."""

    RESUME = "resume"
    IDENTIFY = "identify"


@dataclass(frozen=True, slots=True)
class Session:
    """What a RESUME needs."""

    id: str
    sequence: int
    url: str


@dataclass(frozen=True, slots=True)
class Step:
    """The next connection."""

    kind: StepKind
    url: str | None
    """None: the default gateway."""
    delay: float


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failures since the connection was last live."""

    failures: int = 0
    since: float | None = None

    def failed(self, now: float) -> Attempts:
        """Count one more failure."""
        return replace(
            self, failures=self.failures + 1, since=now if self.since is None else self.since
        )


def fatal_reason(code: int | None) -> str | None:
    """Give what to do about a close code after which nothing may be tried again, else None."""
    return FATAL_CODES.get(code) if code is not None else None


def next_step(session: Session | None, attempts: Attempts, now: float, jitter: float) -> Step:
    """Decide how to connect.

    Parameters
    ----------
    session:
        The session to resume, if there is one.
    attempts:
        Failures so far.
    now:
        Seconds.
    jitter:
        Between 0 and 1; spreads the replicas.
    """
    delay = back_off(attempts.failures, jitter)
    waited = 0.0 if attempts.since is None else now - attempts.since
    if session is None or waited >= RESUME_SECONDS:
        if attempts.failures:
            delay = max(delay, 1.0 + 4.0 * jitter)
        return Step(StepKind.IDENTIFY, None, delay)
    if attempts.failures >= RESUME_HOST_TRIES or waited >= RESUME_HOST_SECONDS:
        return Step(StepKind.RESUME, None, delay)
    return Step(StepKind.RESUME, session.url, delay)


def back_off(failures: int, jitter: float) -> float:
    """Give the seconds to wait: none at first, then doubling up to 30, between half and all."""
    if failures <= 1:
        return 0.0
    full = min(MAX_DELAY_SECONDS, 0.5 * 2.0 ** min(failures - 2, 10))
    return full * (0.5 + 0.5 * jitter)
