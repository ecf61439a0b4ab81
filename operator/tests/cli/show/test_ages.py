from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_operator.cli.show.ages import age, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (59, "59s"), (60, "1m"), (200, "3m20s"), (3600, "1h"), (3661, "1h1m"),
        (90061, "1d1h"), (86400 * 400, "400d"), (86401, "1d"),
    ],
)  # fmt: skip
def test_the_two_largest_units(seconds: int, text: str) -> None:
    assert duration(seconds) == text


@given(st.integers(0, 10**9))
def test_nothing_longer_than_is_true(seconds: int) -> None:
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    text, total, number = duration(seconds), 0, ""
    for letter in text:
        if letter in units:
            total, number = total + int(number) * units[letter], ""
        else:
            number += letter
    assert total <= seconds
    assert seconds - total < (60 if seconds < 86400 else 3600)


def test_a_time_to_come_and_no_time_at_all(now: datetime) -> None:
    assert age(None, now) == "-"
    assert age("2030-01-01T00:00:00Z", now) == "0s"
    assert age("2026-03-05T11:59:00", now.astimezone(UTC)) == "1m"
