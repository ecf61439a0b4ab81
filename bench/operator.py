"""What the operator costs the API server and the machine.

``python -m bench.operator`` starts a control plane of its own, without nodes, and runs the operator
against it through a proxy that counts every request. It measures

- writes for one new resource, up to and including its first status, against its children;
- the time from creating a resource to its Deployment, against the floor: the same objects applied
  one after the other by a bare HTTP client;
- memory of the process, idle and with ``--resources`` resources;
- writes at rest during ``--rest`` seconds, the leader's own renewals left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from bench.report import Report, Target, publish
from dev.apiproxy.log import writes
from dev.apiproxy.server import ApiProxy, Upstream
from dev.cluster.build import monitoring_definitions
from dev.cluster.native.loopback import start_control_plane
from dev.cluster.progress import Progress

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = "bench"
_BOTS = f"/apis/vertice.dev/v1alpha1/namespaces/{NAMESPACE}/discordbots"
_MIB = 1024 * 1024

# Kinds that the operator makes for the resource below, as paths to list them by.
_CHILDREN = (
    "/api/v1/namespaces/{n}/serviceaccounts",
    "/api/v1/namespaces/{n}/configmaps",
    "/api/v1/namespaces/{n}/services",
    "/apis/networking.k8s.io/v1/namespaces/{n}/networkpolicies",
    "/apis/batch/v1/namespaces/{n}/jobs",
    "/apis/apps/v1/namespaces/{n}/deployments",
    "/apis/autoscaling/v2/namespaces/{n}/horizontalpodautoscalers",
    "/apis/policy/v1/namespaces/{n}/poddisruptionbudgets",
    "/apis/monitoring.coreos.com/v1/namespaces/{n}/servicemonitors",
    "/apis/monitoring.coreos.com/v1/namespaces/{n}/prometheusrules",
)


def resource(name: str) -> dict[str, Any]:
    """Return a resource with every child that needs no foreign API.

    Migrations are left to the bot: without nodes the Job would never end. Nor would the roll-out,
    and passing its deadline is a change that the status has to tell; so the deadline is far off.
    """
    return {
        "apiVersion": "vertice.dev/v1alpha1",
        "kind": "DiscordBot",
        "metadata": {"name": name},
        "spec": {
            "discord": {"tokenSecretRef": {"name": name}},
            "database": {
                "cloudSQL": {"instance": "a:b:c"},
                "credentialsSecretRef": {"name": "database"},
                "migrations": "Startup",
            },
            "autoscaling": {"enabled": True, "minReplicas": 1, "maxReplicas": 2},
            "shards": {"count": 2},
            "rollout": {"progressDeadlineSeconds": 7200},
        },
    }


@dataclass
class Bench:
    """The parts of one run."""

    proxy: ApiProxy
    direct: aiohttp.ClientSession
    operator: psutil.Process

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call the API server past the proxy, so that only the operator is counted."""
        async with self.direct.request(method, path, json=body) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def create(self, name: str) -> float:
        """Create a bot with its Secret; return the monotonic time of the resource's creation."""
        secret = {"metadata": {"name": name}, "stringData": {"token": f"token of {name}"}}
        await self.call("POST", f"/api/v1/namespaces/{NAMESPACE}/secrets", secret)
        started = time.monotonic()
        await self.call("POST", _BOTS, resource(name))
        return started

    async def children(self, name: str) -> list[dict[str, Any]]:
        """Return the objects that the operator made for a bot."""
        found: list[dict[str, Any]] = []
        for path in _CHILDREN:
            listed = await self.call(
                "GET", f"{path.format(n=NAMESPACE)}?labelSelector=vertice.dev/bot={name}"
            )
            kind, version = listed["kind"].removesuffix("List"), listed["apiVersion"]
            found += [item | {"kind": kind, "apiVersion": version} for item in listed["items"]]
        return found

    async def until(
        self, what: str, probe: Callable[[], Any], seconds: float = 60, every: float = 0.005
    ) -> Any:
        """Wait until an async probe returns something true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if seen := await probe():
                return seen
            await asyncio.sleep(every)
        raise TimeoutError(f"{what}: not within {seconds:g} s")

    async def status_current(self, name: str) -> bool:
        """Say whether the status is of the present generation."""
        bot = await self.call("GET", f"{_BOTS}/{name}")
        generation: int = bot["metadata"]["generation"]
        return bool(bot.get("status", {}).get("observedGeneration") == generation)

    async def all_current(self, count: int) -> bool:
        """Say whether all ``count`` resources have a current status."""
        items = (await self.call("GET", _BOTS))["items"]
        current = [
            item
            for item in items
            if item.get("status", {}).get("observedGeneration") == item["metadata"]["generation"]
        ]
        return len(current) >= count

    async def quiet(self, seconds: float = 3.0, within: float = 300.0) -> None:
        """Wait until the operator has written nothing for ``seconds``."""
        deadline = time.monotonic() + within
        seen, since = -1, time.monotonic()
        while time.monotonic() - since < seconds:
            now = sum(writes(self.proxy.requests).values())
            if now != seen:
                seen, since = now, time.monotonic()
            if time.monotonic() > deadline:
                raise TimeoutError(f"the operator still writes after {within:g} s")
            await asyncio.sleep(0.1)

    def rss_mib(self) -> float:
        """Return the operator's resident memory."""
        return float(self.operator.memory_info().rss) / _MIB


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """Start a control plane, the proxy and the operator; stop them in the end."""
    with tempfile.TemporaryDirectory(prefix="vertice-bench-") as name:
        folder = Path(name)
        plane = start_control_plane(folder / "plane", Progress(), die_with_parent=True)
        try:
            _prepare(plane.programs.kubectl, plane.kubeconfig)
            upstream = Upstream.from_kubeconfig(plane.kubeconfig)
            connector = aiohttp.TCPConnector(ssl=upstream.ssl)
            async with (
                ApiProxy(upstream) as proxy,
                aiohttp.ClientSession(upstream.server, connector=connector) as direct,
            ):
                kubeconfig = proxy.write_kubeconfig(folder / "kubeconfig")
                process = _start_operator(kubeconfig, folder / "operator.log")
                try:
                    yield Bench(proxy, direct, psutil.Process(process.pid))
                except TimeoutError:
                    print((folder / "operator.log").read_text()[-4000:], file=sys.stderr)
                    raise
                finally:
                    process.terminate()
                    process.wait(15)
        finally:
            plane.runner.stop_all()


def _prepare(kubectl: Path, kubeconfig: Path) -> None:
    command = [str(kubectl), f"--kubeconfig={kubeconfig}"]
    for path in (ROOT / "crds" / "discordbots.vertice.dev.yaml", *monitoring_definitions()):
        subprocess.run(
            [*command, "apply", "--server-side", "-f", str(path)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    subprocess.run(
        [*command, "wait", "--for=condition=Established", "crd", "--all"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    subprocess.run(
        [*command, "create", "namespace", NAMESPACE], check=True, stdout=subprocess.DEVNULL
    )
    subprocess.run(
        [*command, "-n", NAMESPACE, "create", "secret", "generic", "database",
         "--from-literal=username=u", "--from-literal=password=p"],
        check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip


def _start_operator(kubeconfig: Path, log: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "KUBECONFIG": str(kubeconfig),
        "VERTICE_OPERATOR_LEASE_NAMESPACE": NAMESPACE,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "vertice_operator", "run", "--http-port", "0"],
        env=environment,
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
    )


async def one_resource(run: Bench, repeats: int) -> dict[str, float]:
    """Measure the creation of single resources, one after the other."""
    to_deployment: list[float] = []
    to_status: list[float] = []
    floor: list[float] = []
    extra: list[int] = []
    children: list[dict[str, Any]] = []
    for number in range(repeats):
        name = f"single-{number}"
        await run.quiet()
        before = len(run.proxy.requests)
        started = await run.create(name)
        deployment = (
            f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments?fieldSelector=metadata.name={name}"
        )
        await run.until("Deployment", partial(_items, run, deployment))
        to_deployment.append(time.monotonic() - started)
        await run.until("status", partial(run.status_current, name))
        to_status.append(time.monotonic() - started)
        made = writes(run.proxy.requests[before:])
        children = await run.children(name)
        print(f"{name}: writes {dict(made)}", flush=True)
        extra.append(sum(made.values()) - len(children) - made["events"])
        floor.append(await _apply_bare(run, children, f"floor-{number}"))
    return {
        "children": len(children),
        "writes_per_new_resource": len(children) + statistics.median(extra),
        "writes_beyond_children": max(extra),
        "deployment_p50_ms": 1000 * statistics.median(to_deployment),
        "status_p50_ms": 1000 * statistics.median(to_status),
        "floor_apply_p50_ms": 1000 * statistics.median(floor),
        "status_ratio_to_floor": statistics.median(to_status) / statistics.median(floor),
    }


async def _items(run: Bench, path: str) -> bool:
    return bool((await run.call("GET", path))["items"])


async def _apply_bare(run: Bench, children: list[dict[str, Any]], name: str) -> float:
    """Apply the same objects under another name with nothing but HTTP; return the seconds."""
    bodies: list[tuple[str, bytes]] = []
    paths = {path.split("/")[-1]: path for path in _CHILDREN}
    for child in children:
        path = paths[_plural(child["kind"])].format(n=NAMESPACE)
        meta = {"name": f"{name}-{len(bodies)}", "labels": {"bench": "floor"}}
        body = {key: value for key, value in child.items() if key not in {"metadata", "status"}}
        if child["kind"] == "Deployment":
            body["spec"] = body["spec"] | {"replicas": 0}
        if child["kind"] == "Service":
            kept = {"clusterIP": "None", "selector": {}, "ports": body["spec"]["ports"]}
            body["spec"] = kept
        bodies.append((f"{path}/{meta['name']}", json.dumps(body | {"metadata": meta}).encode()))
    started = time.monotonic()
    for path, content in bodies:
        async with run.direct.patch(
            f"{path}?fieldManager=floor&force=true",
            data=content,
            headers={"Content-Type": "application/apply-patch+yaml"},
        ) as answer:
            if answer.status >= 300:
                raise RuntimeError(f"floor: {path}: {await answer.text()}")
    return time.monotonic() - started


def _plural(kind: str) -> str:
    lower = kind.lower()
    return lower[:-1] + "ies" if lower.endswith("policy") else lower + "s"


async def many(run: Bench, count: int, rest: float) -> dict[str, float]:
    """Measure memory with many resources, and what is written at rest."""
    before = len(run.proxy.requests)
    started = time.monotonic()
    for start in range(0, count, 20):
        names = [f"many-{number}" for number in range(start, min(start + 20, count))]
        await asyncio.gather(*(run.create(name) for name in names))
    await run.until("all current", lambda: run.all_current(count), 600, 0.5)
    took = time.monotonic() - started
    await run.quiet(within=600)
    settled = len(run.proxy.requests)
    rss = run.rss_mib()
    print(f"resting for {rest:g} s", flush=True)
    await asyncio.sleep(rest)
    at_rest = writes(run.proxy.requests[settled:])
    if at_rest:
        print(f"writes at rest: {dict(at_rest)}")
    return {
        "resources": count,
        "converged_s": took,
        "writes_in_all": sum(writes(run.proxy.requests[before:]).values()),
        f"rss_mib_{count}": rss,
        "rest_s": rest,
        "writes_at_rest": sum(at_rest.values()),
    }


async def measure(resources: int, rest: float, repeats: int) -> Report:
    """Run everything and return the report."""
    async with bench() as run:
        await run.until("operator watches", lambda: _watching(run))
        await asyncio.sleep(2)
        idle = run.rss_mib()
        print(f"operator idle: {idle:.0f} MiB", flush=True)
        single = await one_resource(run, repeats)
        print(f"one resource: {single}", flush=True)
        crowd = await many(run, resources, rest)
    figures = {"rss_mib_idle": idle, **single, **crowd}
    floor = figures.pop("floor_apply_p50_ms")
    return Report(
        name="bench-operator",
        figures=figures,
        peers={"bare_apply_of_the_same_objects_p50_ms": floor},
        targets=(
            Target("writes_beyond_children", most=1, least=1),
            Target("writes_at_rest", most=0),
            Target(f"rss_mib_{resources}", most=150),
        ),
    )


async def _watching(run: Bench) -> bool:
    return any(each.watch and each.resource == "discordbots" for each in run.proxy.requests)


def main() -> int:
    """Parse the arguments, measure, publish."""
    parser = argparse.ArgumentParser(prog="python -m bench.operator", description=__doc__)
    parser.add_argument("--resources", type=int, default=200, help="for memory and rest (200)")
    parser.add_argument("--rest", type=float, default=600, help="seconds at rest (600)")
    parser.add_argument("--repeats", type=int, default=5, help="single resources (5)")
    given = parser.parse_args()
    return publish(asyncio.run(measure(given.resources, given.rest, given.repeats)))


if __name__ == "__main__":
    sys.exit(main())
