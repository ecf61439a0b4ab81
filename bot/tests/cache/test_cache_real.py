"""Redis for real: use, outage, recovery."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis.asyncio as redis
from redis.exceptions import ResponseError

from dev.testing.redis import RedisServer
from vertice_bot.breaker import CircuitState
from vertice_bot.cache.client import Cache
from vertice_bot.errors import Unavailable
from vertice_bot.settings import CacheSettings
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.metrics import Metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def degraded(metrics: Metrics) -> Degraded:
    return Degraded(metrics)


@pytest.fixture
async def cache(
    own_redis: RedisServer, metrics: Metrics, degraded: Degraded
) -> AsyncIterator[Cache]:
    made = Cache(CacheSettings(host=own_redis.host, port=own_redis.port), metrics, degraded)
    yield made
    await made.close()


async def test_set_and_get(cache: Cache, metrics: Metrics) -> None:
    await cache.set("key", b"value", ttl_seconds=60)
    assert await cache.get("key") == b"value"
    assert await cache.get("absent") is None
    name = "vertice_cache_operation_duration_seconds_count"
    assert metrics.registry.get_sample_value(name, {"op": "get"}) == 2


async def test_an_outage_degrades_and_ends(
    cache: Cache, degraded: Degraded, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await cache.probe()
    own_redis.stop()
    for _ in range(3):
        assert not await cache.probe()
    assert degraded.reason("redis") is not None
    assert cache.breaker.state is CircuitState.OPEN
    with pytest.raises(Unavailable):
        await cache.get("key")
    own_redis.start()
    monkeypatch.setattr("purgatory.domain.model.time.time", lambda: time.time_ns() / 1e9 + 60)
    assert await cache.probe()
    assert degraded.reason("redis") is None


async def test_a_wrong_command_does_not_open_the_circuit(cache: Cache) -> None:
    async def wrong(client: object) -> object:
        return await client.execute_command("NONSENSE")  # type: ignore[attr-defined]

    for _ in range(5):
        with pytest.raises(ResponseError):
            await cache.call("wrong", wrong)
    assert cache.breaker.state is CircuitState.CLOSED


async def test_the_password_file_is_used(
    cache: Cache, own_redis: RedisServer, metrics: Metrics, degraded: Degraded, tmp_path: Path
) -> None:
    async def protect(client: redis.Redis) -> object:
        return await client.config_set("requirepass", "right-password")

    await cache.call("config", protect)
    path = tmp_path / "password"
    for word, works in (("wrong-password", False), ("right-password", True)):
        path.write_text(word + "\n")
        settings = CacheSettings(host=own_redis.host, port=own_redis.port, password_file=path)
        other = Cache(settings, Metrics(), degraded)
        assert await other.probe() is works
        await other.close()
