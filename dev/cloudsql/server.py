"""Starts and stops the stand-in as one unit."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from dev.cloudsql.api import Api
from dev.cloudsql.authority import Authority
from dev.cloudsql.instance import TLS_PORT, Instance
from dev.cloudsql.relay import Relay
from dev.cloudsql.service_account import Tokens, create_key_file, read_key_file


@dataclass(frozen=True)
class Options:
    """How to run one stand-in.

    Attributes:
        instance: The instance that it plays.
        postgres: Host and port of the real Postgres.
        host: Address to listen on, for the API and for TLS.
        api_port: Port of the API; 0 takes a free one.
        tls_port: Port of the TLS front; the proxy only ever dials 3307.
        address: Address of the TLS front as the proxy reaches it (default ``host``).
        public_url: Base URL of the API as clients reach it, for the key file's ``token_uri``.
        key_file: Service-account key file: read when it exists, else written.
        state_dir: Where the authority is kept; None keeps it in memory.
        static_tokens: Bearer tokens that are good without an exchange.
    """

    instance: Instance
    postgres: tuple[str, int]
    host: str = "127.0.0.1"
    api_port: int = 0
    tls_port: int = TLS_PORT
    address: str | None = None
    public_url: str | None = None
    key_file: Path | None = None
    state_dir: Path | None = None
    static_tokens: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Running:
    """A started stand-in.

    Attributes:
        api: Its state, faults and counters.
        api_url: Base URL for ``--sqladmin-api-endpoint``.
        tls_address: Host and port of the TLS front.
    """

    api: Api
    api_url: str
    tls_address: tuple[str, int]


@asynccontextmanager
async def running(options: Options) -> AsyncIterator[Running]:
    """Run the stand-in inside the block; everything it opened is closed after it.

    Raises:
        OSError: A port is taken.
        ValueError: The key file or the state is unreadable.
    """
    authority = (
        Authority.load_or_create(options.instance, options.state_dir)
        if options.state_dir
        else Authority.create(options.instance)
    )
    relay = Relay(authority.server_context(), options.host, options.tls_port, options.postgres)
    tokens = Tokens(account=None, clock=time.time, static=options.static_tokens)
    api = Api(authority, relay, tokens, options.address or options.host)
    runner = web.AppRunner(api.application(), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, options.host, options.api_port)
        await site.start()
        port = runner.addresses[0][1]
        url = options.public_url or f"http://{options.host}:{port}"
        if options.key_file is not None:
            if not options.key_file.exists():
                create_key_file(options.key_file, options.instance.project, f"{url}/token")
            tokens.account = read_key_file(options.key_file)
        await relay.start()
        yield Running(api, url, (options.host, relay.port))
    finally:
        await relay.stop()
        await runner.cleanup()
