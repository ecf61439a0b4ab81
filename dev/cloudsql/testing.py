"""The real Auth Proxy and the stand-in as child processes and servers of a test."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from secrets import randbelow
from typing import Any

import asyncpg

from dev.cloudsql.instance import Instance
from dev.cloudsql.server import Options, Running, running
from dev.local.postgres import Postgres, free_port

INSTANCE = Instance("vertice-dev", "europe-west1", "bots")


@dataclass
class Proxy:
    """A running Auth Proxy."""

    process: asyncio.subprocess.Process
    port: int
    http_port: int
    lines: list[str] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def logged(self, pattern: str, seconds: float = 20.0) -> str:
        """Wait for a log line that matches and return it."""
        async with asyncio.timeout(seconds), self.changed:
            while True:
                for line in self.lines:
                    if re.search(pattern, line):
                        return line
                await self.changed.wait()

    async def read(self, stream: asyncio.StreamReader) -> None:
        """Keep the lines of one output until it ends."""
        async for line in stream:
            async with self.changed:
                self.lines.append(line.decode())
                self.changed.notify_all()


@asynccontextmanager
async def proxy_running(
    binary: Path, api_url: str, *flags: str, wait: bool = True
) -> AsyncIterator[Proxy]:
    """Run the proxy inside the block, with the flags that the operator's sidecar has.

    It fetches settings and certificate in the background from its start on, so a fault that is
    to hit its first connection has to be on before.
    """
    port, http_port = free_port(), free_port()
    process = await asyncio.create_subprocess_exec(
        str(binary),
        *("--sqladmin-api-endpoint", api_url, "--private-ip", "--port", str(port)),
        *("--health-check", "--http-address", "127.0.0.1", "--http-port", str(http_port)),
        *("--structured-logs", "--enable-builtin-metrics=false"),
        *flags,
        INSTANCE.connection_name,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"HOME": "/nonexistent", "PATH": "/usr/bin:/bin"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    proxy = Proxy(process, port, http_port)
    readers = [asyncio.create_task(proxy.read(s)) for s in (process.stdout, process.stderr)]
    try:
        if wait:
            await proxy.logged("ready for new connections")
        yield proxy
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 10)
        await asyncio.gather(*readers)


@asynccontextmanager
async def stand_in_running(
    backend: tuple[str, int], directory: Path, **more: Any
) -> AsyncIterator[Running]:
    """Run the stand-in in front of ``backend`` with its key file in ``directory``."""
    # The port is fixed at 3307, so each stand-in has a loopback address of its own.
    host = f"127.{randbelow(200) + 20}.{randbelow(250)}.{randbelow(250) + 2}"
    options: dict[str, Any] = {
        "instance": INSTANCE,
        "postgres": backend,
        "host": host,
        "key_file": directory / "key.json",
    }
    async with running(Options(**(options | more))) as stand_in:
        yield stand_in


async def connect(postgres: Postgres, port: int, seconds: float = 20.0) -> asyncpg.Connection:
    """Connect through ``port`` as the bot does: no TLS of its own on the way to the proxy."""
    return await asyncpg.connect(
        host="127.0.0.1",
        port=port,
        user=postgres.user,
        password=postgres.password,
        database=postgres.database,
        ssl=False,
        timeout=seconds,
    )


def parsed(line: str) -> dict[str, Any]:
    """Return a structured log line as a mapping."""
    return dict(json.loads(line))
