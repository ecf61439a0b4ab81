"""Asks the bots' pods what they own: ``GET http://<pod ip>:8080/statusz``."""

import json
from typing import Any

import aiohttp

from vertice_operator.api.names import PORT_HTTP
from vertice_operator.decide.facts import PodFact, Report, ShardReport

TIMEOUT = 2.0
_LARGEST_ANSWER = 1 << 20


class StatuszReader:
    """Reads ``/statusz``; an answer that is late, broken or too big counts as no answer."""

    def __init__(self, port: int = PORT_HTTP, limit: int = 32) -> None:
        self._port, self._limit = port, limit
        self._session: aiohttp.ClientSession | None = None

    async def read(self, pod: PodFact) -> Report:
        """Ask one pod."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT),
                connector=aiohttp.TCPConnector(limit=self._limit, force_close=True),
            )
        host = f"[{pod.ip}]" if pod.ip and ":" in pod.ip else pod.ip
        try:
            async with self._session.get(f"http://{host}:{self._port}/statusz") as answer:
                answer.raise_for_status()
                return parse(pod.name, await _body(answer))
        except (TimeoutError, OSError, aiohttp.ClientError, ValueError, TypeError, KeyError):
            return Report(pod.name, reachable=False)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > _LARGEST_ANSWER:
            raise ValueError("the answer is too big")
    return bytes(body)


def parse(pod: str, body: bytes) -> Report:
    """Read a ``/statusz`` document. Raises ValueError, TypeError or KeyError on a broken one."""
    document: dict[str, Any] = json.loads(body)
    if not isinstance(document, dict):
        raise TypeError("not an object")
    discord = document.get("discord") or {}
    shards = [
        ShardReport(int(each["id"]), str(each["state"]), int(each["epoch"]))
        for each in document.get("shards") or ()
    ]
    return Report(
        pod=pod,
        reachable=True,
        shard_count=int(document.get("shard_count") or 0),
        shards=tuple(sorted(shards, key=lambda shard: shard.id)),
        discord=str(discord.get("state") or ""),
        identify_remaining=_number(discord.get("identify_remaining")),
        degraded=tuple(
            sorted((str(e["part"]), str(e["reason"])) for e in document.get("degraded") or ())
        ),
        draining=bool(document.get("draining")),
        recommended=_number(discord.get("recommended_shards")),
    )


def _number(value: object) -> int | None:
    return None if value is None else int(str(value))
