"""A Redis client behind a circuit breaker; every call may raise ``Unavailable``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from vertice_bot.breaker import Breaker
from vertice_bot.errors import Unavailable
from vertice_bot.settings import CacheSettings, read_secret
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.metrics import Metrics

CALL_TIMEOUT_SECONDS = 1.0
T = TypeVar("T")


def is_outage(error: BaseException) -> bool:
    """Say whether an exception means that Redis does not serve us now."""
    return isinstance(error, (OSError, TimeoutError, RedisConnectionError, RedisTimeoutError))


class Cache:
    """One connection pool to Redis.

    Parameters
    ----------
    settings:
        Where Redis is.
    metrics, degraded:
        Where durations and outages are reported.
    """

    def __init__(self, settings: CacheSettings, metrics: Metrics, degraded: Degraded) -> None:
        self._metrics = metrics
        self._degraded = degraded
        self._client = _client(settings)
        self.breaker = Breaker("redis", is_outage=is_outage)
        metrics.circuit_state.labels(dependency="redis").set_function(
            lambda: float(self.breaker.state)
        )

    async def call(self, op: str, action: Callable[[redis.Redis], Awaitable[T]]) -> T:
        """Run one operation.

        Parameters
        ----------
        op:
            Short name for the metric, from a small fixed set.
        action:
            Gets the client and gives an awaitable, for example ``lambda r: r.get("key")``.

        Raises
        ------
        Unavailable
            Redis is away or its circuit is open.
        """
        started = time.perf_counter()
        try:
            async with self.breaker.guard(), asyncio.timeout(CALL_TIMEOUT_SECONDS):
                return await action(self._client)
        except Exception as error:
            if is_outage(error):
                raise Unavailable("redis", "ConnectionFailed") from error
            raise
        finally:
            duration = time.perf_counter() - started
            self._metrics.cache_operation_duration.labels(op=op).observe(duration)

    async def get(self, key: str) -> bytes | None:
        """Read a value."""

        async def action(client: redis.Redis) -> Any:
            return await client.get(key)

        return await self.call("get", action)

    async def set(self, key: str, value: bytes | str, *, ttl_seconds: float) -> None:
        """Write a value that expires."""

        async def action(client: redis.Redis) -> Any:
            return await client.set(key, value, px=max(1, int(ttl_seconds * 1000)))

        await self.call("set", action)

    async def probe(self) -> bool:
        """Ask Redis for an answer and record whether it is degraded."""

        async def action(client: redis.Redis) -> Any:
            return await client.ping()

        try:
            await self.call("ping", action)
        except Unavailable as error:
            self._degraded.set("redis", error.reason)
            return False
        except RedisError:
            self._degraded.set("redis", "Refused")
            return False
        self._degraded.clear("redis")
        return True

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _client(settings: CacheSettings) -> redis.Redis:
    password = None
    if settings.password_file is not None:
        password = read_secret(settings.password_file, "cache.password_file").get_secret_value()
    tls: dict[str, Any] = {}
    if settings.tls:
        tls = {"ssl": True, "ssl_ca_certs": str(settings.ca_file) if settings.ca_file else None}
    return redis.Redis(
        host=settings.host,
        port=settings.port,
        password=password,
        socket_connect_timeout=CALL_TIMEOUT_SECONDS,
        socket_timeout=CALL_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        **tls,
    )
