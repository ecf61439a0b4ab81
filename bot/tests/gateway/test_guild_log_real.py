"""What is known of guilds is stored, folded and fed into another client's cache.

The guilds and events are those of the local Discord; the client is discord.py's own.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest

from dev.discord.server import LocalDiscord
from dev.discord.world import guilds, payloads
from dev.discord.world.state import Event
from dev.testing.postgres import PostgresDatabase
from vertice_bot.db.pool import Database
from vertice_bot.gateway import guild_log
from vertice_bot.gateway.guild_log import GuildLog, Snapshot, trimmed
from vertice_bot.gateway.watermark import Watermark
from vertice_bot.gateway.work import EventContext
from vertice_bot.settings import DatabaseSettings
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.metrics import Metrics

BOT = "demo/bot"
SELF_ID = LocalDiscord().seed.bot.user_id


@pytest.fixture
async def database(migrated: PostgresDatabase) -> AsyncIterator[Database]:
    metrics = Metrics()
    made = Database(
        DatabaseSettings(
            host=migrated.host,
            port=migrated.port,
            name=migrated.name,
            user=migrated.user,
            user_file=None,
            password_file=None,
        ),
        metrics,
        Degraded(metrics),
    )
    await made.open()
    await made.execute("INSERT INTO vertice.shard (bot, id, owner, epoch) VALUES ($1,0,'a',1)", BOT)
    yield made
    await made.close()


class Shard:
    """A shard's stream: numbers events and notes them as a runner does."""

    def __init__(self, log: GuildLog, session: str = "s1", epoch: int = 1) -> None:
        self.log, self.session, self.epoch = log, session, epoch
        self.mark = Watermark()

    def event(self, name: str, data: Any) -> int:
        seq = self.mark.received + 1
        self.mark.begin(seq)
        self.log.note(EventContext(0, self.epoch, self.session, seq, name, self.mark), data)
        self.mark.end(seq)
        return seq


class World:
    """One guild of the local Discord, and what happens in it."""

    def __init__(self) -> None:
        self.server = LocalDiscord()
        self.world, seed = self.server.core.world, self.server.seed
        self.guild, self.self_id = seed.guild, seed.bot.user_id
        self.events: list[Event] = []
        self.world.listeners.append(self.events.append)

    def create(self) -> Any:
        data = payloads.guild_create(self.world, self.guild, self.self_id, everybody=True)
        return copy.deepcopy(data)


@pytest.fixture
def here() -> World:
    return World()


@pytest.fixture
def log(database: Database, here: World) -> GuildLog:
    return GuildLog(BOT, database, lambda: here.self_id)


def client() -> discord.AutoShardedClient:
    return discord.AutoShardedClient(
        intents=discord.Intents(guilds=True), shard_count=1, chunk_guilds_at_startup=False
    )


def feed(snapshot: Snapshot) -> discord.Guild:
    state = client()._connection
    me = {"id": str(SELF_ID), "username": "vertice", "discriminator": "0", "avatar": None}
    state.user = discord.ClientUser(state=state, data=me)  # type: ignore[arg-type]
    for guild in snapshot.guilds:
        state._add_guild_from_data(guild)
    for name, data in snapshot.journal:
        state.parsers[name](data)
    (found,) = state._guilds.values()
    return found


def shape(guild: discord.Guild) -> tuple[Any, ...]:
    return (
        guild.name,
        sorted((c.id, c.name) for c in guild.channels),
        sorted((r.id, r.name, r.permissions.value) for r in guild.roles),
        sorted(m.id for m in guild.members),
    )


async def test_an_event_is_not_done_before_it_is_stored(log: GuildLog, here: World) -> None:
    shard = Shard(log)
    shard.event("READY", {"guilds": [{"id": str(here.guild.id)}]})
    shard.event("GUILD_CREATE", here.create())
    shard.event("MESSAGE_CREATE", {"id": "1"})
    assert (shard.mark.done, shard.mark.received) == (0, 3)
    await log.flush()
    assert shard.mark.done == 3


async def test_a_cold_client_knows_what_the_warm_one_knew(log: GuildLog, here: World) -> None:
    shard = Shard(log)
    shard.event("READY", {"guilds": [{"id": str(here.guild.id)}]})
    shard.event("GUILD_CREATE", here.create())
    del here.events[:]
    role = guilds.create_role(here.world, here.guild, "Helper", 8)
    channel = guilds.create_channel(here.world, here.guild, "news")
    for event in here.events:
        seq = shard.event(event.name, copy.deepcopy(event.data))
    await log.flush()
    found = feed(await log.load(0, "s1", -1, seq))
    assert found.get_role(role.id) is not None
    assert found.get_channel(channel.id) is not None
    assert found.me.id == here.self_id
    assert len(found.members) == 1
    # What is above the point of the resume comes by the replay, and must not be there before.
    earlier = feed(await log.load(0, "s1", -1, 2))
    assert earlier.get_role(role.id) is None
    delta = await log.load(0, "s1", 2, seq)
    assert delta.guilds == ()
    assert [name for name, _ in delta.journal] == ["GUILD_ROLE_CREATE", "CHANNEL_CREATE"]


async def test_a_long_journal_is_folded_up_to_the_watermark(
    log: GuildLog, here: World, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guild_log, "COMPACT_AFTER", 3)
    shard = Shard(log)
    shard.event("READY", {"guilds": [{"id": str(here.guild.id)}]})
    shard.event("GUILD_CREATE", here.create())
    await log.flush()
    del here.events[:]
    made = guilds.create_role(here.world, here.guild, "One", 1)
    guilds.create_role(here.world, here.guild, "Two", 2)
    guilds.delete_role(here.world, here.guild, made.id)
    guilds.create_channel(here.world, here.guild, "news")
    guilds.create_channel(here.world, here.guild, "late")
    for event in here.events[:-1]:
        shard.event(event.name, copy.deepcopy(event.data))
    await database.execute(
        "INSERT INTO vertice.session VALUES ($1, 0, 1, 's1', 'u', $2, 9, 'f', false)",
        BOT,
        shard.mark.received,
    )
    last = shard.event(here.events[-1].name, copy.deepcopy(here.events[-1].data))
    plain = feed(Snapshot((trimmed(here.create(), here.self_id),)))
    await log.flush()
    left = await database.fetch("SELECT seq FROM vertice.guild_journal")
    assert [row["seq"] for row in left] == [last]
    assert shape(feed(await log.load(0, "s1", -1, last))) == shape(plain)


async def test_a_new_session_forgets_the_old_one(
    log: GuildLog, here: World, database: Database
) -> None:
    old = Shard(log, "s1")
    old.event("READY", {"guilds": [{"id": str(here.guild.id)}]})
    old.event("GUILD_CREATE", here.create())
    new = Shard(log, "s2")
    new.event("READY", {"guilds": [{"id": str(here.guild.id)}]})
    await log.flush()
    assert (await log.load(0, "s1", -1, 99)) == Snapshot()
    (known,) = (await log.load(0, "s2", -1, 99)).guilds
    assert known == {"id": str(here.guild.id), "unavailable": True}


async def test_a_replaced_owner_stores_nothing(
    log: GuildLog, here: World, database: Database
) -> None:
    shard = Shard(log)
    shard.event("GUILD_CREATE", here.create())
    await database.execute("UPDATE vertice.shard SET epoch = 2")
    await log.flush()
    assert await database.fetchval("SELECT count(*) FROM vertice.guild_state") == 0
    assert len(log) == 0
