"""``/livez``, ``/readyz`` and ``/metrics``.

kopf's own liveness endpoint proves only that its HTTP task runs, so it is not used. Liveness here
fails for what a restart can mend (a stalled loop, a stuck worker, a dead watcher task) and never
merely because the API server is away. Readiness says that the first full list was read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

Check = Callable[[], str | None]
"""Returns None when well, else one line that says what is wrong."""


class Heartbeat:
    """Notices a stalled event loop: it ticks, and the age of the last tick is looked at."""

    def __init__(self, interval: float = 1.0, limit: float = 30.0) -> None:
        self._interval, self._limit = interval, limit
        self._last = float("-inf")

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            self._last = asyncio.get_running_loop().time()
            await asyncio.sleep(self._interval)

    def check(self) -> str | None:
        """Return what is wrong, or None."""
        age = asyncio.get_running_loop().time() - self._last
        return None if age < self._limit else f"event loop stalled for {age:.0f} s"


class HealthServer:
    """The operator's HTTP server.

    Parameters
    ----------
    live, ready
        Named checks behind the two probes; a check that raises counts as failed.
    collect
        Called before each scrape to bring gauges up to date.
    """

    def __init__(
        self,
        live: Mapping[str, Check],
        ready: Mapping[str, Check],
        registry: CollectorRegistry,
        collect: Callable[[], None] = lambda: None,
    ) -> None:
        self._registry, self._collect = registry, collect
        self._app = web.Application()
        self._app.router.add_get("/livez", _probe(live))
        self._app.router.add_get("/readyz", _probe(ready))
        self._app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(self._app, access_log=None)
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listen; with port 0 the port that was given is in ``self.port``."""
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    async def _metrics(self, request: web.Request) -> web.Response:
        self._collect()
        body = generate_latest(self._registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


def _probe(checks: Mapping[str, Check]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        problems = {name: problem for name, check in checks.items() if (problem := _run(check))}
        lines = [f"{name}: {problems.get(name, 'ok')}" for name in checks]
        return web.Response(text="\n".join(lines) + "\n", status=503 if problems else 200)

    return answer


def _run(check: Check) -> str | None:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - a probe must answer, whatever is broken
        return f"check failed: {type(error).__name__}: {error}"
