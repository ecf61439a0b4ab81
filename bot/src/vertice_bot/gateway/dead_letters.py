"""Events that could not be handled, kept for people to look at."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections import deque
from typing import Any, Protocol

import asyncpg
import structlog

from vertice_bot.errors import Unavailable
from vertice_bot.gateway.work import EventContext, Holds
from vertice_bot.telemetry.metrics import Metrics

MAX_ATTEMPTS = 2
"""Tries of an event that ended the process; then it is skipped."""

MAX_PAYLOAD = 20_000
MAX_WAITING = 1000
RETRY_SECONDS = 0.5
KEEP_DAYS = 7
_log = structlog.get_logger(__name__)

_INSERT = """
INSERT INTO vertice.dead_letter
    (bot, shard, session_id, seq, epoch, name, reason, detail, payload)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_ATTEMPT = """
INSERT INTO vertice.replay_attempt AS t (bot, session_id, seq) VALUES ($1, $2, $3)
ON CONFLICT (bot, session_id, seq) DO UPDATE SET attempts = t.attempts + 1, at = now()
RETURNING attempts
"""
_SURVIVED = "DELETE FROM vertice.replay_attempt WHERE bot = $1 AND session_id = $2 AND seq = $3"
_PRUNE = (
    "DELETE FROM vertice.dead_letter WHERE bot = $1 AND at < now() - make_interval(days => $2)",
    "DELETE FROM vertice.replay_attempt WHERE bot = $1 AND at < now() - make_interval(days => $2)",
)


class Store(Protocol):
    """The part of the database that this needs."""

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement."""
        ...

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Run a statement and give its one value."""
        ...


class DeadLetters:
    """Collects letters and stores them; a letter that waits holds its event open.

    Parameters
    ----------
    bot:
        ``<namespace>/<name>``.
    store:
        The database.
    metrics:
        Counts what is skipped.
    """

    def __init__(self, bot: str, store: Store, metrics: Metrics) -> None:
        self._bot = bot
        self._store = store
        self._metrics = metrics
        self._letters: deque[tuple[Any, ...]] = deque()
        self._holds = Holds()
        self._some = asyncio.Event()

    def add(self, context: EventContext, data: Any, reason: str, detail: str) -> None:
        """Keep an event that was skipped."""
        if len(self._letters) >= MAX_WAITING:
            _log.error("too many dead letters wait; one is dropped", event_name=context.name)
            return
        payload = json.dumps(data, default=str)[:MAX_PAYLOAD]
        self._letters.append(
            (
                context.shard,
                context.session,
                context.sequence,
                context.epoch,
                context.name,
                reason,
                detail,
                payload,
            )
        )
        self._holds.hold()
        self._some.set()

    def unreadable(self, context: EventContext, data: Any, error: Exception) -> None:
        """Keep an event whose parser failed."""
        detail = "".join(traceback.format_exception(error))[-MAX_PAYLOAD:]
        self.add(context, data, type(error).__name__, detail)

    async def attempt(self, context: EventContext, data: Any) -> bool:
        """Count a try of an event in careful mode; False when it is to be skipped.

        Only while a session is replayed whose owners died again and again at the same place.
        """
        try:
            tries = await self._store.fetchval(
                _ATTEMPT, self._bot, context.session, context.sequence
            )
        except Unavailable:
            return True
        if tries <= MAX_ATTEMPTS:
            return True
        self._metrics.gateway_poison.labels(event=context.name).inc()
        _log.error("event ended the process before; skipped", seq=context.sequence)
        self.add(context, data, "EndedTheProcess", f"{tries - 1} attempts")
        return False

    async def survived(self, context: EventContext) -> None:
        """Take a try back: whatever ended an owner, it was not this event."""
        try:
            await self._store.execute(_SURVIVED, self._bot, context.session, context.sequence)
        except (Unavailable, asyncpg.PostgresError) as error:
            _log.info("try not taken back", seq=context.sequence, error=type(error).__name__)

    async def run(self) -> None:
        """Store letters until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            try:
                await self.flush()
            except (Unavailable, asyncpg.PostgresError):
                self._some.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def flush(self) -> None:
        """Store what is there; raises ``Unavailable`` while the database is away."""
        while self._letters:
            await self._store.execute(_INSERT, self._bot, *self._letters[0])
            self._letters.popleft()
        self._holds.release()

    async def prune(self) -> None:
        """Forget what is older than a week."""
        for statement in _PRUNE:
            await self._store.execute(statement, self._bot, KEEP_DAYS)
