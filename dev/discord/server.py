"""The server: one process, one port, for the API, the gateway, the admin API and the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from dev.discord import core as core_module
from dev.discord.admin import table as admin_table
from dev.discord.clock import Clock, SystemClock
from dev.discord.core import CORE, Core
from dev.discord.gateway.upgrade import RESUME_PATH, serve_gateway, wants_upgrade
from dev.discord.ledger import Ledger
from dev.discord.page import table as page_table
from dev.discord.page.statusz import StatusPoller
from dev.discord.rest import table as rest_table
from dev.discord.settings import Settings
from dev.discord.world.seed import DEFAULT_TOKEN, Seed, plant

_SHUTDOWN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """How the server is started."""

    host: str = "127.0.0.1"
    port: int = 0
    token: str = DEFAULT_TOKEN
    bot_name: str = "vertice"
    settings: Settings = field(default_factory=Settings)
    ledger_path: Path | None = None
    statusz: tuple[str, ...] = ()
    """Addresses of bots' ``/statusz``; a name with several addresses stands for all of them."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running server is reached."""

    page: str

    @property
    def api_base(self) -> str:
        """Base of the REST API."""
        return f"{self.page}/api/v10"

    @property
    def gateway_url(self) -> str:
        """The WebSocket address."""
        return "ws" + self.page.removeprefix("http")

    @property
    def admin(self) -> str:
        """Base of the scripting API."""
        return f"{self.page}/_admin"


class LocalDiscord:
    """A local Discord that can be started and stopped inside a running event loop.

    Parameters
    ----------
    options
        How to start it.
    clock
        Its time; the machine's own by default.
    """

    def __init__(self, options: Options | None = None, clock: Clock | None = None) -> None:
        self.options = options or Options()
        clock = clock or SystemClock()
        settings = self.options.settings
        ledger = Ledger(clock, limit=settings.ledger_limit, path=self.options.ledger_path)
        self.core: Core = core_module.build(settings, clock, ledger)
        self.seed: Seed = plant(self.core.world, self.options.token, self.options.bot_name)
        self.statusz = StatusPoller(self.options.statusz, clock)
        self.app = self._build()
        self.addresses: Addresses | None = None
        self._runner: web.AppRunner | None = None

    async def start(self) -> Addresses:
        """Listen, and return the addresses. Raises ``OSError`` when the port is taken."""
        runner = web.AppRunner(
            self.app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS, handler_cancellation=True
        )
        await runner.setup()
        self._runner = runner
        site = web.TCPSite(runner, self.options.host, self.options.port, backlog=1024)
        await site.start()
        host, port = runner.addresses[0][:2]
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
        page = self.options.settings.public_url or f"http://{shown}:{port}"
        self.addresses = Addresses(page)
        self.core.world.base = page
        await self.statusz.start()
        return self.addresses

    async def stop(self) -> None:
        """Close every socket and the port."""
        await self.statusz.stop()
        self.core.hub.stop()
        self.core.interactions.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        self.core.ledger.close()

    def _build(self) -> web.Application:
        app = web.Application(client_max_size=self.options.settings.rest.max_body_bytes)
        app[CORE] = self.core
        rest_table.install(app)
        admin_table.install(app)
        page_table.install(app, self.statusz)
        for path in ("/gateway", "/gateway/", RESUME_PATH, RESUME_PATH + "/"):
            app.router.add_get(path, serve_gateway)
        app.router.add_get("/", _root)
        return app


async def _root(request: web.Request) -> web.StreamResponse:
    """Serve the gateway to clients that upgrade and the page to everyone else."""
    if wants_upgrade(request):
        return await serve_gateway(request)
    return page_table.index()
