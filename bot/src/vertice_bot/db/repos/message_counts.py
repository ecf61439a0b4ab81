"""Message counts by guild, channel, member and hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vertice_bot.db.repos.queries import Queries

# Discord's epoch, 2015-01-01, in milliseconds: the high 42 bits of an id count from it
# (Discord's documentation, reference, "Snowflakes").
_EPOCH_MS = 1_420_070_400_000

# One statement: the ids that are new here decide which messages count, in the same instant as the
# counts go up. Both inserts are sorted, so that two replicas can never lock each other out.
_ADD = f"""
WITH incoming AS (
    SELECT DISTINCT ON (id) id, guild_id, channel_id, member_id
    FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])
        AS batch (id, guild_id, channel_id, member_id)
    ORDER BY id
), fresh AS (
    INSERT INTO vertice.counted_message (id, bot) SELECT id, $5 FROM incoming
    ON CONFLICT DO NOTHING RETURNING id
), folded AS (
    SELECT guild_id, channel_id, member_id,
           ((id >> 22) + {_EPOCH_MS}) / 3600000 AS hours, count(*)::integer AS messages
    FROM incoming JOIN fresh USING (id)
    GROUP BY 1, 2, 3, 4
), stored AS (
    INSERT INTO vertice.message_count AS total
        (bot, guild_id, hour, channel_id, member_id, messages)
    SELECT $5, guild_id, to_timestamp(hours * 3600), channel_id, member_id, messages FROM folded
    ORDER BY 2, 3, 4, 5
    ON CONFLICT (bot, guild_id, hour, channel_id, member_id)
    DO UPDATE SET messages = total.messages + excluded.messages
)
SELECT count(*) FROM fresh
"""  # noqa: S608 -- a number constant, no input

_FORGET = f"""
WITH gone AS (
    DELETE FROM vertice.counted_message
    WHERE id < ((extract(epoch FROM now() - $1::interval) * 1000)::bigint - {_EPOCH_MS}) << 22
    RETURNING 1
)
SELECT count(*) FROM gone
"""  # noqa: S608

_WHERE = """
FROM vertice.message_count
WHERE bot = $1 AND guild_id = $2 AND hour >= $3 AND hour < $4
      AND ($5::bigint IS NULL OR channel_id = $5)
"""

_SERIES = f"""
SELECT date_bin($6::interval, hour, $3) AS start, sum(messages)::bigint AS messages
{_WHERE} GROUP BY 1 ORDER BY 1
"""

_TOTALS = f"""
SELECT coalesce(sum(messages), 0)::bigint AS messages,
       count(DISTINCT member_id) AS members, count(DISTINCT channel_id) AS channels
{_WHERE}
"""

_TOP = """
SELECT {column} AS id, sum(messages)::bigint AS messages
{where} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT $6
"""
_TOP_CHANNELS = _TOP.format(column="channel_id", where=_WHERE)
_TOP_MEMBERS = _TOP.format(column="member_id", where=_WHERE)


@dataclass(frozen=True, slots=True)
class MessageBatch:
    """Messages as four columns of equal length, ready for ``unnest``."""

    ids: Sequence[int]
    guild_ids: Sequence[int]
    channel_ids: Sequence[int]
    member_ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Scope:
    """What a question is about: a guild, or one channel of it, from ``start`` until ``end``."""

    bot: str
    guild_id: int
    channel_id: int | None
    start: datetime
    end: datetime

    def args(self) -> tuple[Any, ...]:
        """Return the first five query arguments that every question shares."""
        return (self.bot, self.guild_id, self.start, self.end, self.channel_id)


@dataclass(frozen=True, slots=True)
class Totals:
    """Messages, and how many members and channels they came from."""

    messages: int
    members: int
    channels: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """A channel or a member with its number of messages."""

    id: int
    messages: int


async def add(conn: Queries, bot: str, batch: MessageBatch) -> int:
    """Count the messages that were not counted before, and return how many those were."""
    value = await conn.fetchval(
        _ADD, batch.ids, batch.guild_ids, batch.channel_ids, batch.member_ids, bot
    )
    return int(value)


async def forget_ids(conn: Queries, older_than: timedelta) -> int:
    """Drop remembered ids of messages written longer ago than this; return how many."""
    return int(await conn.fetchval(_FORGET, older_than))


async def totals(conn: Queries, scope: Scope) -> Totals:
    """Return the sums over a scope."""
    row = await conn.fetchrow(_TOTALS, *scope.args())
    assert row is not None  # an aggregate without GROUP BY always gives a row
    return Totals(row["messages"], row["members"], row["channels"])


async def series(conn: Queries, scope: Scope, step: timedelta) -> dict[datetime, int]:
    """Return messages by the start of each step that has any, counted from the scope's start."""
    rows = await conn.fetch(_SERIES, *scope.args(), step)
    return {row["start"]: row["messages"] for row in rows}


async def top_channels(conn: Queries, scope: Scope, limit: int) -> tuple[Ranked, ...]:
    """Return the busiest channels, busiest first."""
    rows = await conn.fetch(_TOP_CHANNELS, *scope.args(), limit)
    return tuple(Ranked(row["id"], row["messages"]) for row in rows)


async def top_members(conn: Queries, scope: Scope, limit: int) -> tuple[Ranked, ...]:
    """Return the members who wrote most, most first."""
    rows = await conn.fetch(_TOP_MEMBERS, *scope.args(), limit)
    return tuple(Ranked(row["id"], row["messages"]) for row in rows)
