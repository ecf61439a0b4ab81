"""REST rate limits: buckets per route and major parameter, the global limit, the invalid count."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

from dev.discord.clock import Clock
from dev.discord.settings import RestSettings
from dev.discord.wire import Json


@dataclass(frozen=True, slots=True)
class Limit:
    """``count`` requests in ``window`` seconds."""

    count: int
    window: float


DEFAULT_LIMIT = Limit(50, 1.0)


@dataclass(slots=True)
class _Bucket:
    left: int
    resets_at: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may pass, and the headers either way."""

    allowed: bool
    headers: dict[str, str]
    body: Json | None = None


class Limiter:
    """Counts requests.

    Fixed windows, as Discord's headers describe them. A refusal carries a ``Via`` header, because
    clients take a 429 without one for a ban by the edge (discord.py does).
    """

    def __init__(self, settings: RestSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._buckets: dict[tuple[str, str, str], _Bucket] = {}
        self._invalid: dict[str, list[float]] = {}

    def take(
        self, bot: str, route: str, major: str, limit: Limit, *, count_global: bool
    ) -> Verdict:
        """Count a request of ``bot`` to ``route`` with its major parameter."""
        if not self._settings.rate_limits:
            return Verdict(allowed=True, headers={})
        now = self._clock.monotonic()
        if count_global:
            total = Limit(self._settings.global_per_second, 1.0)
            shared = self._bucket(bot, "global", "", total, now)
            if shared.left <= 0:
                return _refuse({}, shared.resets_at - now, scope="global")
            shared.left -= 1
        bucket = self._bucket(bot, route, major, limit, now)
        allowed = bucket.left > 0
        bucket.left = max(0, bucket.left - 1)
        headers = self._headers(route, limit, bucket, now)
        if allowed:
            return Verdict(allowed=True, headers=headers)
        return _refuse(headers, bucket.resets_at - now, scope="user")

    def count_invalid(self, address: str) -> int:
        """Count a 401, 403 or 429 of ``address``; returns how many are in the window."""
        now = self._clock.monotonic()
        window = self._settings.invalid_window
        recent = [at for at in self._invalid.get(address, ()) if now - at < window]
        recent.append(now)
        self._invalid[address] = recent
        return len(recent)

    def banned(self, address: str) -> bool:
        """Say whether ``address`` made too many invalid requests (docs: 10,000 in 10 minutes)."""
        now = self._clock.monotonic()
        window = self._settings.invalid_window
        recent = [at for at in self._invalid.get(address, ()) if now - at < window]
        return len(recent) >= self._settings.invalid_limit

    def invalid_counts(self) -> dict[str, int]:
        """Return the invalid requests by address."""
        return {address: len(times) for address, times in self._invalid.items()}

    def _bucket(self, bot: str, route: str, major: str, limit: Limit, now: float) -> _Bucket:
        key = (bot, route, major)
        bucket = self._buckets.get(key)
        if bucket is None or now >= bucket.resets_at:
            bucket = self._buckets[key] = _Bucket(limit.count, now + limit.window)
        return bucket

    def _headers(self, route: str, limit: Limit, bucket: _Bucket, now: float) -> dict[str, str]:
        reset_after = bucket.resets_at - now
        return {
            "X-RateLimit-Limit": str(limit.count),
            "X-RateLimit-Remaining": str(bucket.left),
            "X-RateLimit-Reset": f"{self._clock.wall() + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(route.encode()).hexdigest()[:32],
        }


def _refuse(headers: dict[str, str], retry_after: float, *, scope: str) -> Verdict:
    wait = max(0.001, math.ceil(retry_after * 1000) / 1000)
    is_global = scope == "global"
    extra = {
        "Retry-After": str(math.ceil(wait)),
        "X-RateLimit-Scope": scope,
        "Via": "1.1 local",
    }
    if is_global:
        extra["X-RateLimit-Global"] = "true"
    body: Json = {
        "message": "You are being rate limited.",
        "retry_after": wait,
        "global": is_global,
    }
    return Verdict(allowed=False, headers={**headers, **extra}, body=body)
