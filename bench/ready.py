"""From ``kubectl apply`` of a new resource to a Ready bot, split by what the time goes to.

``python -m bench.ready`` uses the cluster that ``make up`` brought up. It adds bots one after the
other, in Cloud SQL mode on the local Discord, watches the API server and removes them again.
Moments are taken by this program when it sees them (it looks every 20 ms). The figures are medians
over ``--repeats``; the operator's part is printed as a share of the whole.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from bench.report import Report, Target, publish
from dev.apiproxy.server import Upstream
from dev.cluster.provider import provider
from dev.discord.script import Script, ScriptError
from dev.up.objects import DEMO_NAMESPACE, PAGE_NODE_PORT

ROOT = Path(__file__).resolve().parent.parent
_BOTS = f"/apis/vertice.dev/v1alpha1/namespaces/{DEMO_NAMESPACE}/discordbots"

Json = dict[str, Any]

# In the order in which they come about; each figure is the time since the one before.
MOMENTS = (
    ("deployment", "Deployment exists"),
    ("scheduled", "pod has a node"),
    ("proxy", "proxy sidecar has started"),
    ("container", "bot container runs"),
    ("pod_ready", "pod is Ready"),
    ("resource_ready", "resource says Ready"),
)


@dataclass
class Seen:
    """When each moment was first seen, in monotonic seconds."""

    started: float
    at: dict[str, float] = field(default_factory=dict)

    def note(self, name: str, come_about: bool) -> None:
        """Remember the first time that a moment had come about."""
        if come_about and name not in self.at:
            self.at[name] = time.monotonic()

    def steps_ms(self) -> dict[str, float]:
        """Return the milliseconds between each moment and the one before."""
        before, steps = self.started, {}
        for name, _ in MOMENTS:
            now = max(self.at[name], before)
            steps[name] = 1000 * (now - before)
            before = now
        return steps


def _statuses(pod: Json) -> dict[str, Json]:
    status = pod.get("status", {})
    listed = status.get("initContainerStatuses", []) + status.get("containerStatuses", [])
    return {each["name"]: each for each in listed}


def _true(item: Json, kind: str) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(each["type"] == kind and each["status"] == "True" for each in conditions)


class Cluster:
    """The API server, and the local Discord beside it."""

    def __init__(self, session: aiohttp.ClientSession, discord: str) -> None:
        self._session, self._discord = session, discord

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Make one request; errors raise."""
        async with self._session.request(method, path, json=body) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def _register(self, name: str) -> str:
        token = f"{base64.b64encode(name.encode()).decode().rstrip('=')}.bench.{'t' * 27}"
        async with Script(f"{self._discord}/_admin") as script:
            try:
                await script.create_bot(name, token)
            except ScriptError as known:
                print(f"{name}: {known}; used as it is")
        return token

    async def measure(self, name: str) -> dict[str, float]:
        """Add a bot, wait until its resource is Ready, remove it; return the steps."""
        token = await self._register(name)
        secret = {"metadata": {"name": name}, "stringData": {"token": token}}
        secrets = f"/api/v1/namespaces/{DEMO_NAMESPACE}/secrets"
        await self.call("POST", secrets, secret)
        body = yaml.safe_load((ROOT / "examples" / "local.yaml").read_text(encoding="utf-8"))
        body["metadata"] = {"name": name}
        body["spec"]["discord"]["tokenSecretRef"] = {"name": name}
        body["spec"]["replicas"] = 1
        try:
            seen = Seen(time.monotonic())
            await self.call("POST", _BOTS, body)
            await self._until(lambda: self._look(name, seen))
        finally:
            await self.call("DELETE", f"{_BOTS}/{name}")
            await self.call("DELETE", f"{secrets}/{name}")
        return seen.steps_ms()

    async def _look(self, name: str, seen: Seen) -> bool:
        deployments = f"/apis/apps/v1/namespaces/{DEMO_NAMESPACE}/deployments"
        chosen = f"labelSelector=app.kubernetes.io/instance={name},app.kubernetes.io/component=bot"
        found, pods, bot = await asyncio.gather(
            self.call("GET", f"{deployments}?fieldSelector=metadata.name={name}"),
            self.call("GET", f"/api/v1/namespaces/{DEMO_NAMESPACE}/pods?{chosen}"),
            self.call("GET", f"{_BOTS}/{name}"),
        )
        seen.note("deployment", bool(found["items"]))
        for pod in pods["items"]:
            containers = _statuses(pod)
            proxy, main = containers.get("cloud-sql-proxy", {}), containers.get("bot", {})
            seen.note("scheduled", _true(pod, "PodScheduled"))
            seen.note("proxy", bool(proxy.get("started")))
            seen.note("container", "running" in main.get("state", {}))
            seen.note("pod_ready", _true(pod, "Ready"))
        seen.note("resource_ready", _true(bot, "Ready"))
        return "resource_ready" in seen.at and "pod_ready" in seen.at

    async def _until(self, probe: Callable[[], Any], seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not await probe():
            if time.monotonic() > deadline:
                raise TimeoutError(f"the resource is not Ready within {seconds:g} s")
            await asyncio.sleep(0.02)


async def measure(name: str, repeats: int) -> Report:
    """Run everything and return the report."""
    used = provider(name)
    if not used.running():
        raise SystemExit(f"cluster {name} does not run: make up")
    upstream = Upstream.from_kubeconfig(used.kubeconfig)
    connector = aiohttp.TCPConnector(ssl=upstream.ssl)
    async with aiohttp.ClientSession(upstream.server, connector=connector) as session:
        cluster = Cluster(session, f"http://{used.node_port_address(PAGE_NODE_PORT)}")
        runs = []
        for number in range(repeats):
            runs.append(await cluster.measure(f"bench-{number}"))
            print(json.dumps({key: round(value) for key, value in runs[-1].items()}), flush=True)
    steps = {name: statistics.median(run[name] for run in runs) for name, _ in MOMENTS}
    whole = statistics.median(sum(run.values()) for run in runs)
    figures = {f"until_{key}_p50_ms": value for key, value in steps.items()}
    figures["apply_to_ready_p50_ms"] = whole
    figures["operator_share_pct"] = 100 * steps["deployment"] / whole
    return Report("bench-ready", figures, targets=(Target("operator_share_pct", most=10),))


def main() -> int:
    """Parse the arguments, measure, publish."""
    parser = argparse.ArgumentParser(prog="python -m bench.ready", description=__doc__)
    parser.add_argument("--name", default="vertice", help="cluster (default: vertice)")
    parser.add_argument("--repeats", type=int, default=5, help="bots, one after the other (5)")
    given = parser.parse_args()
    return publish(asyncio.run(measure(given.name, given.repeats)))


if __name__ == "__main__":
    sys.exit(main())
