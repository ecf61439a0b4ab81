from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_bot.charts.spec import MAX_BARS, MAX_TEXT, MAX_VALUE, BarChart

GOOD: dict[str, Any] = {"title": "t", "note": "n", "start": 0, "step": 60, "values": (1, 2)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"values": ()},
        {"values": (1,) * (MAX_BARS + 1)},
        {"values": (-1,)},
        {"values": (MAX_VALUE + 1,)},
        {"previous": (1,)},
        {"previous": (1, -1)},
        {"step": 0},
        {"start": -1},
        {"title": "x" * (MAX_TEXT + 1)},
        {"note": "x" * (MAX_TEXT + 1)},
    ],
)
def test_what_is_out_of_bounds_is_refused(wrong: dict[str, Any]) -> None:
    BarChart(**GOOD)
    with pytest.raises(ValueError):
        BarChart(**{**GOOD, **wrong})


values = st.lists(st.integers(0, MAX_VALUE), min_size=1, max_size=MAX_BARS).map(tuple)


@given(values, st.booleans(), st.text(max_size=MAX_TEXT))
def test_the_worker_reads_what_the_bot_writes(
    numbers: tuple[int, ...], both: bool, text: str
) -> None:
    chart = BarChart(text, text, 1_800_000_000, 3600, numbers, numbers if both else ())
    assert BarChart.decode(chart.encode()) == chart


def test_the_worker_checks_the_bounds_too() -> None:
    data = BarChart(**GOOD).encode().replace(b"[1, 2]", b"[1, -2]")
    with pytest.raises(ValueError):
        BarChart.decode(data)
