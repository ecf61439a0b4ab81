"""A real database with a shard that this process owns: what every service works on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from dev.testing.postgres import PostgresDatabase
from vertice_bot.db.migrate import migrate
from vertice_bot.db.pool import Database
from vertice_bot.effects import Effects, FenceToken
from vertice_bot.settings import DatabaseSettings
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.metrics import Metrics

BOT = "demo/bot"


@dataclass
class Lease:
    """Stands for the lease holder: ``held = None`` is a replica that lost it."""

    held: FenceToken | None = field(default_factory=lambda: FenceToken(row=0, epoch=1))

    def token(self) -> FenceToken | None:
        return self.held


@dataclass
class Stage:
    """Everything a service is built from."""

    database: Database
    settings: DatabaseSettings
    metrics: Metrics
    degraded: Degraded
    lease: Lease
    effects: Effects
    bot: str = BOT

    async def take_over(self) -> None:
        """Let another replica take the shard in the database; the lease here does not know."""
        await self.database.execute("UPDATE vertice.shard SET epoch = epoch + 1")


def settings_for(database: PostgresDatabase) -> DatabaseSettings:
    return DatabaseSettings(
        host=database.host,
        port=database.port,
        name=database.name,
        user=database.user,
        password_file=None,
        pool_max=10,
    )


async def build_stage(settings: DatabaseSettings) -> Stage:
    metrics = Metrics()
    degraded = Degraded(metrics)
    database = Database(settings, metrics, degraded)
    await database.open()
    connection = await database.connect()
    try:
        await migrate(connection)
    finally:
        await connection.close()
    await database.execute(
        "INSERT INTO vertice.shard (bot, id, owner, epoch, rev, lease_until)"
        " VALUES ($1, 0, 'me', 1, 0, now() + interval '1 hour') ON CONFLICT DO NOTHING",
        BOT,
    )
    lease = Lease()
    return Stage(
        database, settings, metrics, degraded, lease, Effects(BOT, database, lease, metrics)
    )


StageFactory = Callable[[PostgresDatabase], Awaitable[Stage]]


@pytest.fixture
async def open_stage() -> AsyncIterator[StageFactory]:
    """Give a function that opens another process's view of a database; closed after the test."""
    opened: list[Stage] = []

    async def build(database: PostgresDatabase) -> Stage:
        opened.append(await build_stage(settings_for(database)))
        return opened[-1]

    yield build
    for stage in opened:
        await stage.database.close()


@pytest.fixture
async def stage(fresh_database: PostgresDatabase, open_stage: StageFactory) -> Stage:
    return await open_stage(fresh_database)


@pytest.fixture
def build_on() -> StageFactory:
    """Give a function that opens a stage which the caller closes itself, in a loop of its own."""

    async def build(database: PostgresDatabase) -> Stage:
        return await build_stage(settings_for(database))

    return build
