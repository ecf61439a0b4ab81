"""Charts as PNG, drawn in a process of their own so that the event loop never waits for one."""

from vertice_bot.charts.painter import ChartUnavailable, Painter
from vertice_bot.charts.spec import BarChart

__all__ = ["BarChart", "ChartUnavailable", "Painter"]
