"""What ``/stats`` answers: totals, rankings, and the numbers of the chart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from vertice_bot.charts import BarChart
from vertice_bot.db.repos import message_counts
from vertice_bot.db.repos.message_counts import Ranked, Scope, Totals
from vertice_bot.db.repos.queries import Queries
from vertice_bot.services.activity.counter import MessageCounter
from vertice_bot.services.activity.periods import Period, Window, window

TOP = 5
"""How many lines a ranking shows."""

CANDIDATES = 50
"""How many channels are looked at, because some may be hidden from the person who asked."""


@dataclass(frozen=True, slots=True)
class Report:
    """Activity of a guild, or of one channel of it, over a window.

    ``previous`` is the total of the window of the same length before it.
    """

    window: Window
    totals: Totals
    previous: int
    values: tuple[int, ...]
    previous_values: tuple[int, ...]
    top_channels: tuple[Ranked, ...]
    top_members: tuple[Ranked, ...]

    @property
    def change(self) -> float | None:
        """Relative change against the window before; None when that had no messages."""
        if self.previous == 0:
            return None
        return self.totals.messages / self.previous - 1

    def chart(self, title: str, note: str) -> BarChart:
        """Return the picture's description."""
        return BarChart(
            title=title,
            note=note,
            start=int(self.window.start.timestamp()),
            step=int(self.window.step.total_seconds()),
            values=self.values,
            previous=self.previous_values,
        )


class Activity:
    """Answers questions about message counts.

    Parameters
    ----------
    bot:
        ``<namespace>/<name>``, the key space.
    store:
        The database.
    counter:
        The counter of this process; it writes what it holds before a question is answered.
    now:
        The clock: the current time, aware.
    """

    def __init__(
        self, bot: str, store: Queries, counter: MessageCounter, now: Callable[[], datetime]
    ) -> None:
        self._bot = bot
        self._store = store
        self._counter = counter
        self._now = now

    async def report(self, guild_id: int, channel_id: int | None, period: Period) -> Report:
        """Return the report for a period that ends now.

        Raises
        ------
        Unavailable
            The database is away.
        """
        await self._counter.flush()
        current = window(period, self._now())
        before = current.before()
        scope = self._scope(guild_id, channel_id, current)
        earlier = self._scope(guild_id, channel_id, before)
        counts = await message_counts.series(self._store, scope, current.step)
        old = await message_counts.series(self._store, earlier, before.step)
        return Report(
            window=current,
            totals=await message_counts.totals(self._store, scope),
            previous=sum(old.values()),
            values=current.fill(counts),
            previous_values=before.fill(old),
            top_channels=(
                await message_counts.top_channels(self._store, scope, CANDIDATES)
                if channel_id is None
                else ()
            ),
            top_members=await message_counts.top_members(self._store, scope, TOP),
        )

    def _scope(self, guild_id: int, channel_id: int | None, span: Window) -> Scope:
        return Scope(self._bot, guild_id, channel_id, span.start, span.end)
