"""Three replicas share eight shards: roll-outs, crashes and pauses under traffic.

The verdict comes from the local Discord's ledger and the database only: ``dev.testing.traffic``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from dev.discord.script import Script
from dev.discord.server import LocalDiscord, Options
from dev.discord.settings import GatewaySettings, RestSettings
from dev.discord.settings import Settings as DiscordServerSettings
from dev.discord.world import guilds
from dev.discord.world.models import Channel
from dev.testing.postgres import PostgresDatabase, PostgresServer
from dev.testing.traffic import Traffic, Verdict, judge, plant_guilds, settled
from vertice_bot.db.migrate import migrate

pytestmark = pytest.mark.processes

SHARDS = 8
Fleet = Callable[..., Any]


@pytest.fixture
async def discord_server() -> AsyncIterator[LocalDiscord]:
    """A local Discord in which every shard may identify at once: here nothing is about that."""
    server = LocalDiscord(
        Options(
            settings=DiscordServerSettings(
                gateway=GatewaySettings(identify_window=0.2, max_concurrency=SHARDS),
                rest=RestSettings(rate_limits=False),
            )
        )
    )
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def channels(discord_server: LocalDiscord) -> list[Channel]:
    return plant_guilds(discord_server, SHARDS)


class Replicas:
    """Bot processes that come and go."""

    def __init__(self, fleet: Fleet, database: PostgresDatabase, server: LocalDiscord) -> None:
        self._fleet = fleet
        self._database = database
        self._server = server
        self._made = 0
        self.alive: list[Any] = []

    async def start(self, revision: str = "r1") -> Any:
        """Start one and wait until a Deployment would go on."""
        self._made += 1
        bot = self._fleet(
            f"bot-{self._made}",
            self._database,
            dispatch_log=True,
            revision=revision,
            shards={"count": SHARDS, "rebalance_seconds": 1.0},
        ).start()
        self.alive.append(bot)
        await bot.until(lambda s: s["schema_version"] is not None and "logged in" in bot.log)
        return bot

    async def owners(self) -> dict[int, str]:
        """Give the pod that owns each shard by the database."""
        connection = await asyncpg.connect(self._database.dsn)
        rows = await connection.fetch("SELECT id, owner FROM vertice.shard WHERE owner <> ''")
        await connection.close()
        return {row["id"]: row["owner"].split("/")[0] for row in rows}

    async def even(self, seconds: float = 40.0) -> None:
        """Wait until every shard is connected and the load is even."""
        deadline = time.monotonic() + seconds
        names = {bot.name for bot in self.alive}
        while time.monotonic() < deadline:
            load = dict.fromkeys(names, 0)
            for owner in (await self.owners()).values():
                load[owner] = load.get(owner, 0) + 1
            sessions = [s for s in self._server.core.hub.live() if s.socket is not None]
            whole = sum(load.values()) == SHARDS == len(sessions)
            if whole and max(load.values()) - min(load[name] for name in names) <= 1:
                return
            await asyncio.sleep(0.05)
        logs = "\n".join(f"--- {bot.name}\n{bot.log[-1500:]}" for bot in self.alive)
        raise AssertionError(f"the load is not even: {load}\n{logs}")

    async def stop(self, bot: Any) -> None:
        """Stop one as a Deployment does."""
        self.alive.remove(bot)
        bot.send(signal.SIGTERM)
        assert await bot.ended(25.0) == 0

    def kill(self, bot: Any) -> None:
        self.alive.remove(bot)
        bot.send(signal.SIGKILL)


@pytest.fixture
def replicas(
    fleet: Fleet, migrated: PostgresDatabase, discord_server: LocalDiscord, channels: list[Channel]
) -> Replicas:
    return Replicas(fleet, migrated, discord_server)


async def three(replicas: Replicas) -> None:
    for _ in range(3):
        await replicas.start()
    await replicas.even()


def faultless(verdict: Verdict, identifies: int = 0) -> None:
    print(verdict.text())  # noqa: T201 - figures for whoever runs it with -s
    assert verdict.sent > 100
    assert (verdict.lost, verdict.missing_effects) == (0, 0)
    assert (verdict.double_handled, verdict.duplicate_effects) == (0, 0)
    assert verdict.identifies == identifies


async def roll_out(replicas: Replicas, revision: str) -> None:
    for old in list(replicas.alive):
        await replicas.start(revision)
        await replicas.stop(old)


async def test_a_roll_out_loses_nothing_doubles_nothing_and_identifies_nothing(
    replicas: Replicas,
    migrated: PostgresDatabase,
    discord_server: LocalDiscord,
    channels: list[Channel],
) -> None:
    await three(replicas)
    before = discord_server.core.ledger.last
    async with Traffic(discord_server, channels) as traffic:
        for number in range(int(os.environ.get("ROLL_OUTS", "1"))):
            await roll_out(replicas, f"r{number + 2}")
        await replicas.even()
    await settled(migrated.dsn, traffic)
    verdict = await judge(migrated.dsn, discord_server, traffic, before)
    faultless(verdict)
    # Handlers had ended before each release, so not even a replay repeats one.
    assert verdict.replayed == 0
    assert verdict.resumes >= SHARDS
    assert verdict.gap(0.99) < 0.5
    assert verdict.acknowledged == verdict.interactions > 0


async def test_a_killed_replica_costs_seconds_and_nothing_else(
    replicas: Replicas,
    migrated: PostgresDatabase,
    discord_server: LocalDiscord,
    channels: list[Channel],
) -> None:
    await three(replicas)
    before = discord_server.core.ledger.last
    async with Traffic(discord_server, channels) as traffic:
        await asyncio.sleep(3.0)
        replicas.kill(replicas.alive[0])
        await replicas.start()
        await replicas.even()
        await asyncio.sleep(1.0)
    await settled(migrated.dsn, traffic)
    verdict = await judge(migrated.dsn, discord_server, traffic, before)
    faultless(verdict)
    assert verdict.gap(1.0) <= 8.0
    assert verdict.delay_max <= 9.0


async def test_a_paused_replica_is_replaced_and_does_nothing_on_waking(
    replicas: Replicas,
    migrated: PostgresDatabase,
    discord_server: LocalDiscord,
    channels: list[Channel],
) -> None:
    await three(replicas)
    before = discord_server.core.ledger.last
    async with Traffic(discord_server, channels) as traffic:
        await asyncio.sleep(2.0)
        paused = replicas.alive[0]
        paused.send(signal.SIGSTOP)
        await asyncio.sleep(15.0)
        paused.send(signal.SIGCONT)
        await replicas.even()
        await asyncio.sleep(1.0)
    await settled(migrated.dsn, traffic)
    verdict = await judge(migrated.dsn, discord_server, traffic, before)
    faultless(verdict)
    assert verdict.delay_max <= 9.0
    assert "shard lost" in paused.log


async def test_scaling_down_and_up_moves_shards_and_what_is_known_of_guilds(
    replicas: Replicas,
    migrated: PostgresDatabase,
    discord_server: LocalDiscord,
    channels: list[Channel],
) -> None:
    """Guilds that came and changed during the run count too: a cold cache would not count them."""
    await three(replicas)
    world = discord_server.core.world
    before = discord_server.core.ledger.last
    async with Traffic(discord_server, channels) as traffic:
        traffic.channels.extend(plant_guilds(discord_server, SHARDS, 1, first=20_000))
        await asyncio.sleep(1.0)
        leaving = replicas.alive[:2]
        await asyncio.gather(*(replicas.stop(bot) for bot in leaving))
        for channel in traffic.channels[:SHARDS]:
            assert channel.guild_id is not None
            guild = world.guild(channel.guild_id)
            traffic.channels.append(guilds.create_channel(world, guild, "new"))
        await asyncio.sleep(1.0)
        await replicas.start()
        await replicas.even()
        replicas.kill(replicas.alive[0])
        await replicas.even()
        await asyncio.sleep(1.0)
    await settled(migrated.dsn, traffic)
    faultless(await judge(migrated.dsn, discord_server, traffic, before))


async def test_broken_connections_and_a_dead_resume_host_cost_no_session(
    replicas: Replicas,
    migrated: PostgresDatabase,
    discord_server: LocalDiscord,
    channels: list[Channel],
) -> None:
    await three(replicas)
    before = discord_server.core.ledger.last
    assert discord_server.addresses is not None
    async with (
        Script(discord_server.addresses.admin) as script,
        Traffic(discord_server, channels) as traffic,
    ):
        await asyncio.sleep(0.5)
        for _ in range(3):
            await script.reconnect()
            await asyncio.sleep(0.3)
            await script.cut(mid_frame=True)
            await asyncio.sleep(0.3)
            await script.invalidate(resumable=True)
            await asyncio.sleep(0.3)
        await script.faults(resume_unavailable=-1)
        await script.cut()
        await replicas.even()
        await roll_out(replicas, "r2")
        await script.faults(resume_unavailable=0)
        await replicas.even()
    await settled(migrated.dsn, traffic)
    faultless(await judge(migrated.dsn, discord_server, traffic, before))


async def test_a_database_that_freezes_and_restarts_loses_nothing(
    fleet: Fleet,
    own_postgres: PostgresServer,
    discord_server: LocalDiscord,
    channels: list[Channel],
) -> None:
    connection = await asyncpg.connect(own_postgres.database.dsn)
    await migrate(connection)
    await connection.close()
    replicas = Replicas(fleet, own_postgres.database, discord_server)
    await three(replicas)
    before = discord_server.core.ledger.last
    async with Traffic(discord_server, channels) as traffic:
        await asyncio.sleep(1.0)
        own_postgres.pause()
        await asyncio.sleep(9.0)
        own_postgres.resume()
        await replicas.even()
        await asyncio.sleep(2.0)
        own_postgres.stop("immediate")
        await asyncio.sleep(1.0)
        own_postgres.start()
        await replicas.even()
        await asyncio.sleep(1.0)
    await settled(own_postgres.database.dsn, traffic)
    verdict = await judge(own_postgres.database.dsn, discord_server, traffic, before)
    faultless(verdict)
