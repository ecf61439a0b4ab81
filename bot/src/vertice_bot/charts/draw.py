"""Drawing with matplotlib's ``Figure`` alone: no pyplot, no global state. Runs in the worker."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vertice_bot.charts.spec import BarChart

# Colours that sit well in Discord's dark theme and stay readable in its light one, because the
# picture brings its own ground.
GROUND = "#232428"
GRID = "#3a3c43"
TEXT = "#f2f3f5"
MUTED = "#a3a6ae"
BAR = "#5865f2"
PEAK = "#949cf7"
EARLIER = "#f0b232"

_SIZE_INCHES = (10.0, 5.0)
_DPI = 110
_BAR_WIDTH = 0.74
_TICKS_AT_MOST = 8


def png(chart: BarChart) -> bytes:
    """Return the chart as PNG, 1100 x 550 pixels."""
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, facecolor=GROUND)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.07, 0.105, 0.905, 0.69), facecolor=GROUND)
    top = max(*chart.values, *chart.previous, 1)
    _frame(axes, top)
    _bars(axes, chart)
    _earlier(axes, chart)
    _time_axis(axes, chart)
    _headings(figure, chart)
    target = io.BytesIO()
    figure.savefig(target, format="png", facecolor=GROUND)
    return target.getvalue()


def short(number: float) -> str:
    """Write a number in at most five characters: 950, 1.2k, 34k, 5.6M."""
    for limit, unit in ((1e15, "P"), (1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= limit:
            return f"{number / limit:.3g}{unit}" if number < limit * 1000 else f"{number:.0e}"
    return f"{number:g}"


def _frame(axes: Axes, top: int) -> None:
    axes.set_ylim(0, top * 1.14)
    axes.yaxis.set_major_locator(_whole_numbers())
    axes.yaxis.set_major_formatter(lambda value, _: short(value))
    axes.grid(axis="y", color=GRID, linewidth=0.9)
    axes.set_axisbelow(True)
    axes.tick_params(colors=MUTED, labelsize=11.5, length=0, pad=7)
    for side in ("top", "left", "right"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(GRID)


def _whole_numbers() -> MaxNLocator:
    return MaxNLocator(nbins=5, integer=True, steps=[1, 2, 2.5, 5, 10])


def _bars(axes: Axes, chart: BarChart) -> None:
    places = range(len(chart.values))
    bars = axes.bar(places, chart.values, width=_BAR_WIDTH, color=BAR, linewidth=0, zorder=2)
    axes.set_xlim(-0.7, len(chart.values) - 0.3)
    peak = max(chart.values)
    if peak == 0:
        _nothing(axes)
        return
    place = chart.values.index(peak)
    bars[place].set_color(PEAK)
    axes.annotate(
        short(peak),
        (place, peak),
        xytext=(0, 5),
        textcoords="offset points",
        ha="center",
        color=TEXT,
        fontsize=12,
        fontweight="bold",
        zorder=4,
        bbox={"facecolor": GROUND, "edgecolor": "none", "pad": 1.5},
    )


def _nothing(axes: Axes) -> None:
    axes.text(
        0.5, 0.5, "No messages", transform=axes.transAxes, ha="center", color=MUTED, fontsize=17
    )


def _earlier(axes: Axes, chart: BarChart) -> None:
    if not any(chart.previous):
        return
    axes.plot(
        range(len(chart.previous)),
        chart.previous,
        color=EARLIER,
        linewidth=1.8,
        alpha=0.9,
        solid_joinstyle="round",
        zorder=3,
        label="period before",
    )
    legend = axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 1.055),
        frameon=False,
        fontsize=12,
        labelcolor=MUTED,
        handlelength=1.4,
        borderaxespad=0,
    )
    legend.set_zorder(5)


def _time_axis(axes: Axes, chart: BarChart) -> None:
    ticks = list(ticked(chart))
    axes.set_xticks([place for place, _ in ticks])
    axes.set_xticklabels([label for _, label in ticks])


def ticked(chart: BarChart) -> tuple[tuple[int, str], ...]:
    """Return which bars are named on the time axis, and how: hours within a day, else days."""
    first, step = datetime.fromtimestamp(chart.start, UTC), timedelta(seconds=chart.step)
    starts = [first + step * index for index in range(len(chart.values))]
    if step < timedelta(hours=3):
        named = [place for place, start in enumerate(starts) if start.hour % 3 == 0]
    else:
        named = [place for place, start in enumerate(starts) if start.hour == 0]
    named = named or list(range(len(starts)))
    every = -(-len(named) // _TICKS_AT_MOST)
    # Counted from the newest, because that is where the reader looks.
    kept = named[::-1][::every][::-1]
    return tuple((place, _name(starts[place], step)) for place in kept)


def _name(start: datetime, step: timedelta) -> str:
    if step < timedelta(hours=3) and start.hour:
        return f"{start:%H:%M}"
    if step < timedelta(days=1):
        return f"{start:%a} {start.day}"
    return f"{start.day} {start:%b}"


def _headings(figure: Figure, chart: BarChart) -> None:
    figure.text(0.03, 0.905, chart.title, color=TEXT, fontsize=18, fontweight="bold")
    figure.text(0.03, 0.848, chart.note, color=MUTED, fontsize=12.5)
