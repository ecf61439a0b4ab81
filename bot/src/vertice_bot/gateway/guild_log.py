"""Keeps what Discord says of guilds, so that another process can fill its cache before a RESUME.

discord.py drops most events of a guild that it does not know, silently. So each GUILD_CREATE is
stored (without members and presences, but with the bot's own member), and so are the events that
change its structure. An entry holds its event open until it is stored: the watermark never passes
an entry that a crash would lose, and "all entries up to the watermark" is exact.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
import structlog

from vertice_bot.errors import Unavailable
from vertice_bot.gateway.guild_fold import fold
from vertice_bot.gateway.lease import FENCE
from vertice_bot.gateway.watermark import Watermark
from vertice_bot.gateway.work import EventContext

JOURNALED = frozenset(
    {
        *("GUILD_UPDATE", "GUILD_DELETE", "GUILD_EMOJIS_UPDATE", "GUILD_STICKERS_UPDATE"),
        *("CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE"),
        *("GUILD_ROLE_CREATE", "GUILD_ROLE_UPDATE", "GUILD_ROLE_DELETE"),
        *("THREAD_CREATE", "THREAD_UPDATE", "THREAD_DELETE", "THREAD_LIST_SYNC"),
        *("GUILD_SCHEDULED_EVENT_CREATE", "GUILD_SCHEDULED_EVENT_UPDATE"),
        *("GUILD_SCHEDULED_EVENT_DELETE", "STAGE_INSTANCE_CREATE", "STAGE_INSTANCE_UPDATE"),
        "STAGE_INSTANCE_DELETE",
    }
)
"""Events that change a known guild; GUILD_MEMBER_UPDATE counts too when it is the bot itself."""

RETRY_SECONDS = 0.5
COMPACT_AFTER = 200
"""Journal entries of a shard after which they are folded into the stored guilds."""

_log = structlog.get_logger(__name__)

_FORGET_OTHERS = (
    "DELETE FROM vertice.guild_state WHERE bot = $1 AND shard = $2 AND session_id <> $3",
    "DELETE FROM vertice.guild_journal WHERE bot = $1 AND shard = $2 AND session_id <> $3",
)
_STATE = """
INSERT INTO vertice.guild_state (bot, shard, session_id, guild_id, seq, data)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (bot, shard, guild_id) DO UPDATE
SET session_id = excluded.session_id, seq = excluded.seq, data = excluded.data
"""
_JOURNAL = """
INSERT INTO vertice.guild_journal (bot, shard, session_id, seq, guild_id, name, data)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
"""
_LOAD_STATE = """
SELECT guild_id, seq, data FROM vertice.guild_state
WHERE bot = $1 AND shard = $2 AND session_id = $3 AND seq > $4 AND seq <= $5
"""
_LOAD_JOURNAL = """
SELECT seq, guild_id, name, data FROM vertice.guild_journal
WHERE bot = $1 AND shard = $2 AND session_id = $3 AND seq > $4 AND seq <= $5 ORDER BY seq
"""
_FOLDABLE = """
SELECT j.seq, j.guild_id, j.name, j.data FROM vertice.guild_journal AS j
JOIN vertice.session AS x ON x.bot = j.bot AND x.shard = j.shard AND x.session_id = j.session_id
WHERE j.bot = $1 AND j.shard = $2 AND j.session_id = $3 AND j.seq <= x.done ORDER BY j.seq
"""
_STATES = """
SELECT guild_id, seq, data FROM vertice.guild_state
WHERE bot = $1 AND shard = $2 AND session_id = $3 AND guild_id = ANY($4::bigint[])
"""
_FORGET_GUILDS = """
DELETE FROM vertice.guild_state WHERE bot = $1 AND shard = $2 AND guild_id = ANY($3::bigint[])
"""
_FORGET_JOURNAL = """
DELETE FROM vertice.guild_journal
WHERE bot = $1 AND shard = $2 AND session_id = $3 AND seq <= $4
"""


class Source(Protocol):
    """Where rows are read from."""

    async def fetch(self, query: str, *args: Any) -> Sequence[Any]:
        """Run a query."""
        ...


class Store(Source, Protocol):
    """The part of the database that this needs."""

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """Borrow a connection inside a transaction."""
        ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One event to be stored; it holds its number of ``mark`` open."""

    shard: int
    epoch: int
    session: str
    seq: int
    guild: int
    name: str
    data: bytes
    mark: Watermark


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known of a shard's guilds at one sequence number.

    Attributes
    ----------
    guilds:
        GUILD_CREATE payloads.
    journal:
        Later events, oldest first, as name and payload.
    """

    guilds: tuple[Any, ...] = ()
    journal: tuple[tuple[str, Any], ...] = ()


class GuildLog:
    """Collects entries and stores them, a few milliseconds later.

    Parameters
    ----------
    bot:
        ``<namespace>/<name>``.
    store:
        The database.
    self_id:
        Gives the bot's own user id.
    """

    def __init__(self, bot: str, store: Store, self_id: Callable[[], int]) -> None:
        self._bot = bot
        self._store = store
        self._self_id = self_id
        self._entries: list[Entry] = []
        self._some = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._journaled: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._entries)

    def note(self, context: EventContext, data: Any) -> None:
        """Keep an event if it matters; call it before its parser, which may change ``data``."""
        found = relevant(context.name, data, self._self_id())
        if found is None or not context.mark.begin(context.sequence):
            return
        guild, kept = found
        text = json.dumps(kept, separators=(",", ":")).encode()
        self._entries.append(
            Entry(
                context.shard,
                context.epoch,
                context.session,
                context.sequence,
                guild,
                context.name,
                text,
                context.mark,
            )
        )
        self._some.set()

    async def run(self) -> None:
        """Store entries until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            try:
                await self.flush()
            except (Unavailable, asyncpg.PostgresError) as error:
                _log.info("guild log waits", error=type(error).__name__, entries=len(self))
                self._some.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def flush(self) -> None:
        """Store what is there.

        Raises
        ------
        Unavailable
            The database is away; the entries stay.
        """
        async with self._flushing:
            while self._entries:
                batch = _first_run(self._entries)
                rows = await asyncio.to_thread(_packed, batch)
                await self._write(batch, rows)
                del self._entries[: len(batch)]
                for entry in batch:
                    entry.mark.end(entry.seq)
                await self._compact_sometimes(batch)

    async def _compact_sometimes(self, batch: Sequence[Entry]) -> None:
        last = batch[-1]
        self._journaled[last.shard] += sum(entry.name in JOURNALED for entry in batch)
        if self._journaled[last.shard] > COMPACT_AFTER:
            self._journaled[last.shard] = 0
            await self._compact(last)

    async def _compact(self, entry: Entry) -> None:
        """Fold a shard's journal into its stored guilds, up to the watermark that is stored.

        Not beyond it: a resume begins there, and state that is newer would hide events.
        """
        where = (self._bot, entry.shard, entry.session)
        async with self._store.transaction() as connection:
            epoch = await connection.fetchval(FENCE, self._bot, entry.shard)
            if epoch != entry.epoch:
                return
            journal = await connection.fetch(_FOLDABLE, *where)
            if not journal:
                return
            touched = sorted({row["guild_id"] for row in journal})
            states = await connection.fetch(_STATES, *where, touched)
            kept, gone = await asyncio.to_thread(_folded, states, journal)
            await connection.executemany(
                _STATE, [(*where, guild, seq, data) for guild, seq, data in kept]
            )
            await connection.execute(_FORGET_GUILDS, self._bot, entry.shard, gone)
            await connection.execute(_FORGET_JOURNAL, *where, journal[-1]["seq"])

    async def _write(self, batch: Sequence[Entry], rows: Sequence[bytes]) -> None:
        first = batch[0]
        async with self._store.transaction() as connection:
            epoch = await connection.fetchval(FENCE, self._bot, first.shard)
            if epoch != first.epoch:
                _log.warning("guild log fenced", shard=first.shard, mine=first.epoch, stored=epoch)
                return
            for entry in batch:
                if entry.name == "READY":
                    await self._begin_session(connection, entry)
            await connection.executemany(
                _STATE,
                [
                    (self._bot, e.shard, e.session, e.guild, e.seq, data)
                    for e, data in zip(batch, rows, strict=True)
                    if e.name == "GUILD_CREATE"
                ],
            )
            await connection.executemany(
                _JOURNAL,
                [
                    (self._bot, e.shard, e.session, e.seq, e.guild, e.name, data)
                    for e, data in zip(batch, rows, strict=True)
                    if e.name not in ("GUILD_CREATE", "READY")
                ],
            )

    async def _begin_session(self, connection: Any, entry: Entry) -> None:
        for statement in _FORGET_OTHERS:
            await connection.execute(statement, self._bot, entry.shard, entry.session)
        unavailable = [
            (self._bot, entry.shard, entry.session, int(guild["id"]), entry.seq, _pack(guild))
            for guild in json.loads(entry.data)
        ]
        await connection.executemany(_STATE, unavailable)

    async def load(
        self, shard: int, session: str, above: int, up_to: int, source: Source | None = None
    ) -> Snapshot:
        """Read what is known of a shard's guilds.

        Parameters
        ----------
        shard:
            Which shard.
        session:
            Of which session.
        above, up_to:
            Only entries with ``above < seq <= up_to``: state that is newer than the point from
            which the session is resumed would make discord.py drop events as already known.
        source:
            Where to read; the database by default.

        Raises
        ------
        Unavailable
            The database is away.
        """
        arguments = (self._bot, shard, session, above, up_to)
        source = source or self._store
        states = await source.fetch(_LOAD_STATE, *arguments)
        journal = await source.fetch(_LOAD_JOURNAL, *arguments)
        return await asyncio.to_thread(_unpacked, states, journal)


def relevant(name: str, data: Any, self_id: int) -> tuple[int, Any] | None:
    """Give the guild and what is to be kept of an event, or None.  Pure."""
    if name == "READY":
        return 0, [{"id": g["id"], "unavailable": True} for g in data["guilds"]]
    if name == "GUILD_CREATE":
        return None if data.get("unavailable") else (int(data["id"]), trimmed(data, self_id))
    if name == "GUILD_MEMBER_UPDATE":
        mine = int(data["user"]["id"]) == self_id
        return (int(data["guild_id"]), data) if mine else None
    if name in JOURNALED:
        guild = data.get("id" if name in ("GUILD_UPDATE", "GUILD_DELETE") else "guild_id")
        return (int(guild), data) if guild else None
    return None


def trimmed(guild: Any, self_id: int) -> Any:
    """Leave out presences, voice states and all members but the bot itself."""
    mine = [m for m in guild.get("members", ()) if int(m["user"]["id"]) == self_id]
    return {**guild, "members": mine, "presences": [], "voice_states": []}


def _first_run(entries: Iterable[Entry]) -> list[Entry]:
    """Give the first entries that belong to one shard, ownership and session."""
    run: list[Entry] = []
    for entry in entries:
        if run and (entry.shard, entry.epoch, entry.session) != (
            run[0].shard,
            run[0].epoch,
            run[0].session,
        ):
            break
        run.append(entry)
    return run


def _pack(data: Any) -> bytes:
    return zlib.compress(json.dumps(data, separators=(",", ":")).encode(), 1)


def _packed(batch: Sequence[Entry]) -> list[bytes]:
    return [zlib.compress(entry.data, 1) for entry in batch]


def _folded(
    states: Sequence[Any], journal: Sequence[Any]
) -> tuple[list[tuple[int, int, bytes]], list[int]]:
    """Give the guilds as they are after the journal, and those that the bot has left."""
    guilds = {row["guild_id"]: (row["seq"], _unpack(row["data"])) for row in states}
    gone = []
    for row in journal:
        seq, guild = guilds.get(row["guild_id"], (0, None))
        if guild is None or row["seq"] <= seq:
            continue
        after = fold(guild, row["name"], _unpack(row["data"]))
        if after is None:
            gone.append(row["guild_id"])
        guilds[row["guild_id"]] = (row["seq"], after)
    kept = [(key, seq, _pack(guild)) for key, (seq, guild) in guilds.items() if guild is not None]
    return kept, gone


def _unpack(data: bytes) -> Any:
    return json.loads(zlib.decompress(data))


def _unpacked(states: Sequence[Any], journal: Sequence[Any]) -> Snapshot:
    since = {row["guild_id"]: row["seq"] for row in states}
    return Snapshot(
        tuple(_unpack(row["data"]) for row in states),
        tuple(
            (row["name"], _unpack(row["data"]))
            for row in journal
            if row["seq"] > since.get(row["guild_id"], -1)
        ),
    )
