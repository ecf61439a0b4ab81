"""Asks bots' own ``/statusz`` who they are, so that the page can name replicas."""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlsplit

import aiohttp

from dev.discord.clock import Clock
from dev.discord.wire import Json

INTERVAL_SECONDS = 1.0
_TIMEOUT = aiohttp.ClientTimeout(total=2.0)
_FORGET_AFTER_SECONDS = 15.0


class StatusPoller:
    """Polls status addresses while it runs.

    A host name with several addresses, such as a headless Service, stands for every pod behind it.

    Parameters
    ----------
    urls
        ``http://host:port/statusz`` addresses.
    clock
        Source of time stamps.
    """

    def __init__(self, urls: tuple[str, ...], clock: Clock) -> None:
        self._urls = urls
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._seen: dict[str, Json] = {}

    @property
    def replicas(self) -> list[Json]:
        """What each replica said last, with ``address``, ``ok`` and ``seen_at`` added."""
        return sorted(self._seen.values(), key=lambda item: str(item.get("replica")))

    def name_of(self, source: str) -> str | None:
        """Return the replica that has the address of ``source`` (``address:port``), if known.

        On loopback every process has the same address; then no name is given.
        """
        address = source.rpartition(":")[0]
        named = [item for item in self._seen.values() if item["address"] == address]
        return str(named[0].get("replica")) if len(named) == 1 else None

    async def start(self) -> None:
        """Start polling, if there is anything to poll."""
        if self._urls:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop polling."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            while True:
                targets = [await _resolve(url) for url in self._urls]
                flat = [item for group in targets for item in group]
                await asyncio.gather(*(self._ask(session, url, ip) for url, ip in flat))
                self._forget()
                await asyncio.sleep(INTERVAL_SECONDS)

    async def _ask(self, session: aiohttp.ClientSession, url: str, address: str) -> None:
        now = self._clock.wall()
        try:
            async with session.get(url) as response:
                said: Json = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            if url in self._seen:
                self._seen[url] = {**self._seen[url], "ok": False, "error": type(error).__name__}
            return
        self._seen[url] = {**said, "address": address, "ok": True, "seen_at": now}

    def _forget(self) -> None:
        oldest = self._clock.wall() - _FORGET_AFTER_SECONDS
        for url in [url for url, item in self._seen.items() if item["seen_at"] < oldest]:
            del self._seen[url]


async def _resolve(url: str) -> list[tuple[str, str]]:
    """Return (address to ask, IP) for every address of the host in ``url``."""
    parts = urlsplit(url)
    port = parts.port or 80
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(parts.hostname, port, type=1)
    except OSError:
        return []
    ips = dict.fromkeys(str(item[4][0]) for item in found)
    return [
        (f"http://{f'[{ip}]' if ':' in ip else ip}:{port}{parts.path or '/statusz'}", ip)
        for ip in ips
    ]
