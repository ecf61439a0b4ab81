"""Effects on a real Postgres: once per event, and never under a replaced epoch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from dev.testing.postgres import PostgresDatabase
from vertice_bot.db.pool import Database
from vertice_bot.effects import AlreadyDone, Effects, Fenced, FenceToken, nonce_for
from vertice_bot.errors import Unavailable
from vertice_bot.settings import DatabaseSettings
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.metrics import Metrics

BOT = "demo/bot"


@dataclass
class FixedFence:
    value: FenceToken | None = field(default_factory=lambda: FenceToken(0, 1))

    def token(self) -> FenceToken | None:
        return self.value


@pytest.fixture
async def database(migrated: PostgresDatabase) -> AsyncIterator[Database]:
    metrics = Metrics()
    settings = DatabaseSettings(
        host=migrated.host,
        port=migrated.port,
        name=migrated.name,
        user=migrated.user,
        user_file=None,
        password_file=None,
    )
    made = Database(settings, metrics, Degraded(metrics))
    await made.open()
    await made.execute(
        "INSERT INTO vertice.shard (bot, id, owner, epoch) VALUES ($1,0,'me',1)", BOT
    )
    await made.execute("CREATE TABLE vertice.note (text text)")
    yield made
    await made.close()


@pytest.fixture
def fence() -> FixedFence:
    return FixedFence()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def effects(database: Database, fence: FixedFence, metrics: Metrics) -> Effects:
    return Effects(BOT, database, fence, metrics)


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


async def test_effect_and_data_commit_together(effects: Effects, database: Database) -> None:
    async with effects.transaction(key=123, kind="note") as connection:
        await connection.execute("INSERT INTO vertice.note VALUES ('once')")
    row = await database.fetchrow("SELECT * FROM vertice.effect")
    assert row is not None
    assert (row["key"], row["kind"], row["epoch"], row["status"]) == ("123", "note", 1, "done")


async def test_the_second_time_is_told_and_does_nothing(
    effects: Effects, database: Database, metrics: Metrics
) -> None:
    for _ in range(2):
        try:
            async with effects.transaction(key=123, kind="note") as connection:
                await connection.execute("INSERT INTO vertice.note VALUES ('once')")
        except AlreadyDone:
            pass
    assert await database.fetchval("SELECT count(*) FROM vertice.note") == 1
    assert value(metrics, "vertice_effects_suppressed_total", kind="note") == 1


async def test_kinds_and_bots_are_apart(
    effects: Effects, database: Database, fence: FixedFence
) -> None:
    await database.execute(
        "INSERT INTO vertice.shard (bot, id, owner, epoch) VALUES ('x/y',0,'m',1)"
    )
    other = Effects("x/y", database, fence, Metrics())
    for who, kind in ((effects, "a"), (effects, "b"), (other, "a")):
        async with who.transaction(key=1, kind=kind):
            pass
    assert await database.fetchval("SELECT count(*) FROM vertice.effect") == 3


async def test_a_failing_block_leaves_no_trace(effects: Effects, database: Database) -> None:
    async def half() -> None:
        async with effects.transaction(key=123, kind="note") as connection:
            await connection.execute("INSERT INTO vertice.note VALUES ('half')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await half()
    assert await database.fetchval("SELECT count(*) FROM vertice.note") == 0
    assert await database.fetchval("SELECT count(*) FROM vertice.effect") == 0


async def test_a_replaced_epoch_writes_nothing(
    effects: Effects, database: Database, metrics: Metrics
) -> None:
    await database.execute("UPDATE vertice.shard SET epoch = 2")
    with pytest.raises(Fenced):
        async with effects.transaction(key=123, kind="note"):
            pytest.fail("the block must not run")
    assert await database.fetchval("SELECT count(*) FROM vertice.effect") == 0
    assert value(metrics, "vertice_events_fenced_total") == 1


async def test_without_valid_ownership_the_database_is_not_even_asked(
    effects: Effects, fence: FixedFence, database: Database
) -> None:
    fence.value = None
    await database.close()
    with pytest.raises(Fenced):
        async with effects.transaction(key=123, kind="note"):
            pytest.fail("the block must not run")
    with pytest.raises(Fenced):
        await effects.send(None, event_id=1, content="x")  # type: ignore[arg-type]


async def test_a_take_over_waits_for_an_effect_under_way(
    effects: Effects, database: Database, migrated: PostgresDatabase
) -> None:
    other = await asyncpg.connect(migrated.dsn)
    entered, leave = asyncio.Event(), asyncio.Event()

    async def effect() -> None:
        async with effects.transaction(key=123, kind="note") as connection:
            await connection.execute("INSERT INTO vertice.note VALUES ('in time')")
            entered.set()
            await leave.wait()

    async def take_over() -> int:
        async with other.transaction():
            await other.fetch("SELECT * FROM vertice.shard FOR UPDATE")
            await other.execute("UPDATE vertice.shard SET epoch = epoch + 1")
            count: int = await other.fetchval("SELECT count(*) FROM vertice.note")
            return count

    running = asyncio.create_task(effect())
    await entered.wait()
    taking = asyncio.create_task(take_over())
    await asyncio.wait({taking}, timeout=0.2)
    assert not taking.done()
    leave.set()
    await running
    # Whoever holds the next epoch sees everything that the old one committed.
    assert await taking == 1
    await other.close()


async def test_claims_are_started_then_done(effects: Effects, database: Database) -> None:
    await effects.claim(key=5, kind="dm")
    status = "SELECT status FROM vertice.effect"
    assert await database.fetchval(status) == "started"
    with pytest.raises(AlreadyDone):
        await effects.claim(key=5, kind="dm")
    await effects.finish(key=5, kind="dm")
    assert await database.fetchval(status) == "done"


async def test_fifty_at_once_make_one(effects: Effects, database: Database) -> None:
    async def attempt() -> str:
        try:
            async with effects.transaction(key=9, kind="note") as connection:
                await connection.execute("INSERT INTO vertice.note VALUES ('x')")
        except AlreadyDone:
            return "again"
        except Unavailable:
            return "busy"
        return "done"

    results = await asyncio.gather(*(attempt() for _ in range(50)))
    assert results.count("done") == 1
    assert await database.fetchval("SELECT count(*) FROM vertice.note") == 1


async def test_old_effects_are_forgotten(effects: Effects, database: Database) -> None:
    for key in (1, 2):
        async with effects.transaction(key=key, kind="note"):
            pass
    await database.execute(
        "UPDATE vertice.effect SET at = now() - interval '8 days' WHERE key = '1'"
    )
    assert await effects.prune() == 1
    assert [r["key"] for r in await database.fetch("SELECT key FROM vertice.effect")] == ["2"]


async def test_without_a_database_effects_are_unavailable(fence: FixedFence) -> None:
    effects = Effects(BOT, None, fence, Metrics())
    for attempt in (effects.claim(key=1, kind="x"), effects.finish(key=1, kind="x")):
        with pytest.raises(Unavailable, match="NotConfigured"):
            await attempt


async def test_messages_carry_the_nonce_of_their_event(effects: Effects) -> None:
    sent: dict[str, Any] = {}

    class Channel:
        async def send(self, **arguments: Any) -> None:
            sent.update(arguments)

    await effects.send(Channel(), event_id=10**18, index=2, content="hello")  # type: ignore[arg-type]
    assert sent == {"nonce": nonce_for(10**18, 2), "content": "hello"}
