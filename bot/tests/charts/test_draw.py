"""Pictures are looked at through their pixels: size, ground, bars where there is something."""

from __future__ import annotations

import io
import random

import pytest
from PIL import Image

from vertice_bot.charts.draw import BAR, EARLIER, GROUND, PEAK, png, short, ticked
from vertice_bot.charts.spec import MAX_BARS, MAX_VALUE, BarChart

MIDNIGHT = 1_795_564_800  # 2026-11-25T00:00Z, a Wednesday
DAY = 86_400


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def colours(data: bytes) -> dict[tuple[int, ...], int]:
    image = Image.open(io.BytesIO(data))
    image.verify()
    image = Image.open(io.BytesIO(data)).convert("RGB")
    assert image.size == (1100, 550)
    found = image.getcolors(maxcolors=1_000_000)
    assert found is not None
    return {colour: count for count, colour in found}


def chart(values: tuple[int, ...], previous: tuple[int, ...] = (), step: int = 3600) -> BarChart:
    return BarChart("Messages per hour", "Last 24 hours", MIDNIGHT, step, values, previous)


noise = random.Random(7)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param((1,), id="one bar"),
        pytest.param((0,) * 23 + (1,), id="one message"),
        pytest.param((MAX_VALUE,) * MAX_BARS, id="huge"),
        pytest.param((0, MAX_VALUE, 1, 0), id="huge beside tiny"),
        pytest.param(tuple(noise.randrange(500) for _ in range(24)), id="a day"),
    ],
)
def test_every_shape_of_data_gives_a_picture_with_a_peak(values: tuple[int, ...]) -> None:
    found = colours(png(chart(values)))
    assert found[rgb(GROUND)] > 50_000
    assert found[rgb(PEAK)] > 50


def test_no_messages_gives_a_picture_without_bars() -> None:
    found = colours(png(chart((0,) * 24)))
    assert rgb(BAR) not in found
    assert rgb(PEAK) not in found


def test_the_period_before_is_a_line_and_only_when_it_had_messages() -> None:
    with_line = colours(png(chart((3, 4, 5), (2, 6, 2))))
    without = colours(png(chart((3, 4, 5), (0, 0, 0))))
    yellow = rgb(EARLIER)

    def close(found: dict[tuple[int, ...], int]) -> int:
        return sum(
            count
            for colour, count in found.items()
            if all(abs(a - b) < 30 for a, b in zip(colour, yellow, strict=True))
        )

    assert close(with_line) > 500
    assert close(without) == 0


def test_a_line_above_the_bars_stays_inside_the_picture() -> None:
    assert colours(png(chart((1, 1, 1), (1000, 1000, 1000))))


@pytest.mark.parametrize(
    ("start", "step", "bars", "labels"),
    [
        (MIDNIGHT - 10 * 3600, 3600, 24,
         ["15:00", "18:00", "21:00", "Wed 25", "03:00", "06:00", "09:00", "12:00"]),
        (MIDNIGHT - 6 * DAY, DAY // 4, 28,
         ["Thu 19", "Fri 20", "Sat 21", "Sun 22", "Mon 23", "Tue 24", "Wed 25"]),
        (MIDNIGHT - 29 * DAY, DAY, 30,
         ["28 Oct", "1 Nov", "5 Nov", "9 Nov", "13 Nov", "17 Nov", "21 Nov", "25 Nov"]),
        (MIDNIGHT + 60, 3600, 1, ["Wed 25"]),
        (MIDNIGHT + 7200, 3600, 1, ["02:00"]),
    ],
)  # fmt: skip
def test_names_on_the_time_axis(start: int, step: int, bars: int, labels: list[str]) -> None:
    named = ticked(BarChart("t", "n", start, step, (0,) * bars))
    assert [label for _, label in named] == labels


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (950, "950"), (1200, "1.2k"), (34_000, "34k"), (5.6e6, "5.6M"), (2e9, "2B"),
     (3e12, "3T"), (2**53, "9.01P")],
)  # fmt: skip
def test_short_numbers(number: float, text: str) -> None:
    assert short(number) == text
