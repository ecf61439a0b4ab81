"""A gateway client with no opinions: it sends what it is told and shows what it got.

For protocol tests, where a library's own cleverness would be in the way.
"""

from __future__ import annotations

import asyncio
import zlib
from types import TracebackType
from typing import Self

import aiohttp
import zstandard

from dev.discord.gateway.intents import Intents
from dev.discord.gateway.opcodes import Op
from dev.discord.wire import Json, dumps, loads

DEFAULT_INTENTS = int(Intents.GUILDS | Intents.GUILD_MESSAGES | Intents.MESSAGE_CONTENT)
_SECONDS = 5.0


class Closed(Exception):  # noqa: N818 -- not an error, but how a connection ended
    """The server closed the socket.

    Parameters
    ----------
    code
        The close code, 1006 for none.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class RawGateway:
    """One gateway connection.

    Parameters
    ----------
    url
        Address of the gateway.
    compress
        The ``compress`` query parameter, if any.
    version
        The API version asked for.
    """

    def __init__(self, url: str, *, compress: str | None = None, version: str = "10") -> None:
        self._url = f"{url}/?v={version}&encoding=json" + (
            f"&compress={compress}" if compress else ""
        )
        self._http: aiohttp.ClientSession | None = None
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._inflate = zlib.decompressobj()
        self._unzstd = zstandard.ZstdDecompressor().decompressobj()
        self._compress = compress
        self.session_id = ""
        self.resume_url = ""
        self.seq = 0

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession()
        try:
            self._ws = await self._http.ws_connect(self._url, max_msg_size=0)
        except BaseException:
            await self._http.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close(4000)

    @property
    def ws(self) -> aiohttp.ClientWebSocketResponse:
        """The socket."""
        assert self._ws is not None
        return self._ws

    async def close(self, code: int) -> None:
        """Close with ``code``."""
        if self._ws is not None:
            await self._ws.close(code=code)
        if self._http is not None:
            await self._http.close()

    async def send(self, op: int, data: object) -> None:
        """Send a payload."""
        await self.ws.send_str(dumps({"op": int(op), "d": data}).decode())

    async def receive(self) -> Json:
        """Return the next payload; raises ``Closed`` when there is none to come."""
        message = await asyncio.wait_for(self.ws.receive(), _SECONDS)
        if message.type is aiohttp.WSMsgType.TEXT:
            raw = message.data.encode()
        elif message.type is aiohttp.WSMsgType.BINARY:
            raw = self._decode(message.data)
        else:
            raise Closed(self.ws.close_code or 1006)
        payload: Json = loads(raw)
        if payload["s"] is not None:
            self.seq = payload["s"]
        return payload

    async def until(self, event: str) -> list[Json]:
        """Return the payloads up to and with the dispatch ``event``."""
        found = []
        while True:
            payload = await self.receive()
            found.append(payload)
            if payload["t"] == event:
                return found

    async def op(self, op: int) -> Json:
        """Return the next payload with ``op``."""
        while True:
            payload = await self.receive()
            if payload["op"] == op:
                return payload

    async def closed(self) -> int:
        """Read until the server closes; returns the code."""
        try:
            while True:
                await self.receive()
        except Closed as end:
            return end.code

    async def identify(
        self,
        token: str,
        *,
        intents: int = DEFAULT_INTENTS,
        shard: tuple[int, int] | None = None,
    ) -> Json:
        """Read HELLO, IDENTIFY, and return the data of READY."""
        await self.op(Op.HELLO)
        await self.send_identify(token, intents=intents, shard=shard)
        ready: Json = (await self.until("READY"))[-1]["d"]
        self.session_id, self.resume_url = ready["session_id"], ready["resume_gateway_url"]
        return ready

    async def send_identify(
        self,
        token: str,
        *,
        intents: int = DEFAULT_INTENTS,
        shard: tuple[int, int] | None = None,
    ) -> None:
        """Send IDENTIFY and wait for nothing."""
        data: Json = {"token": token, "intents": intents, "properties": {"browser": "raw"}}
        if shard is not None:
            data["shard"] = list(shard)
        await self.send(Op.IDENTIFY, data)

    async def resume(self, token: str, session_id: str, seq: int) -> None:
        """Read HELLO and send RESUME."""
        await self.op(Op.HELLO)
        data = {"token": token, "session_id": session_id, "seq": seq}
        await self.send(Op.RESUME, data)

    def _decode(self, data: bytes) -> bytes:
        if self._compress == "zstd-stream":
            return self._unzstd.decompress(data)
        return self._inflate.decompress(data)
