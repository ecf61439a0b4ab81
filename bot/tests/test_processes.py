"""Whole processes: who is active, how they end, and who takes over after a crash or a pause."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import yaml

from dev.discord.script import Script
from dev.discord.server import LocalDiscord
from dev.discord.world import applications, messages
from dev.testing.postgres import PostgresDatabase, PostgresServer
from dev.testing.redis import RedisServer
from vertice_bot.db.migrate import migrate

pytestmark = pytest.mark.processes

TTL, RENEW = 6.0, 2.0
Fleet = Callable[..., Any]
STATUS_KEYS = {
    *("bot", "replica", "owner", "revision", "version", "role", "draining", "shard_count"),
    *("shards", "lag_seconds", "schema_version", "discord", "degraded"),
}
"""What the operator reads."""
SHARD_KEYS = {
    *("id", "state", "epoch", "latency_seconds"),
    *("lag_seconds", "behind", "handover_gap_seconds"),
}


async def row(database: PostgresDatabase) -> asyncpg.Record:
    connection = await asyncpg.connect(database.dsn)
    found = await connection.fetchrow("SELECT * FROM vertice.shard WHERE id = 0")
    await connection.close()
    return found


async def test_one_is_active_the_other_stands_by_and_both_are_ready(
    fleet: Fleet, migrated: PostgresDatabase
) -> None:
    first = fleet("first", migrated).start()
    status = await first.until_connected()
    second = fleet("second", migrated).start()
    other = await second.until_standby()
    assert status["role"] == "active"
    assert status["shards"][0]["state"] == "LIVE"
    assert status["shards"][0]["epoch"] == 1
    assert other["shards"] == []
    assert set(status) == STATUS_KEYS
    assert set(status["shards"][0]) == SHARD_KEYS
    assert set(status["discord"]) == {"state", "identify_remaining", "recommended_shards"}
    assert other["discord"]["state"] == "disconnected"
    for process in (first, second):
        for probe in ("/startupz", "/readyz", "/livez"):
            assert (await process.get(probe))[0] == 200
    assert 'vertice_shard_ready{shard="0"} 1.0' in (await first.get("/metrics", first.metrics))[1]


async def test_the_holder_runs_every_shard(
    fleet: Fleet, migrated: PostgresDatabase, discord_server: LocalDiscord
) -> None:
    bot = fleet("bot", migrated, shards={"count": 2}).start()
    status = await bot.until_connected(30.0)
    assert [(s["id"], s["state"], s["epoch"]) for s in status["shards"]] == [
        (0, "LIVE", 1),
        (1, "LIVE", 1),
    ]
    assert identifies(discord_server) == 2
    sessions = discord_server.core.hub.sessions.values()
    assert sorted((s.shard_id, s.shard_count) for s in sessions) == [(0, 2), (1, 2)]


async def test_sigterm_hands_over_and_exits_0(
    fleet: Fleet, migrated: PostgresDatabase, discord_server: LocalDiscord
) -> None:
    first = fleet("first", migrated).start()
    await first.until_connected()
    second = fleet("second", migrated).start()
    await second.until_standby()
    first.send(signal.SIGTERM)
    assert await first.ended(5.0) == 0
    released = time.monotonic()
    # The session stays alive: it was closed with a code that allows a RESUME.
    assert all(s.dead is None for s in discord_server.core.hub.sessions.values())
    status = await second.until_connected(TTL)
    # The release is announced, so the successor does not wait for an expiry.
    assert time.monotonic() - released < TTL - 2.0
    assert status["shards"][0]["epoch"] == 2
    # And it went on with the same session.
    assert identifies(discord_server) == 1


async def test_kill_9_of_the_holder_is_taken_over_in_time(
    fleet: Fleet, migrated: PostgresDatabase, discord_server: LocalDiscord
) -> None:
    first = fleet("first", migrated).start()
    await first.until_connected()
    second = fleet("second", migrated).start()
    await second.until_standby()
    killed = time.monotonic()
    first.send(signal.SIGKILL)
    await second.until(lambda s: s["role"] == "active", TTL + RENEW)
    await second.until_connected(TTL + RENEW - (time.monotonic() - killed))
    assert time.monotonic() - killed <= TTL + RENEW
    assert identifies(discord_server) == 1


async def test_a_bot_that_was_away_as_a_whole_goes_on_with_its_sessions(
    fleet: Fleet, migrated: PostgresDatabase, discord_server: LocalDiscord
) -> None:
    """What was said meanwhile is handled by whoever comes next, in order or after a crash."""
    for number, goodbye in enumerate((signal.SIGTERM, signal.SIGKILL)):
        bot = fleet(f"bot-{number}", migrated, dispatch_log=True).start()
        await bot.until_connected()
        bot.send(goodbye)
        await bot.ended(5.0)
        await until_detached(discord_server)
        say(discord_server, f"while nobody was there {number}")
    last = fleet("last", migrated, dispatch_log=True).start()
    await last.until_connected()
    rows = await starts(migrated, 2)
    assert len({r["event_key"] for r in rows}) == 2
    assert identifies(discord_server) == 1


async def test_another_token_or_another_setting_means_a_new_session(
    fleet: Fleet, migrated: PostgresDatabase, discord_server: LocalDiscord
) -> None:
    first = fleet("first", migrated).start()
    await first.until_connected()
    first.send(signal.SIGTERM)
    assert await first.ended(5.0) == 0
    second = fleet("second", migrated)
    config = yaml.safe_load(second.config_path.read_text())
    config["discord"]["intents"] = ["guilds"]
    second.config_path.write_text(yaml.safe_dump(config))
    second.start()
    await second.until_connected()
    assert identifies(discord_server) == 2
    assert "does not fit this configuration" in second.log
    page = (await second.get("/metrics", second.metrics))[1]
    assert "vertice_gateway_session_lost_total 1.0" in page


async def test_a_paused_holder_is_replaced_and_notices_on_waking(
    fleet: Fleet, migrated: PostgresDatabase, discord_server: LocalDiscord
) -> None:
    first = fleet("first", migrated).start()
    await first.until_connected()
    second = fleet("second", migrated).start()
    await second.until_standby()
    paused = time.monotonic()
    first.send(signal.SIGSTOP)
    status = await second.until(lambda s: s["role"] == "active", TTL + RENEW)
    assert time.monotonic() - paused <= TTL + RENEW
    assert status["role"] == "active"
    await second.until_connected()
    first.send(signal.SIGCONT)
    await first.until(lambda s: s["role"] == "standby" and s["shards"] == [], 8.0)
    assert (await second.status())["role"] == "active"
    assert (await row(migrated))["epoch"] == 2
    assert len([s for s in discord_server.core.hub.sessions.values() if s.socket]) == 1


async def test_without_a_database_it_is_a_single_process_and_says_so(fleet: Fleet) -> None:
    alone = fleet("alone").start()
    status = await alone.until_connected()
    assert status["role"] == "active"
    assert "single process without leases" in alone.log
    alone.send(signal.SIGTERM)
    assert await alone.ended() == 0


async def test_it_waits_for_migrations_and_says_so(
    fleet: Fleet, fresh_database: PostgresDatabase
) -> None:
    bot = fleet("bot", fresh_database).start()
    await bot.until(lambda s: {"part": "migrations", "reason": "Behind"} in s["degraded"])
    code, text = await bot.get("/startupz")
    assert code == 503
    assert "schema is at 0" in text
    # Logged in by now, and still no part asks for tables that are not there.
    await bot.until(lambda _: "logged in to Discord" in bot.log)
    assert (await bot.get("/readyz"))[0] == 503
    assert (await bot.get("/livez"))[0] == 200
    connection = await asyncpg.connect(fresh_database.dsn)
    await migrate(connection)
    await connection.close()
    await bot.until_connected()
    await bot.until(lambda s: s["degraded"] == [], 10.0)
    assert (await bot.get("/readyz"))[0] == 200
    assert "Traceback" not in bot.log
    assert "round failed" not in bot.log


async def test_a_database_that_is_away_at_the_start_only_delays(
    fleet: Fleet, own_postgres: PostgresServer
) -> None:
    connection = await asyncpg.connect(own_postgres.database.dsn)
    await migrate(connection)
    await connection.close()
    own_postgres.stop()
    bot = fleet("bot", own_postgres.database).start()
    await bot.until(lambda s: any(d["part"] == "postgres" for d in s["degraded"]))
    assert (await bot.get("/readyz"))[0] == 200
    own_postgres.start()
    await bot.until_connected()
    await bot.until(lambda s: s["degraded"] == [], 10.0)


async def test_a_frozen_database_parks_and_revives_the_same_session(
    fleet: Fleet, own_postgres: PostgresServer, discord_server: LocalDiscord
) -> None:
    connection = await asyncpg.connect(own_postgres.database.dsn)
    await migrate(connection)
    await connection.close()
    bot = fleet("bot", own_postgres.database).start()
    await bot.until_connected()
    before = identifies(discord_server)
    assert before == 1
    own_postgres.pause()
    await bot.until(lambda s: {"part": "lease", "reason": "Parked"} in s["degraded"], 8.0)
    assert (await bot.get("/readyz"))[0] == 200
    assert (await bot.status())["discord"]["state"] == "connected"
    own_postgres.resume()
    status = await bot.until(lambda s: s["degraded"] == [], 15.0)
    assert status["role"] == "active"
    assert status["shards"][0]["epoch"] == 1
    assert identifies(discord_server) == before


async def test_a_refused_token_ends_with_69_and_what_to_do(
    fleet: Fleet, migrated: PostgresDatabase, tmp_path: Path
) -> None:
    token = tmp_path / "wrong"
    token.write_text("wrong.token.value\n")
    bot = fleet("bot", migrated)
    config = yaml.safe_load(bot.config_path.read_text())
    config["discord"]["token_file"] = str(token)
    bot.config_path.write_text(yaml.safe_dump(config))
    bot.start()
    assert await bot.ended() == 69
    assert "put a valid one into the Secret" in bot.termination_log.read_text()
    assert "wrong.token.value" not in bot.log


async def test_commands_are_synced_once_per_change(
    fleet: Fleet, migrated: PostgresDatabase, discord_server: LocalDiscord
) -> None:
    first = fleet("first", migrated).start()
    await first.until_connected()
    await until_stored(migrated, "commands")
    first.send(signal.SIGTERM)
    assert await first.ended() == 0
    second = fleet("second", migrated).start()
    await second.until_connected()
    assert first.log.count("commands synced") == 1
    assert second.log.count("commands synced") == 0


async def test_commands_that_discord_has_lost_are_sent_again_with_the_next_session(
    fleet: Fleet, migrated: PostgresDatabase, discord_server: LocalDiscord
) -> None:
    bot = fleet("bot", migrated).start()
    await bot.until_connected()
    await until_stored(migrated, "commands")
    commands = applications.commands_of(discord_server.seed.bot, None)
    assert commands
    commands.clear()
    assert discord_server.addresses is not None
    async with Script(discord_server.addresses.admin) as script:
        assert await script.invalidate(resumable=False) == 1
    await bot.until(lambda _: bool(applications.commands_of(discord_server.seed.bot, None)), 30.0)
    assert bot.log.count("commands synced") == 2


async def test_the_token_is_in_no_log_and_no_metric(
    fleet: Fleet, migrated: PostgresDatabase, discord_server: LocalDiscord
) -> None:
    bot = fleet("bot", migrated, logging={"level": "DEBUG", "format": "json"}).start()
    await bot.until_connected()
    pages = [(await bot.get("/metrics", bot.metrics))[1], (await bot.get("/statusz"))[1]]
    bot.send(signal.SIGTERM)
    await bot.ended()
    for text in (*pages, bot.log):
        assert discord_server.options.token not in text


async def test_a_privileged_intent_that_is_off_ends_with_69(
    fleet: Fleet, migrated: PostgresDatabase, discord_server: LocalDiscord
) -> None:
    bot = fleet("bot", migrated)
    config = yaml.safe_load(bot.config_path.read_text())
    discord_server.seed.bot.privileged = 0
    config["discord"]["intents"] = ["guilds", "guild_messages", "members"]
    bot.config_path.write_text(yaml.safe_dump(config))
    bot.start()
    assert await bot.ended() == 69
    text = bot.termination_log.read_text()
    assert "4014" in text
    assert "developer portal" in text
    # No loop: every try would cost an IDENTIFY of the day's budget.
    assert identifies(discord_server) == 0
    assert (await row(migrated))["owner"] is None


async def test_each_message_starts_its_handler_once(
    fleet: Fleet, migrated: PostgresDatabase, discord_server: LocalDiscord
) -> None:
    first = fleet("first", migrated, dispatch_log=True).start()
    second = fleet("second", migrated, dispatch_log=True).start()
    await first.until(lambda s: s["schema_version"] is not None)
    await second.until(lambda s: s["schema_version"] is not None)
    await one_connected(first, second)
    sent = [say(discord_server, f"message {n}") for n in range(20)]
    rows = await starts(migrated, len(sent))
    assert sorted(r["event_key"] for r in rows) == sorted(map(str, sent))
    assert {(r["epoch"], r["handler"]) for r in rows} == {(1, rows[0]["handler"])}
    assert len({r["replica"] for r in rows}) == 1


async def test_what_comes_while_parked_is_handled_once_afterwards(
    fleet: Fleet, own_postgres: PostgresServer, discord_server: LocalDiscord
) -> None:
    connection = await asyncpg.connect(own_postgres.database.dsn)
    await migrate(connection)
    await connection.close()
    bot = fleet("bot", own_postgres.database, dispatch_log=True).start()
    await bot.until_connected()
    own_postgres.pause()
    await bot.until(lambda s: {"part": "lease", "reason": "Parked"} in s["degraded"], 8.0)
    sent = [say(discord_server, f"while parked {n}") for n in range(5)]
    own_postgres.resume()
    rows = await starts(own_postgres.database, len(sent))
    assert [r["event_key"] for r in rows] == list(map(str, sent))
    assert "delivering held events" in bot.log


async def test_what_came_while_parked_survives_the_end_of_the_connection(
    fleet: Fleet, own_postgres: PostgresServer, discord_server: LocalDiscord
) -> None:
    connection = await asyncpg.connect(own_postgres.database.dsn)
    await migrate(connection)
    await connection.close()
    bot = fleet("bot", own_postgres.database, dispatch_log=True).start()
    await bot.until_connected()
    own_postgres.pause()
    await bot.until(lambda s: {"part": "lease", "reason": "Parked"} in s["degraded"], 8.0)
    sent = [say(discord_server, f"while parked {n}") for n in range(5)]
    await until_read(bot, len(sent))
    assert discord_server.addresses is not None
    async with Script(discord_server.addresses.admin) as script:
        await script.cut()
    await bot.until(lambda _: "connection ended" in bot.log)
    own_postgres.resume()
    rows = await starts(own_postgres.database, len(sent))
    assert [r["event_key"] for r in rows] == list(map(str, sent))
    assert identifies(discord_server) == 1


async def test_sigterm_while_the_database_is_frozen_still_ends_in_order(
    fleet: Fleet, own_postgres: PostgresServer
) -> None:
    connection = await asyncpg.connect(own_postgres.database.dsn)
    await migrate(connection)
    await connection.close()
    bot = fleet("bot", own_postgres.database).start()
    await bot.until_connected()
    own_postgres.pause()
    bot.send(signal.SIGTERM)
    assert await bot.ended(25.0) == 0
    assert "lease could not be released" in bot.log


async def test_redis_away_only_degrades(
    fleet: Fleet, migrated: PostgresDatabase, own_redis: RedisServer
) -> None:
    bot = fleet("bot", migrated, cache={"host": own_redis.host, "port": own_redis.port}).start()
    await bot.until_connected()
    assert (await bot.status())["degraded"] == []
    own_redis.stop()
    await bot.until(lambda s: any(d["part"] == "redis" for d in s["degraded"]), 6.0)
    assert (await bot.get("/readyz"))[0] == 200
    page = (await bot.get("/metrics", bot.metrics))[1]
    assert 'vertice_degraded{feature="redis"} 1.0' in page
    own_redis.start()
    await bot.until(lambda s: s["degraded"] == [], 10.0)


async def test_discord_away_at_the_start_only_delays(
    fleet: Fleet, migrated: PostgresDatabase, discord_server: LocalDiscord
) -> None:
    bot = fleet("bot", migrated)
    await discord_server.stop()
    bot.start()
    await bot.until(
        lambda s: (
            s["degraded"] == [{"part": "discord", "reason": "ApiUnavailable"}]
            and s["schema_version"] is not None
        )
    )
    assert (await bot.get("/readyz"))[0] == 200
    bot.send(signal.SIGTERM)
    assert await bot.ended(5.0) == 0


def say(server: LocalDiscord, text: str) -> int:
    seed = server.seed
    draft = messages.Draft(seed.member.id, text)
    return messages.send(server.core.world, seed.general, draft).id


async def until_read(bot: Any, count: int) -> None:
    """Wait until the bot has read that many messages, be they handled or held back."""
    wanted = f'vertice_gateway_events_total{{event="MESSAGE_CREATE"}} {float(count)}'
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if wanted in (await bot.get("/metrics", bot.metrics))[1]:
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"{count} messages were not read")


async def until_detached(server: LocalDiscord) -> None:
    deadline = time.monotonic() + 5
    while any(s.socket is not None for s in server.core.hub.live()):
        assert time.monotonic() < deadline, "a session still has a socket"
        await asyncio.sleep(0.01)


async def one_connected(*bots: Any) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        states = [(await b.status()).get("discord", {}).get("state") for b in bots]
        if states.count("connected") == 1:
            return
        await asyncio.sleep(0.02)
    pytest.fail("nobody is connected")


async def starts(database: PostgresDatabase, count: int) -> list[asyncpg.Record]:
    """Wait for that many starts of on_message handlers, and a moment for one too many."""
    query = "SELECT * FROM vertice.dispatch_log WHERE handler LIKE '%on_message' ORDER BY at"
    connection = await asyncpg.connect(database.dsn)
    deadline = time.monotonic() + 20
    rows: list[asyncpg.Record] = []
    while len(rows) < count and time.monotonic() < deadline:
        rows = await connection.fetch(query)
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    rows = await connection.fetch(query)
    await connection.close()
    return rows


async def until_stored(database: PostgresDatabase, key: str) -> None:
    connection = await asyncpg.connect(database.dsn)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if await connection.fetchval("SELECT 1 FROM vertice.kv WHERE key = $1", key):
            await connection.close()
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"{key} was not stored")


def identifies(server: LocalDiscord) -> int:
    return server.core.ledger.counts["identify"]
