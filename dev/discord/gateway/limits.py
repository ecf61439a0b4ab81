"""Counting limits of the gateway. Pure: every call says what time it is."""

from __future__ import annotations

from collections import deque


class SlidingWindow:
    """At most ``limit`` acts in any ``window`` seconds."""

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._window = window
        self._acts: deque[float] = deque()

    def take(self, now: float) -> bool:
        """Count an act at ``now``; False when it is one too many (it is counted all the same)."""
        while self._acts and now - self._acts[0] >= self._window:
            self._acts.popleft()
        self._acts.append(now)
        return len(self._acts) <= self._limit


class IdentifyBuckets:
    """One IDENTIFY per bucket and window; the bucket is ``shard_id % max_concurrency``.

    Source: docs, events/gateway, "Rate Limiting" and "Max Concurrency".
    """

    def __init__(self, max_concurrency: int, window: float) -> None:
        self._max_concurrency = max_concurrency
        self._window = window
        self._last: dict[int, float] = {}

    def take(self, shard_id: int, now: float) -> bool:
        """Take the turn of the bucket of ``shard_id``; False when its window is not over."""
        bucket = shard_id % self._max_concurrency
        last = self._last.get(bucket)
        if last is not None and now - last < self._window:
            return False
        self._last[bucket] = now
        return True


class IdentifyBudget:
    """How many IDENTIFYs are left until the budget is filled up again."""

    def __init__(self, total: int, reset_after: float) -> None:
        self.total = total
        self._reset_after = reset_after
        self._left = total
        self._renews_at: float | None = None

    def take(self, now: float) -> bool:
        """Spend one at ``now``; False when nothing was left."""
        self._renew(now)
        if self._renews_at is None:
            self._renews_at = now + self._reset_after
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def remaining(self, now: float) -> int:
        """Return how many are left at ``now``."""
        self._renew(now)
        return self._left

    def reset_after(self, now: float) -> float:
        """Return the seconds until the budget is full again, 0 when it is untouched."""
        self._renew(now)
        return 0.0 if self._renews_at is None else self._renews_at - now

    def _renew(self, now: float) -> None:
        if self._renews_at is not None and now >= self._renews_at:
            self._left = self.total
            self._renews_at = None
