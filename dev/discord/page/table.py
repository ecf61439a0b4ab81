"""Routes of the page: static files, a snapshot, and a live stream of changes."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from dev.discord.page.statusz import StatusPoller
from dev.discord.page.stream import STATUS, serve_snapshot, serve_stream

_STATIC = Path(__file__).parent / "static"
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'self'; img-src 'self' http: https: data:; style-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


def install(app: web.Application, status: StatusPoller) -> None:
    """Add the page to ``app``."""
    app[STATUS] = status
    app.router.add_get("/_page/state", serve_snapshot)
    app.router.add_get("/_page/stream", serve_stream)
    app.router.add_get("/_page/{name}", _static)
    app.router.add_get("/healthz", _health)


def index() -> web.Response:
    """Return the page itself."""
    return _file(_STATIC / "index.html")


async def _static(request: web.Request) -> web.Response:
    path = _STATIC / Path(request.match_info["name"]).name
    if path.suffix not in _TYPES or not path.is_file():
        return web.Response(status=404, text="no such file")
    return _file(path)


async def _health(_: web.Request) -> web.Response:
    return web.Response(text="ok\n")


def _file(path: Path) -> web.Response:
    return web.Response(
        body=path.read_bytes(),
        headers={
            "Content-Type": f"{_TYPES[path.suffix]}; charset=utf-8",
            "Cache-Control": "no-cache",
            "Content-Security-Policy": _POLICY,
        },
    )
