"""What the bot can do, without any Discord user interface."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from vertice_bot.charts import Painter
from vertice_bot.db.repos.queries import Queries, Row
from vertice_bot.effects import Effects
from vertice_bot.errors import Unavailable
from vertice_bot.services.activity.counter import MessageCounter
from vertice_bot.services.activity.report import Activity
from vertice_bot.services.moderation.casebook import CaseBook
from vertice_bot.services.moderation.warnings import Warnings
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Services:
    """The services of one process; cogs reach them as ``bot.services``."""

    warnings: Warnings
    casebook: CaseBook
    counter: MessageCounter
    activity: Activity
    painter: Painter

    async def flush(self) -> None:
        """Write what is kept in memory of events; call it before a shard is handed over."""
        await self.counter.flush()

    async def close(self) -> None:
        """Write what waits and end the drawing process; call it while the lease is still held."""
        await self.counter.close()
        await self.painter.close()


def build_services(
    *,
    bot: str,
    owner: str,
    store: Queries | None,
    effects: Effects,
    metrics: Metrics,
    degraded: Degraded,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Services:
    """Make the services of a process.

    Parameters
    ----------
    bot:
        ``<namespace>/<name>``, the key space.
    owner:
        Names this start of the process.
    store:
        The database, or None: then every question about stored data raises ``Unavailable``.
    effects, metrics, degraded:
        Shared parts of the process.
    now:
        The clock: the current time, aware.
    """
    readable = store if store is not None else _NoStore()
    counter = MessageCounter(
        bot=bot, owner=owner, effects=effects, metrics=metrics, degraded=degraded
    )
    return Services(
        warnings=Warnings(bot, readable, effects, metrics),
        casebook=CaseBook(bot, readable),
        counter=counter,
        activity=Activity(bot, readable, counter, now),
        painter=Painter(),
    )


class _NoStore:
    """Stands where no database is configured: every question is answered with why."""

    async def fetch(self, query: str, *args: Any) -> list[Row]:
        raise Unavailable("postgres", "NotConfigured")

    async def fetchrow(self, query: str, *args: Any) -> Row | None:
        raise Unavailable("postgres", "NotConfigured")

    async def fetchval(self, query: str, *args: Any) -> Any:
        raise Unavailable("postgres", "NotConfigured")
