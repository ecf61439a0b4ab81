"""What the bot can do, without any Discord user interface."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from vertice_bot.charts import Painter
from vertice_bot.db.repos.queries import Queries, Row
from vertice_bot.effects import Effects
from vertice_bot.errors import Unavailable
from vertice_bot.services.activity.counter import MessageCounter
from vertice_bot.services.activity.report import Activity
from vertice_bot.services.moderation.casebook import CaseBook
from vertice_bot.services.moderation.warnings import Warnings
from vertice_bot.settings import Settings
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.metrics import Metrics


class Parts(Protocol):
    """What the services are made of; the client has all of it."""

    settings: Settings
    effects: Effects
    metrics: Metrics
    degraded: Degraded

    @property
    def database(self) -> Queries | None:
        """The database, or None: then every question about stored data raises ``Unavailable``."""


@dataclass(frozen=True, slots=True)
class Services:
    """The services of one process; cogs reach them as ``bot.services``."""

    warnings: Warnings
    casebook: CaseBook
    counter: MessageCounter
    activity: Activity
    painter: Painter

    async def close(self) -> None:
        """Write what waits and end the drawing process; call it while the lease is still held."""
        await self.counter.close()
        await self.painter.close()


def build_services(parts: Parts) -> Services:
    """Make the services of a process."""
    bot = parts.settings.bot
    store = parts.database if parts.database is not None else _NoStore()
    counter = MessageCounter(
        bot=bot,
        owner=uuid.uuid4().hex,
        effects=parts.effects,
        metrics=parts.metrics,
        degraded=parts.degraded,
    )
    return Services(
        warnings=Warnings(bot, store, parts.effects, parts.metrics),
        casebook=CaseBook(bot, store),
        counter=counter,
        activity=Activity(bot, store, counter, lambda: datetime.now(UTC)),
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
