"""Pause, suspend, resume and delete, each in every state that a bot can be in."""

import asyncio
import copy
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from dev.testing.kubelet import HandKubelet, container

pytestmark = pytest.mark.apiserver
Make = Callable[..., dict[str, Any]]
Object = dict[str, Any]
JOB = {
    "direct": {"host": "db.example", "tls": {"mode": "Disable"}},
    "credentialsSecretRef": {"name": "db"},
}
QUICK = {"minReadySeconds": 0}


@dataclass
class Life:
    """One bot on its way through the matrix."""

    harness: Any
    kubelet: HandKubelet
    node: str
    make: Make
    name: str
    spec: dict[str, Any] = field(default_factory=dict)

    async def apply(self, *, paused: bool = False, **changes: Any) -> None:
        self.spec |= changes
        document = self.make(self.name, token=self.spec.get("token", self.name), **{
            key: value for key, value in self.spec.items() if key != "token"
        })  # fmt: skip
        document["metadata"]["annotations"] = {"vertice.dev/paused": "true"} if paused else {}
        await self.harness.apply(document)

    async def until(self, kind: str, reason: str) -> None:
        """Wait for a reason that holds for the present generation."""

        async def told() -> bool:
            document = await self.harness.get("discordbot", self.name)
            for each in (document.get("status") or {}).get("conditions") or ():
                current = each["observedGeneration"] == document["metadata"]["generation"]
                if (each["type"], each["reason"]) == (kind, reason) and current:
                    return True
            return False

        await self.harness.eventually(told, f"{self.name}: {kind} {reason}", seconds=90)

    async def replicas(self, number: int) -> None:
        async def reached() -> bool:
            deployment = await self.harness.get("deployment", self.name)
            return bool(deployment and deployment["spec"]["replicas"] == number)

        await self.harness.eventually(reached, f"{self.name}: {number} replicas", seconds=60)

    async def serve(self) -> None:
        """Let the pods run."""
        await self.harness.eventually(lambda: self.kubelet.pods(self.name), f"{self.name}: a pod")
        for pod in await self.kubelet.pods(self.name):
            await self.kubelet.run(pod["metadata"]["name"], self.node)
        await self.until("RolledOut", "UpToDate")

    async def picture(self) -> list[Any]:
        """All children as they stand, without what their controllers write."""
        found = []
        for each in await self.harness.children(self.name):
            meta = each["metadata"]
            kept = {k: v for k, v in each.items() if k not in ("metadata", "status")}
            marks = [meta.get(part) for part in ("uid", "labels", "ownerReferences")]
            found.append((each["kind"], meta["name"], marks, kept))
        return copy.deepcopy(sorted(found, key=lambda each: each[:2]))


Bring = Callable[[Life], Awaitable[None]]


async def never_applied(life: Life) -> None:
    await life.apply(paused=True)
    await life.until("Paused", "Paused")
    assert await life.picture() == []


async def created_suspended(life: Life) -> None:
    await life.apply(suspend=True)
    await life.until("Ready", "Suspended")


async def running(life: Life) -> None:
    await life.apply(rollout=QUICK, replicas=2)
    await life.replicas(2)
    await life.serve()


async def rolling_out(life: Life) -> None:
    await running(life)
    await life.apply(logging={"level": "WARNING"})
    await life.until("RolledOut", "RolloutInProgress")


async def rolled_back(life: Life) -> None:
    await life.apply(rollout=QUICK, image={"repository": "bot", "tag": "good"})
    await life.replicas(1)
    await life.serve()
    good = {each["metadata"]["name"] for each in await life.kubelet.pods(life.name)}
    await life.apply(image={"repository": "bot", "tag": "bad"})

    async def bad() -> str | None:
        names = {each["metadata"]["name"] for each in await life.kubelet.pods(life.name)}
        return next(iter(names - good), None)

    name = await life.harness.eventually(bad, "a pod of the bad image")
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": "bad"}}
    waits = {"waiting": {"reason": "CrashLoopBackOff"}}
    crashed = container(restartCount=5, state=waits, lastState=ended)
    await life.kubelet.say(name, phase="Running", containerStatuses=[crashed])
    await life.until("RolledOut", "RolledBack")


async def autoscaled(life: Life) -> None:
    await life.apply(autoscaling={"enabled": True, "minReplicas": 2}, shards={"count": 4})
    await life.harness.eventually(lambda: life.harness.get("hpa", life.name), "the autoscaler")


async def migrating(life: Life) -> None:
    await life.apply(database=JOB)
    await life.until("DatabaseMigrated", "MigrationRunning")


async def held_by_a_bad_spec(life: Life) -> None:
    await life.apply()
    await life.replicas(1)
    await life.apply(scheduling={"tolerations": [{"operatr": "Exists"}]})
    await life.until("SpecAccepted", "InvalidSpec")
    life.spec.pop("scheduling")  # the edits that follow cure it


async def without_its_secret(life: Life) -> None:
    await life.apply(token="absent")
    await life.until("SecretsResolved", "SecretNotFound")


STATES: dict[str, tuple[Bring, int | None]] = {
    "never-applied": (never_applied, 1),
    "created-suspended": (created_suspended, 1),
    "running": (running, 2),
    "rolling-out": (rolling_out, 2),
    "rolled-back": (rolled_back, 1),
    "autoscaled": (autoscaled, 2),
    "migrating": (migrating, 1),
    "bad-spec": (held_by_a_bad_spec, 1),
    "no-secret": (without_its_secret, None),
}
"""How a bot gets into each state, and its replicas once it is resumed; None: still held."""


@pytest.fixture
async def node(harness: Any) -> AsyncIterator[str]:
    kubelet, name = HandKubelet(harness.apiserver, harness.namespace), f"n-{uuid.uuid4().hex[:6]}"
    await kubelet.add_node(name)
    yield name
    await kubelet.remove_node(name)


async def test_pause_suspend_resume_and_delete_in_every_state(
    harness: Any, bot: Make, make_secret: Make, node: str
) -> None:
    await harness.apply(*(make_secret(name, token=f"token of {name}") for name in STATES))
    await harness.start(secret_recheck_seconds=2)
    kubelet = HandKubelet(harness.apiserver, harness.namespace)
    async with asyncio.TaskGroup() as group:
        for name, (bring, replicas) in STATES.items():
            life = Life(harness, kubelet, node, bot, name)
            group.create_task(_through_the_matrix(life, bring, replicas), name=name)


async def _through_the_matrix(life: Life, bring: Bring, replicas: int | None) -> None:
    await bring(life)
    await _paused_nothing_changes(life)
    await _unpaused_it_is_suspended(life)
    await _resumed_it_runs(life, replicas)
    await life.apply(paused=True)
    await life.until("Paused", "Paused")
    await life.harness.kubectl("delete", "discordbot", life.name, "--timeout=20s")

    async def gone() -> bool:
        return await life.picture() == []

    await life.harness.eventually(gone, f"{life.name}: paused or not, nothing is left")


async def _paused_nothing_changes(life: Life) -> None:
    """Also not by an edit that suspends it, and not where somebody else changes a child."""
    await life.apply(paused=True)
    await life.until("Paused", "Paused")
    before = await life.picture()
    await life.apply(paused=True, suspend=True, logging={"level": "DEBUG"})
    await life.until("Paused", "Paused")
    budget = await life.harness.get("pdb", life.name)
    if budget is not None:
        await life.harness.kubectl("delete", "pdb", life.name)
        before = [each for each in before if each[0] != "PodDisruptionBudget"]
        await life.harness.eventually(lambda: _absent(life, "pdb"), "deleted by somebody")
    assert await life.picture() == before, life.name


async def _unpaused_it_is_suspended(life: Life) -> None:
    await life.apply()
    await life.until("Paused", "NotPaused")
    expected = "DependenciesMissing" if life.spec.get("token") else "Suspended"
    await life.until("Ready", expected)
    await life.replicas(0)
    assert await _absent(life, "pdb"), life.name
    assert await life.harness.get("serviceaccount", life.name), life.name


async def _resumed_it_runs(life: Life, replicas: int | None) -> None:
    await life.apply(suspend=False)
    if replicas is None:
        await life.until("SecretsResolved", "SecretNotFound")
        await life.replicas(0)
        return
    await life.until("SpecAccepted", "Valid")
    await life.replicas(replicas)
    await life.harness.eventually(lambda: life.harness.get("pdb", life.name), "the budget")


async def _absent(life: Life, kind: str) -> bool:
    return await life.harness.get(kind, life.name) is None
