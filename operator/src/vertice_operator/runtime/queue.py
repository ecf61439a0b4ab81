"""A keyed work queue: one entry per key, one worker per key, back-off per key.

kopf calls ``on.event`` handlers once and ignores their errors, so retrying is this queue's job.
A burst of events on one key collapses into one entry; an event that arrives while a worker holds
the key is remembered and served after it. Delays are kept as timers of the running loop, hence
tests can run them in virtual time.
"""

import asyncio
import collections
import enum
import random
from collections.abc import Callable
from typing import NamedTuple


class Key(NamedTuple):
    """Namespace and name of a resource."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class Backoff(enum.Enum):
    """How patient a retry is. The value is the upper bound in seconds.

    ``TRANSIENT`` is for faults that end by themselves (transport, 5xx, conflicts); ``REFUSED`` is
    for answers that will be the same until somebody changes something (invalid, forbidden, quota).
    """

    TRANSIENT = 30.0
    REFUSED = 300.0


class WorkQueue:
    """Keys that want to be reconciled.

    Parameters
    ----------
    base
        First retry delay in seconds; doubles with each failure in a row up to the bound of the
        kind of failure.
    jitter
        Fraction by which each delay is spread to both sides, so that keys that failed together
        do not retry together.
    uniform
        Source of randomness, ``(low, high) -> number``.
    """

    def __init__(
        self,
        base: float = 0.5,
        jitter: float = 0.2,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._wanted: dict[Key, float] = {}
        self._busy: dict[Key, float] = {}
        self._failures: collections.Counter[Key] = collections.Counter()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._base, self._jitter, self._uniform = base, jitter, uniform
        self.adds = 0
        self.retries = 0
        self.waited: Callable[[float], None] = lambda seconds: None

    def add(self, key: Key) -> None:
        """Want ``key`` now. A key that is already wanted is not queued twice."""
        if key in self._wanted:
            return
        self.adds += 1
        self._wanted[key] = asyncio.get_running_loop().time()
        if key not in self._busy:
            self._ready.put_nowait(key)

    def add_after(self, key: Key, seconds: float, *, instead: bool = False) -> None:
        """Want ``key`` in ``seconds``; of several wake-ups for one key only the earliest stays.

        With ``instead`` this one replaces any other.
        """
        loop = asyncio.get_running_loop()
        due, other = loop.time() + seconds, self._timers.get(key)
        if other is not None:
            if other.when() <= due and not instead:
                return
            other.cancel()
        self._timers[key] = loop.call_at(due, self._fire, key)

    def retry(self, key: Key, patience: Backoff, at_least: float = 0.0) -> float:
        """Want ``key`` again after its back-off and return the delay in seconds.

        ``at_least`` carries a server's ``Retry-After``.
        """
        failures = self._failures[key]
        self._failures[key] += 1
        self.retries += 1
        delay = min(float(patience.value), self._base * 2.0 ** min(failures, 20))
        delay = max(at_least, delay * self._uniform(1 - self._jitter, 1 + self._jitter))
        self.add_after(key, delay)
        return delay

    def forget(self, key: Key) -> None:
        """Start the back-off of ``key`` from its beginning: it succeeded or is gone."""
        self._failures.pop(key, None)

    def discard(self, key: Key) -> None:
        """Drop every memory of a resource that no longer exists, its timer included."""
        self.forget(key)
        if timer := self._timers.pop(key, None):
            timer.cancel()

    async def get(self) -> Key:
        """Wait for a key and hold it: no other worker gets it before :meth:`done`."""
        key = await self._ready.get()
        now = asyncio.get_running_loop().time()
        self.waited(now - self._wanted.pop(key, now))
        self._busy[key] = now
        return key

    def done(self, key: Key) -> None:
        """Let go of ``key``; if it was wanted meanwhile it is queued again."""
        self._busy.pop(key, None)
        if key in self._wanted:
            self._ready.put_nowait(key)

    def spread(self, fraction: float) -> float:
        """Return a random factor around 1, for intervals that should not beat together."""
        return self._uniform(1 - fraction, 1 + fraction)

    def longest_running(self) -> float:
        """Seconds since the oldest unfinished piece of work was taken, 0 when all are idle."""
        if not self._busy:
            return 0.0
        return asyncio.get_running_loop().time() - min(self._busy.values())

    def holds(self, key: Key) -> bool:
        """Tell whether a worker holds ``key`` at this moment."""
        return key in self._busy

    def __len__(self) -> int:
        return len(self._wanted)

    @property
    def unfinished(self) -> int:
        """Number of keys that a worker holds."""
        return len(self._busy)

    @property
    def failing(self) -> int:
        """Number of keys whose last attempt failed."""
        return len(self._failures)

    def _fire(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)
