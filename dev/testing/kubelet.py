"""What a scheduler and a kubelet would write, written by hand on an API server without nodes.

Everything else of such a test is real: the API server, the ReplicaSet that makes the pods, the
disruption controller and the eviction that it allows or not.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

from dev.testing.apiserver import ApiServer

Json = dict[str, Any]


class HandKubelet:
    """Moves the pods of one namespace through their lives.

    Parameters
    ----------
    server
        The API server.
    namespace
        Where the pods are.
    """

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self._server, self._namespace = server, namespace

    async def add_node(self, name: str) -> None:
        """Register a node."""
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        await self._kubectl("create", "-f", "-", body=node)

    async def remove_node(self, name: str) -> None:
        """Remove a node."""
        await self._kubectl("delete", "node", name, "--ignore-not-found")

    async def pods(self, bot: str) -> list[Json]:
        """Return the bot's pods that are not on their way out."""
        text = await self._kubectl("get", "pods", "-l", f"vertice.dev/bot={bot}", "-o", "json")
        items: list[Json] = json.loads(text)["items"]
        return [each for each in items if "deletionTimestamp" not in each["metadata"]]

    async def run(self, pod: str, node: str, ip: str = "10.9.9.9") -> None:
        """Place a pod on a node and call it ready."""
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        path = f"/api/v1/namespaces/{self._namespace}/pods/{pod}/binding"
        await self._kubectl("create", "--raw", path, "-f", "-", body=binding)
        await self.ready(pod, ip=ip)

    async def ready(self, pod: str, *, ready: bool = True, ip: str = "10.9.9.9") -> None:
        """Call a pod ready or not."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        condition = {"status": "True" if ready else "False", "lastTransitionTime": now}
        await self.say(
            pod,
            phase="Running",
            podIP=ip,
            podIPs=[{"ip": ip}],
            conditions=[{"type": kind, **condition} for kind in ("Ready", "ContainersReady")],
            containerStatuses=[container(ready=ready, state={"running": {"startedAt": now}})],
        )

    async def say(self, pod: str, **status: Any) -> None:
        """Write the status of a pod, as its kubelet would."""
        patch = json.dumps({"status": status})
        await self._kubectl(
            "patch", "pod", pod, "--subresource=status", "--type=merge", "-p", patch
        )

    async def evict(self, pod: str) -> str:
        """Ask for an eviction; return the refusal, empty when it was allowed."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": self._namespace},
        }
        path = f"/api/v1/namespaces/{self._namespace}/pods/{pod}/eviction"
        done = await asyncio.to_thread(
            self._server.kubectl, "create", "--raw", path, "-f", "-", input=json.dumps(body)
        )
        return done.stderr.strip() if done.returncode else ""

    async def finish(self, pod: str) -> None:
        """Let a pod that is on its way out be gone."""
        await self._kubectl("delete", "pod", pod, "--grace-period=0", "--force")

    async def _kubectl(self, *arguments: str, body: Json | None = None) -> str:
        done = await asyncio.to_thread(
            self._server.kubectl,
            *("-n", self._namespace, *arguments),
            input=None if body is None else json.dumps(body),
            check=True,
        )
        return done.stdout


def container(name: str = "bot", **state: Any) -> Json:
    """Return the status of one container."""
    return {
        "name": name,
        "image": "vertice-bot:1",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {},
        **state,
    }
