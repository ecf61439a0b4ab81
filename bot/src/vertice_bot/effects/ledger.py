"""The ledger: an effect is recorded in the transaction that makes it, behind the fence.

A process can be paused between its check and its write, so the check is repeated where the write
is: the transaction locks the shard's row ``FOR KEY SHARE`` (renewals pass, a take-over waits) and
goes on only if the epoch is still the caller's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import discord
import structlog

from vertice_bot.db.pool import Connection, Database
from vertice_bot.effects.nonce import nonce_for
from vertice_bot.errors import Unavailable
from vertice_bot.gateway.lease import FENCE
from vertice_bot.telemetry.metrics import Metrics

KEEP_DAYS = 7
PRUNE_ROWS = 5000
_PRUNE = """
WITH old AS (
    SELECT key, kind FROM vertice.effect
    WHERE bot = $1 AND at < now() - make_interval(days => $2) LIMIT $3
), gone AS (
    DELETE FROM vertice.effect AS e USING old
    WHERE e.bot = $1 AND e.key = old.key AND e.kind = old.kind RETURNING 1
) SELECT count(*) FROM gone
"""
_log = structlog.get_logger(__name__)


class AlreadyDone(Exception):  # noqa: N818 - an outcome: the work of this event is there
    """The effect was made before, by this or another replica."""


class Fenced(Exception):  # noqa: N818 - an outcome: somebody else owns the shard now
    """This replica does not own the shard any more; nothing was written."""


@dataclass(frozen=True, slots=True)
class FenceToken:
    """What the caller believes to own.

    Attributes
    ----------
    row:
        Id of the row in ``vertice.shard``.
    epoch:
        Epoch of the ownership.
    """

    row: int
    epoch: int


class Fence(Protocol):
    """Answers whether effects are allowed at this moment."""

    def token(self) -> FenceToken | None:
        """Give the ownership while its deadline has not passed, else None."""
        ...


class Effects:
    """Makes effects once.

    Parameters
    ----------
    bot:
        ``<namespace>/<name>``, the key space.
    database:
        None without a database: then every transaction raises ``Unavailable``.
    fence:
        Gives the current ownership.
    metrics:
        Counts fenced and suppressed effects.
    """

    def __init__(self, bot: str, database: Database | None, fence: Fence, metrics: Metrics) -> None:
        self._bot = bot
        self._database = database
        self._fence = fence
        self._metrics = metrics

    @asynccontextmanager
    async def transaction(self, *, key: str | int, kind: str) -> AsyncIterator[Connection]:
        """Give a connection inside a transaction that stands for one effect.

        Parameters
        ----------
        key:
            Id of the event that causes it: message, interaction, audit log entry, timer.
        kind:
            What is done, such as ``moderation.case``; one event may have several kinds.

        Raises
        ------
        AlreadyDone
            The effect exists; the block does not run.
        Fenced
            The shard is not ours; the block does not run.
        Unavailable
            There is no database, or it is away.
        """
        async with self._fenced() as (connection, token):
            await self._insert(connection, str(key), kind, token.epoch, "done")
            yield connection

    async def claim(self, *, key: str | int, kind: str) -> None:
        """Record that something outside Postgres is about to be done.

        Call :meth:`finish` afterwards. After a crash in between the row says ``started``: the
        outcome is unknown, and only an idempotent act may be repeated.

        Raises
        ------
        AlreadyDone, Fenced, Unavailable
            As for :meth:`transaction`.
        """
        async with self._fenced() as (connection, token):
            await self._insert(connection, str(key), kind, token.epoch, "started")

    async def finish(self, *, key: str | int, kind: str) -> None:
        """Record that a claimed effect is done."""
        if self._database is None:
            raise Unavailable("postgres", "NotConfigured")
        await self._database.execute(
            "UPDATE vertice.effect SET status = 'done' WHERE bot = $1 AND key = $2 AND kind = $3",
            self._bot,
            str(key),
            kind,
        )

    async def prune(self) -> int:
        """Delete effects that are older than a week, a few thousand at a time.

        Returns
        -------
        int
            How many were deleted.
        """
        if self._database is None:
            return 0
        return int(await self._database.fetchval(_PRUNE, self._bot, KEEP_DAYS, PRUNE_ROWS))

    async def send(
        self, channel: discord.abc.Messageable, *, event_id: int, index: int = 0, **message: Any
    ) -> discord.Message:
        """Send a message that an event causes; Discord drops a second copy by its nonce.

        Parameters
        ----------
        channel:
            Where to.
        event_id:
            Snowflake of the causing event.
        index:
            Which message of this event.
        message:
            Arguments of ``send`` such as ``content`` and ``embed``.

        Raises
        ------
        Fenced
            This replica lost its ownership; nothing was sent.
        """
        self._require_token()
        return await channel.send(nonce=nonce_for(event_id, index), **message)

    def _require_token(self) -> FenceToken:
        token = self._fence.token()
        if token is None:
            self._metrics.events_fenced.inc()
            raise Fenced("the lease is not valid at this moment")
        return token

    @asynccontextmanager
    async def _fenced(self) -> AsyncIterator[tuple[Connection, FenceToken]]:
        if self._database is None:
            raise Unavailable("postgres", "NotConfigured")
        token = self._require_token()
        async with self._database.transaction() as connection:
            epoch = await connection.fetchval(
                FENCE,
                self._bot,
                token.row,
            )
            if epoch != token.epoch:
                self._metrics.events_fenced.inc()
                _log.warning("effect fenced", row=token.row, mine=token.epoch, stored=epoch)
                raise Fenced(f"epoch {token.epoch} was replaced")
            yield connection, token

    async def _insert(
        self, connection: Connection, key: str, kind: str, epoch: int, status: str
    ) -> None:
        inserted = await connection.fetchval(
            "INSERT INTO vertice.effect (bot, key, kind, epoch, status) "
            "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING 1",
            self._bot,
            key,
            kind,
            epoch,
            status,
        )
        if inserted is None:
            self._metrics.effects_suppressed.labels(kind=kind).inc()
            raise AlreadyDone(f"{kind} for {key}")
