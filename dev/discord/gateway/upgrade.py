"""From an HTTP upgrade to a running connection."""

from __future__ import annotations

import itertools

from aiohttp import web

from dev.discord.core import CORE
from dev.discord.gateway.codec import UnknownCodecError, codec_for
from dev.discord.gateway.connection import Connection
from dev.discord.gateway.opcodes import CloseCode
from dev.discord.rest.routing import source_of

RESUME_PATH = "/resume"
"""READY names this path, so that "the resume host is down" can be played without a second host."""

_VERSIONS = {None, "9", "10"}
_NUMBERS = itertools.count(1)
_MAX_MESSAGE = 1 << 20


def wants_upgrade(request: web.Request) -> bool:
    """Say whether the request is for a WebSocket."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


async def serve_gateway(request: web.Request) -> web.StreamResponse:
    """Serve one gateway connection until it ends."""
    core = request.app[CORE]
    if _is_resume_host(request) and core.hub.faults.resume_unavailable:
        core.hub.faults.spend("resume_unavailable")
        core.ledger.record("upgrade_refused", source=source_of(request), status=503)
        return web.Response(status=503, text="resume host unavailable (by script)")
    if request.query.get("encoding", "json") != "json":
        return web.Response(status=400, text="only encoding=json is spoken here")
    try:
        codec = codec_for(request.query.get("compress"))
    except UnknownCodecError as error:
        return web.Response(status=400, text=str(error))
    ws = web.WebSocketResponse(compress=False, max_msg_size=_MAX_MESSAGE, timeout=1.0)
    await ws.prepare(request)
    if request.query.get("v") not in _VERSIONS:
        await ws.close(code=CloseCode.INVALID_API_VERSION, message=b"Invalid API version.")
        return ws
    transport = request.transport
    if transport is None:  # the client is gone already
        return ws
    connection = Connection(
        core.hub,
        ws,
        transport,
        codec,
        number=next(_NUMBERS),
        source=source_of(request),
        resume_url=_resume_url(request, core.settings.public_url),
    )
    await connection.run()
    return ws


def _is_resume_host(request: web.Request) -> bool:
    return request.path.rstrip("/") == RESUME_PATH


def _resume_url(request: web.Request, public_url: str | None) -> str:
    base = public_url or f"{request.scheme}://{request.host}"
    return "ws" + base.removeprefix("http") + RESUME_PATH
