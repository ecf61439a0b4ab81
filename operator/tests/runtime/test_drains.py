"""Node drains of single-replica bots on a real API server, with its disruption controller."""

import socket
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from dev.testing.kubelet import HandKubelet
from vertice_operator.cluster.statusz import StatuszReader

pytestmark = pytest.mark.apiserver
Make = Callable[..., dict[str, Any]]


@pytest.fixture
async def kubelet(harness: Any) -> HandKubelet:
    return HandKubelet(harness.apiserver, harness.namespace)


@pytest.fixture
async def nodes(kubelet: HandKubelet) -> AsyncIterator[tuple[str, str]]:
    names = tuple(f"{which}-{uuid.uuid4().hex[:6]}" for which in ("left", "right"))
    for name in names:
        await kubelet.add_node(name)
    yield names[0], names[1]
    for name in names:
        await kubelet.remove_node(name)


async def budget(harness: Any) -> tuple[Any, Any]:
    spec = (await harness.get("pdb", "my-bot"))["spec"]
    return spec.get("minAvailable"), spec.get("maxUnavailable")


async def replicas(harness: Any) -> int:
    return int((await harness.get("deployment", "my-bot"))["spec"]["replicas"])


async def start_one_pod(harness: Any, bot: Make, kubelet: HandKubelet, node: str) -> str:
    await harness.apply(bot(rollout={"minReadySeconds": 0}))
    (pod,) = await harness.eventually(lambda: kubelet.pods("my-bot"), "a pod")
    name: str = pod["metadata"]["name"]
    await kubelet.run(name, node)
    await harness.eventually(lambda: allowed(harness, 1), "the budget knows of the pod")
    await harness.eventually(lambda: available(harness), "available")
    await harness.at_rest()
    return name


async def available(harness: Any) -> bool:
    condition = await harness.condition("my-bot", "WorkloadAvailable")
    return bool(condition.get("status") == "True")


async def allowed(harness: Any, number: int) -> bool:
    status = (await harness.get("pdb", "my-bot")).get("status") or {}
    return bool(status.get("disruptionsAllowed") == number)


async def another(harness: Any, kubelet: HandKubelet, *known: str) -> str:
    async def found() -> str | None:
        names = {each["metadata"]["name"] for each in await kubelet.pods("my-bot")}
        return next(iter(names - set(known)), None)

    name: str = await harness.eventually(found, "another pod")
    return name


async def events(harness: Any) -> set[str]:
    text = await harness.kubectl(
        "get", "events", "--field-selector=involvedObject.name=my-bot",
        "-o", "jsonpath={.items[*].reason}",
    )  # fmt: skip
    return set(text.split())


async def test_a_second_pod_first_then_the_drain_then_one_again(
    harness: Any, bot: Make, kubelet: HandKubelet, nodes: tuple[str, str]
) -> None:
    left, right = nodes
    await harness.start(namespaces=())
    first = await start_one_pod(harness, bot, kubelet, left)
    assert (await replicas(harness), await budget(harness)) == (1, (None, 1))

    await harness.kubectl("cordon", left)
    await harness.eventually(lambda: allowed(harness, 0), "the budget keeps the only pod")
    assert (await replicas(harness), await budget(harness)) == (2, (1, None))
    assert "disruption budget" in await kubelet.evict(first)
    second = await another(harness, kubelet, first)
    assert "disruption budget" in await kubelet.evict(first), "not before it is Ready"
    assert await available(harness), "one replica is all that was asked for"

    await kubelet.run(second, right)
    await harness.eventually(lambda: allowed(harness, 1), "the first may go")
    assert await kubelet.evict(first) == ""
    await kubelet.finish(first)

    async def back_to_one() -> bool:
        names = [each["metadata"]["name"] for each in await kubelet.pods("my-bot")]
        return names == [second] and await replicas(harness) == 1

    await harness.eventually(back_to_one, "the second pod alone")
    await harness.eventually(lambda: _is(harness, (None, 1)), "the usual budget")
    await harness.eventually(lambda: _told(harness, {"DrainHelped", "DrainFinished"}), "Events")
    assert "DrainNotHelped" not in await events(harness)


async def test_a_drain_is_never_blocked_for_ever(
    harness: Any, bot: Make, kubelet: HandKubelet, nodes: tuple[str, str]
) -> None:
    """No second pod ever becomes Ready: after its time the budget lets the only one go."""
    await harness.start(namespaces=(), drain_help_seconds=6)
    only = await start_one_pod(harness, bot, kubelet, nodes[0])
    await harness.kubectl("cordon", nodes[0])
    await harness.eventually(lambda: allowed(harness, 0), "kept for a while")
    assert "disruption budget" in await kubelet.evict(only)

    async def evicted() -> bool:
        return await kubelet.evict(only) == ""

    await harness.eventually(evicted, "allowed in the end", seconds=30)
    await harness.eventually(lambda: _told(harness, {"DrainHelped", "DrainNotHelped"}), "Events")
    assert await replicas(harness) == 1


async def test_an_operator_that_starts_in_a_drain_goes_on_helping(
    harness: Any, bot: Make, kubelet: HandKubelet, nodes: tuple[str, str]
) -> None:
    await harness.start(namespaces=())
    await start_one_pod(harness, bot, kubelet, nodes[0])
    await harness.kubectl("cordon", nodes[0])
    await harness.eventually(lambda: allowed(harness, 0), "kept")
    await harness.stop()
    harness.requests.clear()
    await harness.start(namespaces=())
    await harness.eventually(
        lambda: any(each[1] == "secrets" for each in harness.requests), "a reconcile"
    )
    await harness.at_rest()
    changed = [
        each for each in harness.writes if each[1] in ("deployments", "poddisruptionbudgets")
    ]
    assert changed == []
    assert (await replicas(harness), await budget(harness)) == (2, (1, None))
    await harness.kubectl("uncordon", nodes[0])
    await harness.eventually(lambda: _is(harness, (None, 1)), "help ends with its reason")
    assert await replicas(harness) == 1


async def test_the_emptiest_pod_is_scaled_away(
    harness: Any, bot: Make, kubelet: HandKubelet, nodes: tuple[str, str], statusz: Any
) -> None:
    """Real ReplicaSet controller; the pods' /statusz is served on addresses of this machine."""
    operator = await harness.start(statusz_seconds=0.2)
    statusz.serve(operator)
    await harness.apply(bot(replicas=3, shards={"count": 4}))

    async def three() -> list[str] | None:
        names = sorted(each["metadata"]["name"] for each in await kubelet.pods("my-bot"))
        return names if len(names) == 3 else None

    names = await harness.eventually(three, "three pods")
    for number, (name, owned) in enumerate(zip(names, ([0], [], [1, 2, 3]), strict=True)):
        statusz.say(f"127.0.0.{number + 2}", shards=owned, count=4)
        await kubelet.run(name, nodes[number % 2], ip=f"127.0.0.{number + 2}")

    async def written() -> bool:
        return [await cost(harness, name) for name in names] == ["1", None, "3"]

    await harness.eventually(written, "the costs")
    await harness.at_rest()
    marks = [each for each in harness.writes if each[1] == "pods"]
    assert len(marks) == 2, "one write a pod, and none for a cost of 0"
    harness.requests.clear()
    await harness.eventually(lambda: statusz.asked > 60, "sixty more answers that only tick")
    assert harness.writes == [], "lag, latency and the identify budget cause no write"
    await harness.apply(bot(replicas=2, shards={"count": 4}))

    async def two() -> bool:
        left = sorted(each["metadata"]["name"] for each in await kubelet.pods("my-bot"))
        return left == [names[0], names[2]]

    await harness.eventually(two, "the idle one is gone")


async def cost(harness: Any, pod: str) -> str | None:
    annotations = (await harness.get("pod", pod))["metadata"].get("annotations") or {}
    found: str | None = annotations.get("controller.kubernetes.io/pod-deletion-cost")
    return found


async def _is(harness: Any, expected: tuple[Any, Any]) -> bool:
    return await budget(harness) == expected


async def _told(harness: Any, reasons: set[str]) -> bool:
    return reasons <= await events(harness)


class Statusz:
    """Answers ``/statusz`` by the address that was asked; everything that ticks, ticks."""

    def __init__(self, port: int) -> None:
        self.port, self.asked = port, 0
        self._said: dict[str, dict[str, Any]] = {}

    def say(self, ip: str, shards: list[int], count: int) -> None:
        self._said[ip] = {"shards": shards, "count": count}

    def serve(self, operator: Any) -> None:
        operator.poller._reader = StatuszReader(port=self.port)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        said = self._said[request.host.partition(":")[0]]
        shards = [
            {"id": each, "state": "LIVE", "epoch": 1, "latency_seconds": self.asked / 1000}
            for each in said["shards"]
        ]
        return web.json_response(
            {
                "shard_count": said["count"],
                "shards": shards,
                "lag_seconds": self.asked / 7,
                "discord": {"state": "connected", "identify_remaining": 1000 - self.asked % 900},
                "degraded": [],
                "draining": False,
            }
        )


@pytest.fixture
async def statusz() -> AsyncIterator[Statusz]:
    app = web.Application()
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        port = probe.getsockname()[1]
    served = Statusz(port)
    app.router.add_get("/statusz", served.answer)
    await runner.setup()
    await web.TCPSite(runner, "0.0.0.0", port).start()
    yield served
    await runner.cleanup()
