"""The message counter: memory first, then one statement every few seconds."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog
from prometheus_client import Counter

from vertice_bot.db.repos import message_counts
from vertice_bot.effects import AlreadyDone, Effects, Fenced
from vertice_bot.errors import Unavailable
from vertice_bot.gateway.work import Holds
from vertice_bot.services.activity.buffer import CountBuffer, Frozen
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)

CAPACITY = 250_000
"""Messages kept while the database is away: 8 MB, or some 8 minutes at 500 messages a second."""

BATCH = 20_000
"""Messages in one statement, which then takes about a tenth of a second."""

FLUSH_SECONDS = 6.0
"""A flush is five statements with its transaction, so this keeps below one a second."""

REMEMBER_IDS = timedelta(hours=1)
"""Far longer than Discord keeps a session from which events could be replayed."""

_FORGET_EVERY_FLUSHES = 50
PART = "analytics"


class MessageCounter:
    """Counts messages, each exactly once.

    Parameters
    ----------
    bot:
        ``<namespace>/<name>``, the key space.
    owner:
        Names this start of the process; part of each batch's key.
    effects:
        The only way to write.
    metrics, degraded:
        Where progress and trouble are reported.
    capacity, batch:
        Bounds of the memory and of one statement, in messages.
    """

    def __init__(
        self,
        *,
        bot: str,
        owner: str,
        effects: Effects,
        metrics: Metrics,
        degraded: Degraded,
        capacity: int = CAPACITY,
        batch: int = BATCH,
    ) -> None:
        self._bot = bot
        self._effects = effects
        self._metrics = metrics
        self._degraded = degraded
        self._batch = batch
        self._buffer = CountBuffer(owner, capacity)
        self._flushing = asyncio.Lock()
        # What is not written yet is counted again by whoever resumes the session after a crash.
        self._holds = Holds()
        self._flushes = 0
        self._written = 0
        self._dropped = Counter(
            "vertice_stats_events_dropped_total",
            "Counted events lost: the buffer was full, or the process ended before a flush.",
            registry=metrics.registry,
        )
        metrics.stats_pending.set_function(lambda: float(len(self._buffer)))

    @property
    def pending(self) -> int:
        """Messages that are not yet in the database."""
        return len(self._buffer)

    @property
    def written(self) -> int:
        """Messages that this process has brought into the database."""
        return self._written

    def count(self, message_id: int, guild_id: int, channel_id: int, member_id: int) -> None:
        """Count one message; never waits and never fails."""
        if not self._buffer.add(message_id, guild_id, channel_id, member_id):
            self._dropped.inc()
            self._degraded.set(PART, "BufferFull")
            return
        self._holds.hold()

    async def flush(self) -> int:
        """Write what is waiting; return how many messages were new to the database.

        Messages stay in memory, and the part is reported as degraded, while the database is away
        or this replica is not the owner; nothing is raised for either.
        """
        written = 0
        async with self._flushing:
            try:
                while (batch := self._buffer.take(self._batch)) is not None:
                    written += await self._write(batch)
                    self._buffer.confirm(batch)
                self._holds.release()
                await self._forget_sometimes()
            except Unavailable as error:
                self._degraded.set(PART, error.reason)
            except Fenced:
                _log.info("counts wait: this replica is not the owner", pending=self.pending)
            else:
                self._degraded.clear(PART)
        return written

    async def close(self) -> None:
        """Write what is waiting for the last time; what cannot be written is counted as lost."""
        await self.flush()
        if self.pending:
            _log.warning("counts lost: the process ends before they were written", n=self.pending)
            self._dropped.inc(self.pending)

    async def _write(self, batch: Frozen) -> int:
        try:
            async with self._effects.transaction(key=batch.key, kind="activity.count") as conn:
                fresh = await message_counts.add(conn, self._bot, batch.messages)
        except AlreadyDone:
            # Only the answer to COMMIT was lost the last time.
            return 0
        self._metrics.stats_flushed.inc(fresh)
        self._written += fresh
        return fresh

    async def _forget_sometimes(self) -> None:
        self._flushes += 1
        if self._flushes % _FORGET_EVERY_FLUSHES:
            return
        key = f"{self._buffer.owner}:{self._flushes}"
        async with self._effects.transaction(key=key, kind="activity.forget") as conn:
            await message_counts.forget_ids(conn, REMEMBER_IDS)
