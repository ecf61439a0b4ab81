"""The drawing process for real: started late, reused, killed when it misbehaves."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable

import psutil
import pytest

from vertice_bot.charts import BarChart, ChartUnavailable, Painter

CHART = BarChart("Messages per hour", "Last 24 hours", 1_795_564_800, 3600, (1, 5, 2))
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
async def make() -> AsyncIterator[Callable[..., Painter]]:
    made: list[Painter] = []

    def build(**options: object) -> Painter:
        made.append(Painter(**{"limit_seconds": 60.0, **options}))  # type: ignore[arg-type]
        return made[-1]

    yield build
    for painter in made:
        await painter.close()


async def test_one_process_started_with_the_first_chart(make: Callable[..., Painter]) -> None:
    painter = make()
    assert painter.pid is None
    assert (await painter.draw(CHART)).startswith(PNG)
    first = painter.pid
    pictures = await asyncio.gather(*(painter.draw(CHART) for _ in range(4)))
    assert all(picture.startswith(PNG) for picture in pictures)
    assert painter.pid == first


async def test_the_event_loop_goes_on_meanwhile(make: Callable[..., Painter]) -> None:
    painter = make()
    drawing = asyncio.create_task(painter.draw(CHART))
    longest, last = 0.0, time.perf_counter()
    while not drawing.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    assert (await drawing).startswith(PNG)
    assert longest < 0.5
    assert "matplotlib.figure" not in _modules_after_import()


def _modules_after_import() -> str:
    """What a fresh interpreter has loaded after importing the bot's side of charts."""
    import subprocess

    code = "import sys, vertice_bot.charts; print(sorted(sys.modules))"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


async def test_a_chart_that_takes_too_long_is_given_up_and_its_process_killed(
    make: Callable[..., Painter],
) -> None:
    painter = make(limit_seconds=0.5, command=(sys.executable, "-c", "import time; time.sleep(60)"))
    with pytest.raises(ChartUnavailable, match="TimedOut"):
        await painter.draw(CHART)
    assert painter.pid is None


async def test_a_worker_that_dies_is_replaced(make: Callable[..., Painter]) -> None:
    painter = make()
    await painter.draw(CHART)
    assert painter.pid is not None
    os.kill(painter.pid, signal.SIGKILL)
    with pytest.raises(ChartUnavailable, match="WorkerDied"):
        await painter.draw(CHART)
    assert (await painter.draw(CHART)).startswith(PNG)


async def test_a_cancelled_chart_does_not_answer_the_next_one(make: Callable[..., Painter]) -> None:
    painter = make()
    await painter.draw(CHART)
    drawing = asyncio.create_task(painter.draw(CHART))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    drawing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawing
    assert (await painter.draw(CHART)).startswith(PNG)


async def test_an_error_in_the_worker_is_an_answer(make: Callable[..., Painter]) -> None:
    code = (
        "import sys; from vertice_bot.charts import worker, spec;"
        "spec.MAX_BARS = 1; worker.serve(sys.stdin.buffer, sys.stdout.buffer)"
    )
    painter = make(command=(sys.executable, "-c", code))
    with pytest.raises(ChartUnavailable, match="DrawingFailed"):
        await painter.draw(CHART)
    assert painter.pid is not None


async def test_too_many_waiting_charts_are_refused_at_once(make: Callable[..., Painter]) -> None:
    painter = make(waiting_max=2)
    results = await asyncio.gather(*(painter.draw(CHART) for _ in range(5)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, ChartUnavailable)]
    assert [error.reason for error in refused] == ["Busy"] * 3


async def test_an_idle_process_goes_away_and_comes_back(make: Callable[..., Painter]) -> None:
    painter = make(idle_seconds=0.05)
    await painter.draw(CHART)
    async with asyncio.timeout(10):
        while painter.pid is not None:  # noqa: ASYNC110 - the painter has no event for it
            await asyncio.sleep(0.01)
    assert (await painter.draw(CHART)).startswith(PNG)


async def test_the_worker_knows_no_setting_of_the_bot(
    make: Callable[..., Painter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERTICE_DATABASE__PASSWORD_FILE", "/secret")
    monkeypatch.setenv("DISCORD_API_BASE", "http://example")
    painter = make()
    await painter.draw(CHART)
    assert painter.pid is not None
    environment = psutil.Process(painter.pid).environ()
    assert not [key for key in environment if key.startswith(("VERTICE", "DISCORD"))]


async def test_the_worker_ends_with_its_bot(make: Callable[..., Painter]) -> None:
    """Closing standard input is what the kernel does when the bot is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vertice_bot.charts.worker", stdin=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.close()
    async with asyncio.timeout(20):
        assert await process.wait() == 0


async def test_closing_leaves_no_process(make: Callable[..., Painter]) -> None:
    painter = make()
    await painter.draw(CHART)
    pid = painter.pid
    await painter.close()
    assert pid is not None
    assert not psutil.pid_exists(pid)
