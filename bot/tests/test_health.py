"""Probes, status and metrics over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from vertice_bot.errors import ConfigError
from vertice_bot.health import Listener, Verdict, metrics_app, status_app
from vertice_bot.settings import ListenSettings
from vertice_bot.telemetry.metrics import Metrics

LOCAL = ListenSettings(host="127.0.0.1", port=0)


class Board:
    def __init__(self) -> None:
        self.verdict = Verdict(True)

    def startup(self) -> Verdict:
        return self.verdict

    ready = live = startup

    def document(self) -> dict[str, Any]:
        return {"bot": "demo/bot"}


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
async def base(board: Board) -> AsyncIterator[str]:
    listener = Listener(status_app(board), LOCAL, "http.port")
    await listener.start()
    yield f"http://127.0.0.1:{listener.port}"
    await listener.stop()


async def get(url: str, **headers: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.text(), answer.headers["Content-Type"]


@pytest.mark.parametrize("probe", ["startupz", "readyz", "livez"])
async def test_probes_say_yes_or_why_not(base: str, board: Board, probe: str) -> None:
    assert (await get(f"{base}/{probe}"))[:2] == (200, "ok\n")
    board.verdict = Verdict(False, "waiting for migrations")
    assert (await get(f"{base}/{probe}"))[:2] == (503, "waiting for migrations\n")


async def test_statusz_is_json(base: str) -> None:
    code, text, kind = await get(f"{base}/statusz")
    assert (code, text) == (200, '{"bot": "demo/bot"}')
    assert kind.startswith("application/json")


async def test_metrics_in_both_formats() -> None:
    metrics = Metrics()
    metrics.events_fenced.inc()
    listener = Listener(metrics_app(metrics.registry), LOCAL, "metrics.port")
    await listener.start()
    url = f"http://127.0.0.1:{listener.port}/metrics"
    code, text, kind = await get(url)
    assert code == 200
    assert "vertice_events_fenced_total 1.0" in text
    assert kind.startswith("text/plain")
    _, text, kind = await get(url, Accept="application/openmetrics-text; version=1.0.0")
    assert text.endswith("# EOF\n")
    assert kind.startswith("application/openmetrics-text")
    await listener.stop()


async def test_a_taken_port_is_a_bad_configuration() -> None:
    first = Listener(metrics_app(Metrics().registry), LOCAL, "metrics.port")
    await first.start()
    taken = ListenSettings(host="127.0.0.1", port=first.port)
    second = Listener(metrics_app(Metrics().registry), taken, "metrics.port")
    with pytest.raises(ConfigError, match=r"metrics\.port: cannot listen"):
        await second.start()
    await first.stop()
