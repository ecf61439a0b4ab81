"""The server in a thread with a loop of its own, so that a busy or blocked test cannot stall it."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Self

from dev.discord.script import Script
from dev.discord.server import Addresses, LocalDiscord, Options

_START_SECONDS = 10.0


class DiscordThread:
    """A running local Discord.

    Parameters
    ----------
    options
        How to start it; by default on an ephemeral port of the loopback interface.

    Attributes
    ----------
    script
        Client of the scripting API, for the event loop of whoever uses it first.
    """

    def __init__(self, options: Options | None = None) -> None:
        self.options = options or Options()
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: BaseException | None = None
        self._addresses: Addresses | None = None
        self._server: LocalDiscord | None = None
        self._thread = threading.Thread(target=self._main, name="local-discord", daemon=True)
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise TimeoutError("the local Discord did not start; is the machine overloaded?")
        if self._failure is not None:
            raise self._failure
        self.script = Script(self.addresses.admin)

    @property
    def addresses(self) -> Addresses:
        """Where it is reached."""
        assert self._addresses is not None
        return self._addresses

    @property
    def server(self) -> LocalDiscord:
        """The server itself. It lives in another thread: look, but do not touch while it runs."""
        assert self._server is not None
        return self._server

    @property
    def api_base(self) -> str:
        """Base of the REST API."""
        return self.addresses.api_base

    @property
    def gateway_url(self) -> str:
        """The WebSocket address."""
        return self.addresses.gateway_url

    @property
    def page_url(self) -> str:
        """The web page."""
        return self.addresses.page + "/"

    @property
    def token(self) -> str:
        """Token of the seeded bot."""
        return self.options.token

    def stop(self) -> None:
        """Stop the server and wait for its thread."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_START_SECONDS)

    async def aclose(self) -> None:
        """Close the script client, then stop the server."""
        await self.script.close()
        await asyncio.to_thread(self.stop)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 -- handed to the thread that waits for us
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        server = LocalDiscord(self.options)
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._addresses = await server.start()
        self._server = server
        self._ready.set()
        await self._stop.wait()
        await server.stop()
