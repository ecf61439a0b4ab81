"""The proxy itself: plain HTTP on loopback in front, the API server's TLS behind."""

from __future__ import annotations

import base64
import ssl
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from dev.apiproxy.log import Request

_HOP_BY_HOP = frozenset(
    {"connection", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


@dataclass(frozen=True)
class Upstream:
    """Where the API server is and how to be admitted there."""

    server: str
    ssl: ssl.SSLContext

    @classmethod
    def from_kubeconfig(cls, path: Path) -> Self:
        """Read the server, its authority and the client certificate.

        Knows the form that local clusters write: one user with the certificate inside.
        """
        config: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
        cluster = config["clusters"][0]["cluster"]
        user = config["users"][0]["user"]
        context = ssl.create_default_context(
            cadata=_decoded(cluster["certificate-authority-data"]).decode()
        )
        # The ssl module loads client certificates from files only.
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(_decoded(user["client-certificate-data"]) + b"\n")
            pair.write(_decoded(user["client-key-data"]))
            pair.flush()
            context.load_cert_chain(pair.name)
        return cls(cluster["server"].rstrip("/"), context)


class ApiProxy:
    """Forward every request and keep a log of them.

    Use as an async context manager. ``url`` is the address to give to the client.
    """

    def __init__(self, upstream: Upstream) -> None:
        self.requests: list[Request] = []
        self.url = ""
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listen on a free loopback port."""
        connector = aiohttp.TCPConnector(ssl=self._upstream.ssl, limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector, auto_decompress=False, timeout=aiohttp.ClientTimeout(total=None)
        )
        application = web.Application(client_max_size=8 * 1024**2)
        application.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening and drop what is open."""
        if self._runner:
            await self._runner.cleanup()
        if self._session:
            await self._session.close()

    def write_kubeconfig(self, path: Path, namespace: str = "default") -> Path:
        """Write a kubeconfig that points at the proxy and return its path."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "proxy",
            "contexts": [
                {
                    "name": "proxy",
                    "context": {"cluster": "proxy", "user": "proxy", "namespace": namespace},
                }
            ],
            "clusters": [{"name": "proxy", "cluster": {"server": self.url}}],
            "users": [{"name": "proxy", "user": {}}],
        }
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        arrived, status = time.monotonic(), 0
        watch = request.query.get("watch") in {"true", "1"}
        assert self._session is not None
        try:
            async with self._session.request(
                request.method,
                f"{self._upstream.server}{request.rel_url}",
                headers=_passed_on(request.headers),
                data=await request.read() if request.can_read_body else None,
                allow_redirects=False,
            ) as answer:
                status = answer.status
                if watch:
                    # A watch ends long after it began; log it when it is opened.
                    self._log(arrived, request, watch, status)
                return await _relay(request, answer)
        finally:
            if not watch:
                self._log(arrived, request, watch, status)

    def _log(self, arrived: float, request: web.Request, watch: bool, status: int) -> None:
        self.requests.append(Request(arrived, request.method, request.path, watch, status))


async def _relay(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=_passed_on(answer.headers))
    await response.prepare(request)
    # The client may hang up in the middle of a watch; that is its way to end one.
    with suppress(ConnectionResetError, aiohttp.ClientConnectionError):
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    return response


def _passed_on(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return CIMultiDict(
        (name, value)
        for name, value in headers.items()
        if name.lower() not in _HOP_BY_HOP and name.lower() != "content-length"
    )


def _decoded(data: str) -> bytes:
    return base64.b64decode(data)
