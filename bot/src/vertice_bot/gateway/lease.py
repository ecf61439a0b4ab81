"""Leases in Postgres: the statements of one process.

Postgres alone decides who owns a shard. There is one row per shard; each statement is batched over
rows, and each writes only what the epoch and the owner in its own condition allow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vertice_bot.gateway.ownership import Claim, Release, Renewal, Seen, Take
from vertice_bot.gateway.placement import Member
from vertice_bot.gateway.session import SessionRecord

CHANNEL = "vertice_shard"
"""Channel of the hints; a lost hint costs time, never safety."""

ENSURE = """
INSERT INTO vertice.shard (bot, id) SELECT $1, unnest($2::int[]) ON CONFLICT DO NOTHING
"""
READ = """
SELECT id, owner, epoch, rev, lease_until, heir,
       (owner IS NULL OR lease_until IS NULL OR lease_until < now()) AS takeable,
       extract(epoch FROM lease_until - now())::float8 AS expires_in,
       greatest(0, extract(epoch FROM now() - CASE WHEN owner IS NULL THEN freed_at
                                                   ELSE lease_until END))::float8 AS free_for
FROM vertice.shard WHERE bot = $1 AND id = ANY($2::int[]) ORDER BY id
"""
LOCK = READ.rstrip() + " FOR UPDATE"
OWN = """
UPDATE vertice.shard AS s
SET owner = $2, epoch = s.epoch + 1, rev = s.rev + 1, heir = NULL, freed_at = NULL,
    lease_until = now() + make_interval(secs => $3)
WHERE s.bot = $1 AND s.id = ANY($4::int[])
RETURNING s.id, s.epoch, s.rev
"""
# A take over a dead owner's session counts towards careful mode if the watermark stood still.
INHERIT = """
UPDATE vertice.session AS x
SET crashes = CASE WHEN clean THEN 0 WHEN stuck_at = done THEN crashes + 1 ELSE 1 END,
    stuck_at = CASE WHEN clean THEN NULL ELSE done END, clean = false
WHERE x.bot = $1 AND x.shard = ANY($2::int[])
RETURNING shard, session_id, resume_url, done, received, fingerprint, crashes
"""
RECORDS = """
SELECT shard, session_id, resume_url, done, received, fingerprint, crashes
FROM vertice.session WHERE bot = $1 AND shard = ANY($2::int[])
"""
# One statement, so that a session is saved only by who is the owner at that moment.
_SAVE = """
    INSERT INTO vertice.session AS x
        (bot, shard, epoch, session_id, resume_url, done, received, fingerprint, clean, saved_at)
    SELECT $1, r.id, r.epoch, d.session_id, d.resume_url, d.done, d.received, d.fingerprint,
           {clean}, now()
    FROM mine AS r
    JOIN unnest({first}::int[], {second}::text[], {third}::text[], {fourth}::bigint[],
                {fifth}::bigint[], {sixth}::text[])
         AS d(id, session_id, resume_url, done, received, fingerprint) ON d.id = r.id
    ON CONFLICT (bot, shard) DO UPDATE
    SET epoch = excluded.epoch, session_id = excluded.session_id,
        resume_url = excluded.resume_url, done = excluded.done, received = excluded.received,
        fingerprint = excluded.fingerprint, clean = excluded.clean, saved_at = excluded.saved_at
    WHERE x.epoch <= excluded.epoch
"""


def _save(clean: str, first: int) -> str:
    names = ("first", "second", "third", "fourth", "fifth", "sixth")
    places = {name: f"${first + at}" for at, name in enumerate(names)}
    return _SAVE.format(clean=clean, **places)


# Put together from constants alone; every value is a parameter.
RENEW = f"""
WITH mine AS (
    UPDATE vertice.shard AS s
    SET lease_until = now() + make_interval(secs => $3), rev = c.rev
    FROM unnest($4::int[], $5::bigint[], $6::bigint[]) AS c(id, epoch, rev)
    WHERE s.bot = $1 AND s.id = c.id AND s.owner = $2 AND s.epoch = c.epoch AND s.rev < c.rev
    RETURNING s.id, s.epoch
), saved AS ({_save("false", 7)})
SELECT id FROM mine
"""  # noqa: S608
RELEASE = f"""
WITH mine AS (
    UPDATE vertice.shard AS s SET owner = NULL, heir = $5, freed_at = now()
    FROM unnest($3::int[], $4::bigint[]) AS c(id, epoch)
    WHERE s.bot = $1 AND s.id = c.id AND s.owner = $2 AND s.epoch = c.epoch
    RETURNING s.id, s.epoch
), saved AS ({_save("true", 7)})
SELECT id, pg_notify($6, json_build_object(
    'kind', 'released', 'bot', $1::text, 'shard', id, 'epoch', epoch, 'sender', $2::text,
    'to', coalesce($5, ''))::text)
FROM mine
"""  # noqa: S608
BEAT = """
INSERT INTO vertice.member (bot, owner, replica, revision, draining)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (bot, owner) DO UPDATE SET draining = excluded.draining, seen_at = now()
"""
MEMBERS = """
SELECT owner, revision, draining, extract(epoch FROM joined_at)::float8 AS joined
FROM vertice.member WHERE bot = $1 AND seen_at > now() - make_interval(secs => $2)
"""
# Also rows of a take whose answer never came.
GIVE_UP = """
UPDATE vertice.shard SET owner = NULL, heir = NULL, freed_at = now() WHERE bot = $1 AND owner = $2
"""
LEAVE = """
DELETE FROM vertice.member
WHERE bot = $1 AND (owner = $2 OR seen_at < now() - interval '1 hour')
"""


FENCE = "SELECT epoch FROM vertice.shard WHERE bot = $1 AND id = $2 FOR KEY SHARE"
"""Rule 6: first in the transaction of each effect, which ends unless the epoch is its own."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a take gave: the rows, and the sessions that go with them."""

    claims: Mapping[int, Claim]
    records: Mapping[int, SessionRecord]


class LeaseStore:
    """The statements of one process; the caller brings the connection.

    Parameters
    ----------
    bot:
        ``<namespace>/<name>``.
    owner:
        Name of this process start, not of the pod.
    ttl:
        Seconds a lease lives.
    lock_seconds:
        How long a take waits for effects under way; less than a request may take.
    """

    def __init__(self, bot: str, owner: str, ttl: float, lock_seconds: float = 1.0) -> None:
        self.bot = bot
        self.owner = owner
        self.ttl = ttl
        self._lock_timeout = f"SET LOCAL lock_timeout = {max(1, int(lock_seconds * 1000))}"

    async def ensure(self, connection: Any, rows: Sequence[int]) -> None:
        """Make missing rows, released."""
        await connection.execute(ENSURE, self.bot, list(rows))

    async def read(self, connection: Any, rows: Sequence[int]) -> list[Seen]:
        """Read rows as they are (rule 4a)."""
        return [_seen(r) for r in await connection.fetch(READ, self.bot, list(rows))]

    async def renew(
        self,
        connection: Any,
        renewal: Renewal,
        records: Mapping[int, SessionRecord] | None = None,
    ) -> set[int]:
        """Renew in one statement (rule 3) and save the sessions of the rows that were renewed.

        Returns
        -------
        set of int
            The rows that were renewed.
        """
        answer = await connection.fetch(
            RENEW,
            self.bot,
            self.owner,
            self.ttl,
            [c.row for c in renewal.claims],
            [c.epoch for c in renewal.claims],
            [c.rev for c in renewal.claims],
            *_columns(records or {}),
        )
        return {record["id"] for record in answer}

    async def take(self, connection: Any, take: Take) -> Grant:
        """Take rows that are still as they were seen (rule 4b).

        The lock is ``FOR UPDATE``: it waits for effects of the old owner, which hold the row
        ``FOR KEY SHARE``, so none of them can commit after the epoch has moved.
        """
        remembered = {seen.row: seen for seen in take.rows}
        async with connection.transaction():
            await connection.execute(self._lock_timeout)
            locked = await connection.fetch(LOCK, self.bot, sorted(remembered))
            free = [
                seen.row
                for seen in map(_seen, locked)
                if seen.takeable and seen.same_as(remembered[seen.row])
            ]
            if not free:
                return Grant({}, {})
            rows = await connection.fetch(OWN, self.bot, self.owner, self.ttl, free)
            inherited = await connection.fetch(INHERIT, self.bot, free)
        claims = {r["id"]: Claim(r["id"], r["epoch"], r["rev"]) for r in rows}
        return Grant(claims, {r["shard"]: _record(r) for r in inherited})

    async def release(
        self,
        connection: Any,
        release: Release,
        records: Mapping[int, SessionRecord] | None = None,
        heir: str | None = None,
    ) -> set[int]:
        """Give rows back, save their sessions and say so, in one statement (rule 5).

        Parameters
        ----------
        connection:
            Any connection; it need not be the one that renews.
        release:
            The rows.
        records:
            Their sessions, with the exact watermark.
        heir:
            Who is to take them; the others wait a few seconds.

        Returns
        -------
        set of int
            The rows that were released.
        """
        answer = await connection.fetch(
            RELEASE,
            self.bot,
            self.owner,
            [c.row for c in release.claims],
            [c.epoch for c in release.claims],
            heir,
            CHANNEL,
            *_columns(records or {}),
        )
        return {record["id"] for record in answer}

    async def records(self, connection: Any, rows: Sequence[int]) -> dict[int, SessionRecord]:
        """Read sessions without owning them, to get ready for a hand-over."""
        found = await connection.fetch(RECORDS, self.bot, list(rows))
        return {r["shard"]: _record(r) for r in found}

    async def beat(self, connection: Any, replica: str, revision: str, draining: bool) -> None:
        """Say that this process lives."""
        await connection.execute(BEAT, self.bot, self.owner, replica, revision, draining)

    async def members(self, connection: Any) -> list[Member]:
        """Give the processes that were heard of within a lease's life."""
        rows = await connection.fetch(MEMBERS, self.bot, self.ttl)
        return [Member(r["owner"], r["revision"], r["joined"], r["draining"]) for r in rows]

    async def leave(self, connection: Any) -> None:
        """Take this process off the list of members, and those that are long gone."""
        await connection.execute(LEAVE, self.bot, self.owner)

    async def give_up(self, connection: Any) -> None:
        """Release every row that is still ours, also by a take whose answer was lost.

        Only for the very end of a process: its name is never used again.
        """
        await connection.execute(GIVE_UP, self.bot, self.owner)

    async def notify(self, connection: Any, payload: Mapping[str, object]) -> None:
        """Send a hint to all replicas."""
        await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, json.dumps(payload))


def _columns(records: Mapping[int, SessionRecord]) -> tuple[list[Any], ...]:
    items = sorted(records.items())
    return (
        [row for row, _ in items],
        [r.session for _, r in items],
        [r.url for _, r in items],
        [r.done for _, r in items],
        [r.received for _, r in items],
        [r.fingerprint for _, r in items],
    )


def _record(row: Any) -> SessionRecord:
    return SessionRecord(
        row["session_id"],
        row["resume_url"],
        row["done"],
        row["received"],
        row["fingerprint"],
        row["crashes"],
    )


def _seen(record: Any) -> Seen:
    return Seen(
        row=record["id"],
        owner=record["owner"],
        epoch=record["epoch"],
        rev=record["rev"],
        lease_until=record["lease_until"],
        takeable=record["takeable"],
        expires_in=record["expires_in"] if record["owner"] is not None else None,
        heir=record["heir"] if record["owner"] is None else None,
        free_for=record["free_for"] or 0.0,
    )
