"""What a crash, a repeated event and an absent database do to cases and counts."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from dev.testing.postgres import PostgresDatabase, PostgresServer, create_database

pytestmark = pytest.mark.processes

SLOW_SETTLE = """
CREATE FUNCTION vertice.slow() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(60); RETURN NEW; END';
CREATE TRIGGER slow BEFORE UPDATE ON vertice.moderation_case
    FOR EACH ROW EXECUTE FUNCTION vertice.slow();
"""


async def run_sql(database: PostgresDatabase, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(database.dsn)
    try:
        if query.startswith("SELECT"):
            return list(await connection.fetch(query))
        await connection.execute(query)
        return []
    finally:
        await connection.close()


async def notices(live: Any) -> list[Any]:
    channel = await live.script.open_direct(live.home.user("nina"), live.home.bot())
    return list(await live.script.messages(channel))


async def test_a_crash_after_the_message_is_settled_by_the_next_owner_without_a_second_one(
    killable_bot: asyncio.subprocess.Process,
    fresh_database: PostgresDatabase,
    discord: Any,
    start_bot: Any,
    until: Any,
) -> None:
    home = await discord.script.home()
    nina, marco = home.user("nina"), home.user("marco")
    await run_sql(fresh_database, SLOW_SETTLE)
    options = {"member": nina, "reason": "spam"}
    await discord.script.run_command(home.channel("general"), marco, "warn", options, wait=0)
    direct = await discord.script.open_direct(nina, home.bot())

    async def told() -> bool:
        return bool(await discord.script.messages(direct))

    await until(told)
    killable_bot.kill()
    await killable_bot.wait()
    (row,) = await run_sql(fresh_database, "SELECT status FROM vertice.moderation_case")
    assert row["status"] == "pending"
    await run_sql(fresh_database, "DROP FUNCTION vertice.slow CASCADE")
    await run_sql(
        fresh_database,
        "UPDATE vertice.moderation_case SET created_at = now() - interval '90 s'",
    )

    await start_bot()

    async def settled() -> bool:
        query = "SELECT status, notice FROM vertice.moderation_case"
        (row,) = await run_sql(fresh_database, query)
        return (row["status"], row["notice"]) == ("applied", "sent")

    await until(settled)
    assert len(await discord.script.messages(direct)) == 1


async def test_a_repeated_interaction_warns_once(live: Any, until: Any) -> None:
    await live.script.faults(duplicate_next=1)
    await live.run("marco", "warn", member=live.home.user("nina"), reason="spam", public=True)

    def both_handled() -> bool:
        value = live.app.metrics.registry.get_sample_value(
            "vertice_commands_total", {"command": "warn", "outcome": "ok"}
        )
        return value == 2

    await until(both_handled)
    assert len(await run_sql(live.database, "SELECT 1 FROM vertice.moderation_case")) == 1
    assert len(await notices(live)) == 1
    messages = await live.script.messages(live.channel)
    assert sum("was warned by a moderator" in m["content"] for m in messages) == 1


async def test_a_repeated_message_counts_once(live: Any, until: Any) -> None:
    await live.script.faults(duplicate_next=3)
    await live.script.send(live.channel, live.home.user("nina"), "hello", count=5)
    counter = live.app.bot.services.counter
    await until(lambda: counter.pending + counter.written >= 8 or counter.written == 5)
    await live.stop()
    (row,) = await run_sql(live.database, "SELECT sum(messages) AS n FROM vertice.message_count")
    assert row["n"] == 5


async def test_without_the_database_people_are_told_and_counts_wait(
    own_postgres: PostgresServer, start_bot: Any, until: Any
) -> None:
    live = await start_bot(
        await create_database(own_postgres.database), lease={"ttl_seconds": 30, "renew_seconds": 1}
    )
    await asyncio.to_thread(own_postgres.stop, "immediate")
    await live.script.send(live.channel, live.home.user("nina"), "hello", count=4)
    answer = await live.run("marco", "warn", member=live.home.user("nina"), reason="spam")
    shown = answer.content or "".join(item["content"] for item in answer.followups)
    assert "I cannot reach my database" in shown
    assert "Try again in a minute" in shown
    assert await notices(live) == []
    assert (await live.run("nina", "ping")).state == "answered"
    counter = live.app.bot.services.counter
    await until(lambda: counter.pending == 4)
    await asyncio.to_thread(own_postgres.start)
    await until(lambda: counter.pending == 0, 30)
    (row,) = await run_sql(live.database, "SELECT sum(messages) AS n FROM vertice.message_count")
    assert row["n"] == 4


async def test_housekeeping_that_fails_does_not_end_the_bot(start_bot: Any) -> None:
    live = await start_bot()
    connection = await asyncpg.connect(live.database.dsn)
    try:
        async with connection.transaction():
            # Longer than the bot's lock_timeout: the server refuses the statement.
            await connection.execute("LOCK TABLE vertice.effect IN ACCESS EXCLUSIVE MODE")
            await live.app._prune()
    finally:
        await connection.close()
    assert not live.running.done()
