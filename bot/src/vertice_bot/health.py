"""Probes, the status document and the metrics endpoint.

Readiness depends neither on Discord nor on owning a shard: a roll-out that fixes an outage must not
be held up by that outage, and a standby is as ready as the active replica.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from vertice_bot.errors import ConfigError
from vertice_bot.settings import ListenSettings


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer to a probe."""

    ok: bool
    reason: str = "ok"


class Status(Protocol):
    """What the probes ask the application."""

    def startup(self) -> Verdict:
        """Say whether the start is over."""
        ...

    def ready(self) -> Verdict:
        """Say whether this replica does its part, be it as a standby."""
        ...

    def live(self) -> Verdict:
        """Say whether only a restart can help."""
        ...

    def document(self) -> dict[str, Any]:
        """Give the document of ``/statusz``."""
        ...


def status_app(status: Status) -> web.Application:
    """Make the application for port 8080."""
    app = web.Application()

    def probe(verdict: Callable[[], Verdict]) -> Callable[[web.Request], Any]:
        async def handle(_request: web.Request) -> web.Response:
            answer = verdict()
            return web.Response(text=answer.reason + "\n", status=200 if answer.ok else 503)

        return handle

    async def statusz(_request: web.Request) -> web.Response:
        return web.json_response(status.document())

    app.router.add_get("/startupz", probe(status.startup))
    app.router.add_get("/readyz", probe(status.ready))
    app.router.add_get("/livez", probe(status.live))
    app.router.add_get("/statusz", statusz)
    return app


def metrics_app(registry: CollectorRegistry) -> web.Application:
    """Make the application for port 9090; the format follows the Accept header."""
    app = web.Application()

    async def metrics(request: web.Request) -> web.Response:
        encoder, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encoder(registry), headers={"Content-Type": content_type})

    app.router.add_get("/metrics", metrics)
    return app


class Listener:
    """One HTTP server.

    Parameters
    ----------
    app:
        What it serves.
    settings:
        Where it listens.
    key:
        Key path of the setting, for the error text.
    """

    def __init__(self, app: web.Application, settings: ListenSettings, key: str) -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        self._settings = settings
        self._key = key
        self.port = settings.port

    async def start(self) -> None:
        """Start to listen.

        Raises
        ------
        ConfigError
            The address cannot be used.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigError(
                f"{self._key}: cannot listen on {self._settings.host}:{self._settings.port} "
                f"({error.strerror}); choose a free port"
            ) from None
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()
