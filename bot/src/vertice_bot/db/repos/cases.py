"""Moderation cases: numbered per guild, written ahead of the act."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from vertice_bot.db.repos.queries import Queries, Row


class CaseKind(StrEnum):
    """What was done to the member."""

    WARN = "warn"


class CaseStatus(StrEnum):
    """How far a case has come. A case never goes back to ``pending``."""

    PENDING = "pending"
    APPLIED = "applied"
    FAILED = "failed"


class Notice(StrEnum):
    """What became of the direct message to the member."""

    WAITING = "waiting"
    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NewCase:
    """What a moderator asked for; ``interaction_id`` makes the request unique."""

    bot: str
    guild_id: int
    kind: CaseKind
    member_id: int
    moderator_id: int
    reason: str
    interaction_id: int


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the case book. Times are aware and in UTC."""

    bot: str
    guild_id: int
    number: int
    kind: CaseKind
    status: CaseStatus
    member_id: int
    moderator_id: int
    reason: str
    interaction_id: int
    notice: Notice
    failure: str | None
    created_at: datetime
    settled_at: datetime | None


_COLUMNS = (
    "bot, guild_id, number, kind, status, member_id, moderator_id, reason, interaction_id, notice,"
    " failure, created_at, settled_at"
)

# The counter's row stays locked until the transaction ends, so a second moderator of the same
# guild waits here, and a rolled-back case gives its number back.
_OPEN = f"""
WITH taken AS (
    INSERT INTO vertice.case_counter AS counter (bot, guild_id, last_number) VALUES ($1, $2, 1)
    ON CONFLICT (bot, guild_id) DO UPDATE SET last_number = counter.last_number + 1
    RETURNING last_number
)
INSERT INTO vertice.moderation_case
    (bot, guild_id, number, kind, member_id, moderator_id, reason, interaction_id)
SELECT $1, $2, taken.last_number, $3, $4, $5, $6, $7 FROM taken
RETURNING {_COLUMNS}
"""  # noqa: S608 -- column names only, no input

_SETTLE = f"""
UPDATE vertice.moderation_case
SET status = $4, notice = $5, failure = $6, settled_at = now()
WHERE bot = $1 AND guild_id = $2 AND number = $3 AND status = 'pending'
RETURNING {_COLUMNS}
"""  # noqa: S608

_BY_INTERACTION = f"SELECT {_COLUMNS} FROM vertice.moderation_case WHERE interaction_id = $1"  # noqa: S608

_ABANDONED = f"""
SELECT {_COLUMNS}, now() - created_at AS age
FROM vertice.moderation_case
WHERE bot = $1 AND status = 'pending' AND created_at < now() - $2::interval
ORDER BY created_at LIMIT $3
"""  # noqa: S608

_PAGE = f"""
SELECT {_COLUMNS} FROM vertice.moderation_case
WHERE bot = $1 AND guild_id = $2 AND ($3::bigint IS NULL OR member_id = $3)
ORDER BY number DESC LIMIT $4 OFFSET $5
"""  # noqa: S608

_COUNT = """
SELECT count(*) FROM vertice.moderation_case
WHERE bot = $1 AND guild_id = $2 AND ($3::bigint IS NULL OR member_id = $3)
"""


def _case(row: Row) -> Case:
    return Case(
        bot=row["bot"],
        guild_id=row["guild_id"],
        number=row["number"],
        kind=CaseKind(row["kind"]),
        status=CaseStatus(row["status"]),
        member_id=row["member_id"],
        moderator_id=row["moderator_id"],
        reason=row["reason"],
        interaction_id=row["interaction_id"],
        notice=Notice(row["notice"]),
        failure=row["failure"],
        created_at=row["created_at"],
        settled_at=row["settled_at"],
    )


async def open_case(conn: Queries, new: NewCase) -> Case:
    """Take the guild's next number and insert the pending row.

    Call it inside a transaction: the number is only yours once that commits. Raises
    ``asyncpg.UniqueViolationError`` when the interaction already has a case.
    """
    row = await conn.fetchrow(
        _OPEN,
        new.bot,
        new.guild_id,
        new.kind,
        new.member_id,
        new.moderator_id,
        new.reason,
        new.interaction_id,
    )
    assert row is not None  # an INSERT ... RETURNING gives a row or raises
    return _case(row)


async def settle(
    conn: Queries, case: Case, status: CaseStatus, notice: Notice, failure: str | None = None
) -> Case | None:
    """Turn a pending case into applied or failed; None when somebody settled it before."""
    reason = None if failure is None else failure[:200]
    row = await conn.fetchrow(_SETTLE, case.bot, case.guild_id, case.number, status, notice, reason)
    return None if row is None else _case(row)


async def by_interaction(conn: Queries, interaction_id: int) -> Case | None:
    """Return the case that an interaction opened, if any."""
    row = await conn.fetchrow(_BY_INTERACTION, interaction_id)
    return None if row is None else _case(row)


async def abandoned(
    conn: Queries, bot: str, older_than: timedelta, limit: int
) -> list[tuple[Case, timedelta]]:
    """Return pending cases older than this with their age, oldest first, by the database's clock.

    The database's clock, because replicas' clocks differ and the rows carry its time.
    """
    rows = await conn.fetch(_ABANDONED, bot, older_than, limit)
    return [(_case(row), row["age"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Book:
    """Which cases are meant: those of a guild, or of one member of it."""

    bot: str
    guild_id: int
    member_id: int | None = None


async def page(conn: Queries, book: Book, *, limit: int, offset: int) -> list[Case]:
    """Return cases, newest first."""
    rows = await conn.fetch(_PAGE, book.bot, book.guild_id, book.member_id, limit, offset)
    return [_case(row) for row in rows]


async def count(conn: Queries, book: Book) -> int:
    """Return how many cases there are."""
    return int(await conn.fetchval(_COUNT, book.bot, book.guild_id, book.member_id))
