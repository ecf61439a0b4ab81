from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_bot.services.activity.periods import Period, window

NOW = datetime(2026, 11, 25, 13, 37, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "start", "end", "bars"),
    [
        (Period.DAY, "2026-11-24T14:00", "2026-11-25T14:00", 24),
        (Period.WEEK, "2026-11-18T18:00", "2026-11-25T18:00", 28),
        (Period.MONTH, "2026-10-27T00:00", "2026-11-26T00:00", 30),
    ],
)
def test_windows(period: Period, start: str, end: str, bars: int) -> None:
    shown = window(period, NOW)
    found = (f"{shown.start:%Y-%m-%dT%H:%M}", f"{shown.end:%Y-%m-%dT%H:%M}", len(shown.starts()))
    assert found == (start, end, bars)


@given(
    st.sampled_from(Period),
    st.integers(1_420_070_400, 4_102_444_800).map(lambda s: datetime.fromtimestamp(s, UTC)),
    st.integers(-12, 14),
)
def test_now_is_always_in_the_last_bar_and_bars_keep_whole_hours(
    period: Period, now: datetime, offset: int
) -> None:
    shown = window(period, now.astimezone(timezone(timedelta(hours=offset))))
    assert shown.end - shown.step <= now < shown.end
    assert all((start.minute, start.second) == (0, 0) for start in shown.starts())
    assert shown.before().end == shown.start
    assert shown == window(period, now)


def test_bars_without_messages_are_zero() -> None:
    shown = window(Period.DAY, NOW)
    assert shown.fill({shown.start: 7}) == (7,) + (0,) * 23
