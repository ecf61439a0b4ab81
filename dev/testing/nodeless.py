"""A node without a machine: what the API server asks of a kubelet and of pods, for real requests.

The API server is real and asks over TLS, with its own client certificate, as it asks every kubelet;
only what answers is here. A whole cluster is not needed then to read logs and ``/statusz`` through
the API server.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dev.cluster.certs import Authority, KeyPair

Json = dict[str, Any]


def own_address() -> str:
    """Return an address of this machine that is not loopback, which the API server's proxy refuses.

    Nothing is sent: connecting a datagram socket only chooses the way.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as chosen:
        chosen.connect(("192.0.2.254", 9))
        return str(chosen.getsockname()[0])


@dataclass
class Node:
    """Logs by pod and container, and ``/statusz`` by port; both may be changed while it serves.

    A log line is a pair of time (RFC 3339) and text. ``previous`` has the logs of the containers
    before their restart.
    """

    address: str
    port: int = 0
    logs: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    previous: dict[tuple[str, str], list[tuple[str, str]]] = field(default_factory=dict)
    statusz: dict[int, Json | str] = field(default_factory=dict)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    def manifest(self, name: str) -> Json:
        """Give the Node object that leads the API server here."""
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name},
            "status": {
                "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": self.port}},
            },
        }

    def open_port(self, document: Json | str) -> int:
        """Serve a document as ``/statusz`` on a port of its own, and return the port."""
        return asyncio.run_coroutine_threadsafe(self._serve(document), self._loop).result(10)

    async def _serve(self, document: Json | str) -> int:
        async def answer(_: web.Request) -> web.Response:
            said = self.statusz[port]
            return web.Response(text=said if isinstance(said, str) else json.dumps(said))

        app = web.Application()
        app.router.add_get("/statusz", answer)
        port = await _listen(app, self.address, None)
        self.statusz[port] = document
        return port

    async def _log(self, request: web.Request) -> web.StreamResponse:
        found = request.match_info
        which = self.previous if request.query.get("previous") == "true" else self.logs
        lines = which.get((found["pod"], found["container"]))
        if lines is None:
            return web.Response(status=404, text="no such container")
        stream = web.StreamResponse()
        await stream.prepare(request)
        sent = max(0, len(lines) - int(request.query.get("tailLines", len(lines))))
        while True:
            for stamp, text in lines[sent:]:
                await stream.write(f"{stamp} {text}\n".encode())
            sent = len(lines)
            if request.query.get("follow") != "true":
                return stream
            await asyncio.sleep(0.02)


async def _listen(app: web.Application, host: str, tls: ssl.SSLContext | None) -> int:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0, ssl_context=tls)
    await site.start()
    (open_socket,) = runner.addresses
    return int(open_socket[1])


@dataclass(frozen=True)
class _Certificates:
    authority: Authority

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Take up the authority whose files are in a folder."""
        files = KeyPair(folder / "ca.crt", folder / "ca.key")
        key = serialization.load_pem_private_key(files.key.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        return cls(Authority(files, certificate, key))

    def server(self) -> ssl.SSLContext:
        """Give the TLS of a kubelet, which lets in only who has a certificate of the authority."""
        pair = self.authority.issue("nodeless", "system:node:nodeless", hosts=("127.0.0.1",))
        context = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cafile=self.authority.files.certificate
        )
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(pair.certificate, pair.key)
        return context


@contextmanager
def node(pki: Path) -> Iterator[Node]:
    """Serve as a kubelet until the end.

    Parameters
    ----------
    pki
        Folder with ``ca.crt`` and ``ca.key`` of the API server's authority.
    """
    made, tls = Node(own_address()), _Certificates.of(pki).server()
    app = web.Application()
    app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", made._log)
    loop = made._loop
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    made.port = asyncio.run_coroutine_threadsafe(_listen(app, "127.0.0.1", tls), loop).result(10)
    try:
        yield made
    finally:
        asyncio.run_coroutine_threadsafe(_end_all(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end_all() -> None:
    """End what still serves, so that nothing is left open in the loop."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
