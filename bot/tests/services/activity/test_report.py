"""``/stats`` asks a real Postgres: scopes, steps, rankings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from vertice_bot.db.repos.message_counts import Ranked, Totals
from vertice_bot.services.activity.counter import MessageCounter
from vertice_bot.services.activity.periods import Period
from vertice_bot.services.activity.report import Activity

NOW = datetime(2026, 11, 25, 13, 37, tzinfo=UTC)
EPOCH_MS = 1_420_070_400_000


def message_id(when: datetime, n: int) -> int:
    return ((int(when.timestamp() * 1000) - EPOCH_MS) << 22) + n


def activity(stage: Any) -> tuple[Activity, MessageCounter]:
    counter = MessageCounter(
        bot=stage.bot,
        owner="me",
        effects=stage.effects,
        metrics=stage.metrics,
        degraded=stage.degraded,
    )
    return Activity(stage.bot, stage.database, counter, lambda: NOW), counter


def write(counter: MessageCounter, ago: timedelta, number: int, channel: int, member: int) -> None:
    when = NOW - ago
    base = channel * 10_000 + member * 100
    for n in range(number):
        counter.count(message_id(when, base + n), 1, channel, member)


async def test_numbers_of_a_day_and_of_the_day_before(stage: Any) -> None:
    asked, counter = activity(stage)
    write(counter, timedelta(0), 3, channel=7, member=1)
    write(counter, timedelta(hours=1), 2, channel=8, member=1)
    write(counter, timedelta(hours=2), 4, channel=7, member=2)
    write(counter, timedelta(days=1), 6, channel=7, member=3)
    found = await asked.report(1, None, Period.DAY)
    assert found.totals == Totals(messages=9, members=2, channels=2)
    assert found.values == (0,) * 21 + (4, 2, 3)
    assert found.previous == 6
    assert found.previous_values == (0,) * 23 + (6,)
    assert found.change == 0.5
    assert found.top_channels == (Ranked(7, 7), Ranked(8, 2))
    assert found.top_members == (Ranked(1, 5), Ranked(2, 4))


async def test_one_channel(stage: Any) -> None:
    asked, counter = activity(stage)
    write(counter, timedelta(0), 3, channel=7, member=1)
    write(counter, timedelta(0), 5, channel=8, member=1)
    found = await asked.report(1, 8, Period.WEEK)
    assert found.totals.messages == 5
    assert found.values == (0,) * 27 + (5,)
    assert found.top_channels == ()


async def test_other_servers_and_other_bots_are_not_seen(stage: Any) -> None:
    asked, counter = activity(stage)
    counter.count(message_id(NOW, 1), 2, 7, 1)
    found = await asked.report(1, None, Period.MONTH)
    assert found.totals == Totals(0, 0, 0)
    assert found.change is None
    other = Activity("demo/other", stage.database, counter, lambda: NOW)
    assert (await other.report(2, None, Period.MONTH)).totals.messages == 0
    assert (await asked.report(2, None, Period.MONTH)).totals.messages == 1


async def test_days_of_a_month_and_a_chart_that_is_accepted(stage: Any) -> None:
    asked, counter = activity(stage)
    for day in range(30):
        write(counter, timedelta(days=day), day + 1, channel=7, member=1)
    found = await asked.report(1, None, Period.MONTH)
    assert found.values == tuple(range(30, 0, -1))
    chart = found.chart("Messages per day", "Last 30 days")
    assert (chart.step, len(chart.values)) == (86_400, 30)
    assert datetime.fromtimestamp(chart.start, UTC) == datetime(2026, 10, 27, tzinfo=UTC)
