"""Migrations against a real Postgres."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from dev.testing.postgres import PostgresDatabase
from vertice_bot.db.migrate import (
    Migration,
    MigrationError,
    SchemaState,
    load_migrations,
    migrate,
    schema_version,
)


async def connect(database: PostgresDatabase) -> asyncpg.Connection:
    return await asyncpg.connect(database.dsn)


async def test_from_empty_to_head_and_again(fresh_database: PostgresDatabase) -> None:
    connection = await connect(fresh_database)
    before = await schema_version(connection)
    first = await migrate(connection)
    second = await migrate(connection)
    after = await schema_version(connection)
    await connection.close()
    assert before.state is SchemaState.BEHIND
    assert before.applied == 0
    assert first == load_migrations()
    assert second == ()
    assert after.state is SchemaState.CURRENT


async def test_from_each_earlier_version(fresh_database: PostgresDatabase) -> None:
    known = load_migrations()
    connection = await connect(fresh_database)
    for index in range(len(known)):
        applied = await migrate(connection, known[: index + 1])
        assert applied == known[index : index + 1]
    await connection.close()


async def test_two_starters_at_once_apply_each_once(fresh_database: PostgresDatabase) -> None:
    connections = [await connect(fresh_database) for _ in range(3)]
    results = await asyncio.gather(*(migrate(c) for c in connections))
    for connection in connections:
        await connection.close()
    assert sorted(len(r) for r in results) == [0, 0, len(load_migrations())]


async def test_a_changed_file_is_refused(fresh_database: PostgresDatabase) -> None:
    connection = await connect(fresh_database)
    one = Migration(1, "one", "CREATE TABLE vertice.one (a int)")
    await migrate(connection, [one])
    with pytest.raises(MigrationError, match="0001_one was changed"):
        await migrate(connection, [replace(one, sql=one.sql + " -- edited")])
    await connection.close()


async def test_a_failing_file_leaves_nothing_behind(fresh_database: PostgresDatabase) -> None:
    connection = await connect(fresh_database)
    bad = Migration(1, "bad", "CREATE TABLE vertice.half (a int); SELECT nonsense()")
    with pytest.raises(MigrationError, match="0001_bad"):
        await migrate(connection, [bad])
    assert await connection.fetchval("SELECT to_regclass('vertice.half')") is None
    assert await connection.fetchval("SELECT count(*) FROM vertice.schema_migration") == 0
    # The advisory lock is free again.
    other = await connect(fresh_database)
    await asyncio.wait_for(migrate(other, []), 5)
    await other.close()
    await connection.close()


async def test_a_database_that_is_ahead_is_left_alone(fresh_database: PostgresDatabase) -> None:
    connection = await connect(fresh_database)
    one = Migration(1, "one", "CREATE TABLE vertice.one (a int)")
    two = Migration(2, "two", "CREATE TABLE vertice.two (a int)")
    await migrate(connection, [one, two])
    assert await migrate(connection, [one]) == ()
    assert (await schema_version(connection, [one])).state is SchemaState.AHEAD
    await connection.close()


async def test_a_busy_table_fails_fast_with_advice(fresh_database: PostgresDatabase) -> None:
    connection = await connect(fresh_database)
    one = Migration(1, "one", "CREATE TABLE vertice.one (a int)")
    await migrate(connection, [one])
    blocker = await connect(fresh_database)
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("LOCK TABLE vertice.one")
    two = Migration(2, "two", "SET LOCAL lock_timeout = '100ms'; ALTER TABLE vertice.one ADD b int")
    with pytest.raises(MigrationError, match="end the long transaction"):
        await migrate(connection, [one, two])
    await transaction.rollback()
    await blocker.close()
    await connection.close()
