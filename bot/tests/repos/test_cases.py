"""What the tables themselves refuse, whatever the code above them does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from dev.testing.postgres import PostgresDatabase
from vertice_bot.db.migrate import migrate
from vertice_bot.db.repos import cases
from vertice_bot.db.repos.cases import CaseKind, NewCase


@pytest.fixture
async def connection(fresh_database: PostgresDatabase) -> AsyncIterator[asyncpg.Connection]:
    opened = await asyncpg.connect(fresh_database.dsn)
    await migrate(opened)
    yield opened
    await opened.close()


def new(interaction_id: int, reason: str = "x") -> NewCase:
    return NewCase("demo/bot", 1, CaseKind.WARN, 2, 3, reason, interaction_id)


async def test_a_case_that_is_rolled_back_gives_its_number_back(
    connection: asyncpg.Connection,
) -> None:
    transaction = connection.transaction()
    await transaction.start()
    assert (await cases.open_case(connection, new(1))).number == 1
    await transaction.rollback()
    assert (await cases.open_case(connection, new(2))).number == 1


async def test_a_second_moderator_waits_for_the_first_and_gets_the_next_number(
    connection: asyncpg.Connection, fresh_database: PostgresDatabase
) -> None:
    other = await asyncpg.connect(fresh_database.dsn)
    transaction = connection.transaction()
    await transaction.start()
    await cases.open_case(connection, new(1))
    waiting = asyncio.create_task(cases.open_case(other, new(2)))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.2)
    await transaction.commit()
    assert (await waiting).number == 2
    await other.close()


async def test_one_interaction_has_one_case(connection: asyncpg.Connection) -> None:
    await cases.open_case(connection, new(1))
    with pytest.raises(asyncpg.UniqueViolationError):
        await cases.open_case(connection, new(1))


@pytest.mark.parametrize("reason", ["", "x" * 513])
async def test_a_reason_has_1_to_512_characters(
    connection: asyncpg.Connection, reason: str
) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await cases.open_case(connection, new(1, reason))


@pytest.mark.parametrize(
    "change",
    [
        "status = 'applied'",
        "status = 'pending', settled_at = now()",
        "status = 'failed', notice = 'failed', settled_at = now()",
        "status = 'applied', notice = 'waiting', settled_at = now()",
        "status = 'gone', notice = 'sent', settled_at = now()",
        "notice = 'sent'",
        "number = 0",
    ],
)
async def test_states_that_make_no_sense_are_refused(
    connection: asyncpg.Connection, change: str
) -> None:
    await cases.open_case(connection, new(1))
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(f"UPDATE vertice.moderation_case SET {change}")
