"""The bot's side of drawing: one worker process, started for the first chart, bounded in all ways.

A process and not a thread, because drawing holds the interpreter lock for tens of milliseconds; a
fresh interpreter and not a fork, because a fork of a process with a running event loop may hang.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path

import structlog

from vertice_bot.charts.frames import HEADER, MAX_ANSWER, Kind, frame
from vertice_bot.charts.spec import BarChart

_log = structlog.get_logger(__name__)

_COMMAND = (sys.executable, "-m", "vertice_bot.charts.worker")


class ChartUnavailable(Exception):  # noqa: N818 - reads as "raise ChartUnavailable('Busy')"
    """No picture this time; ``reason`` is a CamelCase word for logs."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the chart could not be drawn: {reason}")
        self.reason = reason


class Painter:
    """Draws charts, one at a time.

    Parameters
    ----------
    limit_seconds:
        How long one chart may take, the start of the process included; then the process is killed.
    idle_seconds:
        After this long without a chart the process ends and gives back about 90 MiB.
    waiting_max:
        How many charts may wait for their turn; more are refused at once.
    command:
        The worker's command line.
    """

    def __init__(
        self,
        *,
        limit_seconds: float = 10.0,
        idle_seconds: float = 120.0,
        waiting_max: int = 8,
        command: Sequence[str] = _COMMAND,
    ) -> None:
        self._limit = limit_seconds
        self._idle = idle_seconds
        self._waiting_max = waiting_max
        self._command = tuple(command)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._process: Process | None = None
        self._nap: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the worker, or None while there is none."""
        return None if self._process is None else self._process.pid

    async def draw(self, chart: BarChart) -> bytes:
        """Return the chart as PNG.

        Raises
        ------
        ChartUnavailable
            Too many charts wait, the time is up, or the worker failed. The next call starts anew.
        """
        if self._waiting >= self._waiting_max:
            raise ChartUnavailable("Busy")
        self._waiting += 1
        try:
            async with self._turn:
                return await self._draw(chart)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the worker; a chart that is being drawn comes to its end first."""
        async with self._turn:
            self._stay_awake()
            await self._stop()

    async def _draw(self, chart: BarChart) -> bytes:
        self._stay_awake()
        try:
            async with asyncio.timeout(self._limit):
                kind, body = await self._ask(chart)
        except BaseException as error:
            # Whatever it was, the pipe may hold half a frame: the process cannot be used again.
            await self._stop()
            if isinstance(error, TimeoutError):
                raise ChartUnavailable("TimedOut") from None
            if isinstance(error, (OSError, asyncio.IncompleteReadError)):
                raise ChartUnavailable("WorkerDied") from None
            raise
        self._plan_to_stop()
        if kind != Kind.PICTURE:
            _log.warning("chart refused by its worker", error=body.decode(errors="replace"))
            raise ChartUnavailable("DrawingFailed")
        return body

    async def _ask(self, chart: BarChart) -> tuple[int, bytes]:
        process = self._process = self._process or await self._start()
        assert process.stdin is not None  # both are pipes, see _start
        assert process.stdout is not None
        process.stdin.write(frame(Kind.CHART, chart.encode()))
        await process.stdin.drain()
        kind, length = HEADER.unpack(await process.stdout.readexactly(HEADER.size))
        if length > MAX_ANSWER:
            raise OSError("the worker's answer is longer than any picture")
        return kind, await process.stdout.readexactly(length)

    async def _start(self) -> Process:
        return await asyncio.create_subprocess_exec(
            *self._command, stdin=PIPE, stdout=PIPE, stderr=asyncio.subprocess.DEVNULL, env=_env()
        )

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()

    def _stay_awake(self) -> None:
        if self._nap is not None:
            self._nap.cancel()
            self._nap = None

    def _plan_to_stop(self) -> None:
        # A timer and not a sleeping task: a task would look like unfinished work of the command
        # that asked for the chart, and a shutdown would wait for it.
        loop = asyncio.get_running_loop()
        self._nap = loop.call_later(self._idle, lambda: loop.create_task(self._stop_if_idle()))

    async def _stop_if_idle(self) -> None:
        if self._turn.locked():
            return
        async with self._turn:
            await self._stop()


def _env() -> dict[str, str]:
    """Return the worker's environment: nothing of the bot's settings, one thread, a cache folder.

    The root filesystem of the container is read-only, so matplotlib's font cache goes to /tmp.
    """
    cache = Path(tempfile.gettempdir()) / f"vertice-charts-{os.getuid()}"
    kept = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "LANG") if key in os.environ}
    return {**kept, "MPLCONFIGDIR": str(cache), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
