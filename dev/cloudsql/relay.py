"""The TLS front of the instance: demands the ephemeral certificate and relays to Postgres."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass

_CHUNK = 64 * 1024


@dataclass
class RelayCounters:
    """What has passed since the start."""

    accepted: int = 0
    refused_handshakes: int = 0
    backend_failures: int = 0
    cut: int = 0


class Relay:
    """Listens with TLS and relays each connection's bytes to a backend.

    Args:
        context: Server side TLS settings.
        host, port: Where to listen; port 0 takes a free one.
        backend: Host and port of Postgres.
    """

    def __init__(
        self, context: ssl.SSLContext, host: str, port: int, backend: tuple[str, int]
    ) -> None:
        self._context = context
        self._host = host
        self._port = port
        self._backend = backend
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self.cut = False
        self.counters = RelayCounters()

    @property
    def port(self) -> int:
        """The port that is listened on (kept over ``stop`` and ``start``)."""
        return self._port

    @property
    def open_connections(self) -> int:
        """How many clients are connected now."""
        return len(self._connections)

    async def start(self) -> None:
        """Begin to listen; no-op when listening."""
        if self._server is not None:
            return
        self._server = await asyncio.start_server(self._accept, self._host, self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut what is open; no-op when stopped."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def backend_answers(self, seconds: float = 2.0) -> bool:
        """Whether Postgres accepts a connection within ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                _, writer = await asyncio.open_connection(*self._backend)
        except (OSError, TimeoutError):
            return False
        writer.transport.abort()
        return True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a connection is served outside a task")
        self._connections[task] = writer
        try:
            await self._serve(reader, writer)
        finally:
            del self._connections[task]
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut:
            self.counters.cut += 1
            return
        try:
            # TLS starts here rather than in start_server, which would swallow failed handshakes.
            await writer.start_tls(self._context, ssl_handshake_timeout=10)
        except (OSError, ssl.SSLError):
            self.counters.refused_handshakes += 1
            return
        try:
            backend_reader, backend_writer = await asyncio.open_connection(*self._backend)
        except OSError:
            self.counters.backend_failures += 1
            return
        self.counters.accepted += 1
        try:
            await _relay((reader, writer), (backend_reader, backend_writer))
        finally:
            backend_writer.transport.abort()


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _relay(client: _Stream, backend: _Stream) -> None:
    """Copy both ways until either side ends: Postgres has no use for a half-closed connection."""
    copies = [
        asyncio.create_task(_copy(client[0], backend[1])),
        asyncio.create_task(_copy(backend[0], client[1])),
    ]
    try:
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    # What was read must leave before the connection is dropped, a last error message above all.
    with contextlib.suppress(OSError, ssl.SSLError):
        writer.close()
        await asyncio.wait_for(writer.wait_closed(), 2)
