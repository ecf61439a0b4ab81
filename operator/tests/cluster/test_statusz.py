import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from vertice_operator.cluster.statusz import StatuszReader
from vertice_operator.decide.facts import PodFact, ShardReport

GOOD: dict[str, Any] = {
    "bot": "demo/my-bot", "replica": "p", "shard_count": 2, "draining": False,
    "shards": [{"id": 1, "state": "LIVE", "epoch": 3, "latency_seconds": 0.02},
               {"id": 0, "state": "RESUMING", "epoch": 1}],
    "discord": {"state": "connected", "identify_remaining": 998, "recommended_shards": 3},
    "degraded": [{"part": "redis", "reason": "CircuitOpen"}],
}  # fmt: skip


def pod() -> PodFact:
    return PodFact("p", "u", "bot", "r", "", "127.0.0.1", True, True, False, None, ())


async def ask(body: bytes, status: int = 200, delay: float = 0) -> Any:
    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(delay)
        return web.Response(body=body, status=status)

    app = web.Application()
    app.router.add_get("/statusz", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    reader = StatuszReader(port=runner.addresses[0][1])
    try:
        return await reader.read(pod())
    finally:
        await reader.close()
        await runner.cleanup()


async def test_a_report() -> None:
    report = await ask(json.dumps(GOOD).encode())
    assert report.reachable
    assert report.shards == (ShardReport(0, "RESUMING", 1), ShardReport(1, "LIVE", 3))
    assert (report.discord, report.identify_remaining) == ("connected", 998)
    assert report.recommended == 3
    assert report.degraded == (("redis", "CircuitOpen"),)


async def test_what_ticks_is_no_part_of_it() -> None:
    later = {
        **GOOD,
        "lag_seconds": 9,
        "shards": [{**s, "latency_seconds": 7} for s in GOOD["shards"]],
    }
    assert await ask(json.dumps(GOOD).encode()) == await ask(json.dumps(later).encode())


@pytest.mark.parametrize(
    ("body", "status", "delay"),
    [
        pytest.param(b"not json", 200, 0, id="broken"),
        pytest.param(b'{"shards": [{"id": "x"}]}', 200, 0, id="wrong shape"),
        pytest.param(b"[]", 200, 0, id="no object"),
        pytest.param(b'{"discord": {"identify_remaining": "few"}}', 200, 0, id="no number"),
        pytest.param(b"{}", 503, 0, id="error"),
        pytest.param(b"{}", 200, 5, id="late"),
    ],
)
async def test_no_usable_answer(body: bytes, status: int, delay: float) -> None:
    assert not (await ask(body, status, delay)).reachable


async def test_nobody_listens() -> None:
    reader = StatuszReader(port=1)
    assert not (await reader.read(pod())).reachable
    await reader.close()
