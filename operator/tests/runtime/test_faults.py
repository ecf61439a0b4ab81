"""Faults of the API server, made by a proxy in front of a real one.

The limits are generous, because a test machine is; each is still far below what a watch layer
without supervisor, or a queue without back-off, could meet: those never come back.
"""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from vertice_operator.cluster.errors import NotLeaderError
from vertice_operator.runtime.metrics import Metrics

pytestmark = pytest.mark.apiserver
Make = Callable[..., dict[str, Any]]


class FaultProxy:
    """Passes everything on to the API server, except what the test takes away."""

    def __init__(self, kubeconfig: Path, folder: Path) -> None:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._server, self._folder, self._context = cluster["server"], folder, config
        self._tls = ssl.create_default_context(cafile=self._file(cluster, "certificate-authority"))
        self._tls.load_cert_chain(
            self._file(user, "client-certificate"), self._file(user, "client-key")
        )
        self.refuse: Callable[[web.Request], web.Response | None] = lambda request: None
        self.swallow: Callable[[dict[str, Any]], bool] = lambda event: False
        self.seen: list[tuple[str, str]] = []

    def _file(self, section: dict[str, Any], key: str) -> str:
        if key in section:
            return str(section[key])
        path = self._folder / key
        path.write_bytes(base64.b64decode(section[f"{key}-data"]))
        return str(path)

    async def start(self) -> Path:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=0)
        self._session = aiohttp.ClientSession(connector=connector)
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{tail:.*}", self._pass)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        path = self._folder / "proxied"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "p",
            "clusters": [{"name": "p", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
            "users": [{"name": "p", "user": {"token": "ignored by the proxy"}}],
            "contexts": [{"name": "p", "context": {"cluster": "p", "user": "p"}}],
        }))  # fmt: skip
        return path

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.path))
        refused = self.refuse(request)
        if refused is not None:
            return refused
        headers = {k: v for k, v in request.headers.items() if k in ("Accept", "Content-Type")}
        watch = request.query.get("watch") in ("true", "1")
        answer = await self._session.request(
            request.method, self._server + request.path_qs, data=await request.read() or None,
            headers=headers, timeout=aiohttp.ClientTimeout(total=None),
        )  # fmt: skip
        async with answer:
            if not watch:
                body = await answer.read()
                kind = answer.headers.get("Content-Type", "application/json")
                return web.Response(body=body, status=answer.status, headers={"Content-Type": kind})
            response = web.StreamResponse(status=answer.status)
            await response.prepare(request)
            async for line in answer.content:
                if not self.swallow(json.loads(line)):
                    await response.write(line)
            return response


@pytest.fixture
async def proxy(
    harness: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FaultProxy]:
    front = FaultProxy(harness.apiserver.kubeconfig, tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(await front.start()))
    try:
        yield front
    finally:
        await harness.stop()
        await front.stop()


def is_watch(request: web.Request) -> bool:
    return "watch" in request.query and "discordbots" in request.path


FAULTS = {
    "401 once": (401, 1, 20),
    "410 on the watch": (410, 2, 40),
    "503 on the watch": (503, 3, 40),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_watch_comes_back(harness: Any, bot: Make, proxy: FaultProxy, fault: str) -> None:
    status, times, limit = FAULTS[fault]
    left = times

    def refuse(request: web.Request) -> web.Response | None:
        nonlocal left
        if left and is_watch(request):
            left -= 1
            return web.json_response({"kind": "Status", "code": status}, status=status)
        return None

    proxy.refuse = refuse
    await harness.start()
    await harness.apply(bot())
    await harness.eventually(lambda: harness.get("deployment", "my-bot"), "made", seconds=limit)
    await harness.eventually(lambda: left == 0, "the fault was met", seconds=limit)
    await harness.apply(bot("second", token="db"))
    await harness.eventually(
        lambda: harness.condition("second", "SecretsResolved"), "seen after it", seconds=limit
    )


@pytest.mark.parametrize("status", [401, 403, 410, 503])
async def test_the_watch_of_one_kind_of_child_comes_back(
    harness: Any, bot: Make, proxy: FaultProxy, status: int
) -> None:
    """Meanwhile the other kinds are watched on, and what happened in the gap is found."""
    left = 2

    def refuse(request: web.Request) -> web.Response | None:
        nonlocal left
        if left and "watch" in request.query and "services" in request.path:
            left -= 1
            return web.json_response({"kind": "Status", "code": status}, status=status)
        return None

    proxy.refuse = refuse
    await harness.start()
    await harness.apply(bot())
    await harness.eventually(lambda: harness.get("service", "my-bot-metrics"), "made")
    await harness.kubectl("delete", "service", "my-bot-metrics")
    await harness.kubectl("delete", "poddisruptionbudget", "my-bot")
    await harness.eventually(
        lambda: harness.get("poddisruptionbudget", "my-bot"), "another kind", seconds=10
    )
    await harness.eventually(lambda: harness.get("service", "my-bot-metrics"), "found", seconds=20)
    assert left == 0


async def test_a_blind_watch_of_children_is_noticed_and_replaced(
    harness: Any, bot: Make, proxy: FaultProxy
) -> None:
    operator = await harness.start(resync_seconds=2)
    await harness.apply(bot())
    await harness.eventually(lambda: harness.get("service", "my-bot-metrics"), "made")
    await harness.at_rest()
    proxy.swallow = lambda event: event["object"].get("kind") == "Service"
    await harness.kubectl("label", "service", "my-bot-metrics", "vertice.dev/x=y")
    await harness.eventually(
        lambda: any("services missed" in reason for reason in operator.watcher.restarts),
        "watch replaced",
    )
    proxy.swallow = lambda event: False


async def test_a_blind_watch_is_noticed_and_replaced(
    harness: Any, bot: Make, proxy: FaultProxy
) -> None:
    operator = await harness.start(resync_seconds=2)
    await harness.eventually(
        lambda: any("discordbots" in path for _, path in proxy.seen), "watching"
    )
    proxy.swallow = lambda event: event["object"].get("kind") == "DiscordBot"
    await harness.apply(bot())
    await harness.eventually(lambda: harness.get("deployment", "my-bot"), "by the full list")
    await harness.eventually(lambda: _missed(operator.metrics) > 0, "blindness counted")
    proxy.swallow = lambda event: False
    await harness.eventually(
        lambda: any("blind" in reason for reason in operator.watcher.restarts), "watch replaced"
    )


async def test_writes_that_fail_are_tried_again_and_nothing_is_doubled(
    harness: Any, bot: Make, proxy: FaultProxy
) -> None:
    left = 6

    def refuse(request: web.Request) -> web.Response | None:
        nonlocal left
        if left and request.method == "PATCH":
            left -= 1
            return web.json_response(
                {"kind": "Status", "code": 500, "message": "etcd timed out"}, status=500
            )
        return None

    proxy.refuse = refuse
    await harness.start()
    await harness.apply(bot())
    await harness.eventually(lambda: harness.condition("my-bot", "Ready"), "in the end")
    await harness.at_rest()
    assert left == 0
    kinds = [each["kind"] for each in await harness.children("my-bot")]
    assert sorted(kinds) == sorted(
        ["ServiceAccount", "ConfigMap", "ConfigMap", "NetworkPolicy", "Service",
         "ControllerRevision", "Deployment", "PodDisruptionBudget"]
    )  # fmt: skip
    assert (await harness.condition("my-bot", "SpecAccepted"))["status"] == "True"


async def test_without_the_lease_nothing_is_written(
    harness: Any, bot: Make, proxy: FaultProxy
) -> None:
    """Renewals fail: the operator stops writing at its own deadline, and goes on afterwards."""
    operator = await harness.start(lease_seconds=3)
    await harness.eventually(operator.elector.gained.is_set, "leading")
    proxy.refuse = lambda request: web.Response(status=503) if "leases" in request.path else None
    await harness.eventually(operator.elector.lost.is_set, "lost", seconds=10)
    with pytest.raises(NotLeaderError):
        operator.client.guard()
    harness.requests.clear()
    await harness.apply(bot())
    await asyncio.sleep(2)
    assert harness.writes == []
    proxy.refuse = lambda request: None
    await harness.eventually(lambda: harness.get("deployment", "my-bot"), "leading again")


def _missed(metrics: Metrics) -> float:
    return metrics.registry.get_sample_value("vertice_operator_watch_missed_total") or 0.0
