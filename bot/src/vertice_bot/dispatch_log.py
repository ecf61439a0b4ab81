"""Rows of handler starts, for tests that look for duplicates. Off unless asked for.

Written in batches beside the handlers, so that the log does not change what it measures; the rows
have no unique constraint, because they must be able to show a duplicate.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import UTC, datetime

import structlog

from vertice_bot.db.pool import Database
from vertice_bot.errors import Unavailable
from vertice_bot.gateway.work import Holds
from vertice_bot.telemetry.metrics import Metrics

MAX_ROWS = 100_000
FLUSH_SECONDS = 0.05
_log = structlog.get_logger(__name__)
_COLUMNS = ("event_key", "handler", "epoch", "replica", "at")


class DispatchLog:
    """Collects and writes rows.

    Parameters
    ----------
    database:
        Where they go.
    replica:
        Name of this pod.
    metrics:
        Counts rows that had to be dropped.
    """

    def __init__(self, database: Database, replica: str, metrics: Metrics) -> None:
        self._database = database
        self._replica = replica
        self._metrics = metrics
        self._rows: deque[tuple[str, str, int, str, datetime]] = deque()
        self._flushing = asyncio.Lock()
        self._waiting = False
        # A row that waits holds its event open: a crash must not hide a start.
        self._holds = Holds()
        self._unwritten: list[Holds] = []

    def add(self, event_key: str, handler: str, epoch: int) -> None:
        """Record that a handler starts now."""
        if len(self._rows) >= MAX_ROWS:
            self._metrics.dispatch_log_dropped.inc()
            return
        self._holds.hold()
        self._rows.append((event_key, handler, epoch, self._replica, datetime.now(UTC)))

    async def run(self) -> None:
        """Write for ever; a database that is away only delays."""
        while True:
            await self.flush()
            await asyncio.sleep(FLUSH_SECONDS)

    async def flush(self) -> None:
        """Write what is there."""
        async with self._flushing:
            await self._flush()

    async def _flush(self) -> None:
        if not self._rows:
            return
        batch = list(self._rows)
        self._unwritten.append(self._holds)
        self._holds = Holds()
        try:
            async with self._database.acquire() as connection:
                await connection.copy_records_to_table(
                    "dispatch_log", schema_name="vertice", records=batch, columns=_COLUMNS
                )
        except Unavailable as error:
            if not self._waiting:
                _log.warning("dispatch log waits", reason=error.reason, rows=len(batch))
            self._waiting = True
            return
        self._waiting = False
        for _ in batch:
            self._rows.popleft()
        for holds in self._unwritten:
            holds.release()
        self._unwritten.clear()
