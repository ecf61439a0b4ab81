"""What keeps a bot from running is in its status within moments, in the words of who knows it."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from dev.testing.kubelet import HandKubelet, container

pytestmark = pytest.mark.apiserver
Make = Callable[..., dict[str, Any]]
MOMENTS = 30.0
"""Far under the minute that is promised; a busy test machine takes a few seconds."""


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return {"containerStatuses": [container(state=state)]}


def crashed(code: int, message: str = "", ended: str = "Error", name: str = "bot") -> Any:
    return container(
        name,
        restartCount=4,
        state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting"}},
        lastState={"terminated": {"exitCode": code, "reason": ended, "message": message}},
    )


def unschedulable(message: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    return {"conditions": [{**condition, "message": message}], "containerStatuses": []}


CAUSES = {
    "ImagePullFailed": (
        waiting("ErrImagePull", 'failed to pull "x:1": no such host'), "no such host"),
    "CrashLooping": (
        {"containerStatuses": [crashed(70, "the port is taken")]}, "the port is taken"),
    "ConfigurationRefused": (
        {"containerStatuses": [crashed(2, "unknown key 'x'")]}, "unknown key 'x'"),
    "TokenRefused": (
        {"containerStatuses": [crashed(69, "Discord refused the token")]}, "refused the token"),
    "OutOfMemory": (
        {"containerStatuses": [crashed(137, ended="OOMKilled")]}, "resources.limits.memory"),
    "Unschedulable": (
        unschedulable("0/3 nodes are available: 3 Insufficient memory"), "3 Insufficient memory"),
    "CrashLooping of the proxy": (
        {"initContainerStatuses": [crashed(1, "403: no access", name="cloud-sql-proxy")],
         **waiting("PodInitializing")}, "403: no access"),
}  # fmt: skip


@pytest.fixture
async def kubelet(harness: Any) -> HandKubelet:
    return HandKubelet(harness.apiserver, harness.namespace)


async def test_each_cause_is_told_in_the_words_of_who_knows_it(
    harness: Any, bot: Make, kubelet: HandKubelet
) -> None:
    await harness.start()
    await harness.apply(bot())
    (pod,) = await harness.eventually(lambda: kubelet.pods("my-bot"), "a pod")
    name = pod["metadata"]["name"]
    for cause, (status, words) in CAUSES.items():
        started = time.monotonic()
        await kubelet.say(name, **({"initContainerStatuses": [], "conditions": []} | status))

        async def told(cause: str = cause, words: str = words) -> bool:
            condition = await harness.condition("my-bot", "WorkloadAvailable")
            same = condition.get("reason") == cause.split()[0]
            return same and words in condition.get("message", "")

        await harness.eventually(told, cause, seconds=MOMENTS)
        assert time.monotonic() - started < MOMENTS
        ready = await harness.condition("my-bot", "Ready")
        assert (ready["status"], ready["reason"]) == ("False", "WorkloadUnavailable")
        assert words in ready["message"]
    reasons = await harness.kubectl("get", "events", "-o", "jsonpath={.items[*].message}")
    assert "the port is taken" in reasons


async def test_a_pull_that_is_tried_again_and_again_causes_no_write(
    harness: Any, bot: Make, kubelet: HandKubelet
) -> None:
    await harness.start()
    await harness.apply(bot())
    (pod,) = await harness.eventually(lambda: kubelet.pods("my-bot"), "a pod")
    name = pod["metadata"]["name"]

    def pull(port: int) -> str:
        return f'failed to pull "x:1": dial tcp 10.0.0.7:{port}->1.2.3.4:443: refused'

    async def attempt(port: int) -> None:
        if port % 2:
            await kubelet.say(name, **waiting("ErrImagePull", pull(port)))
        else:
            message = f'Back-off pulling image "x:1": ErrImagePull: {pull(port)}'
            await kubelet.say(name, **waiting("ImagePullBackOff", message))

    await attempt(1)
    await harness.eventually(
        lambda: _with_reason(harness, "WorkloadAvailable", "ImagePullFailed"), "told"
    )
    await harness.at_rest()
    seen = harness.operator.metrics.registry.get_sample_value
    before = seen("vertice_operator_watch_events_total", {"resource": "pods"})
    harness.requests.clear()
    for port in range(2, 8):
        await attempt(port)

    def arrived() -> bool:
        now = seen("vertice_operator_watch_events_total", {"resource": "pods"})
        return bool(now - before >= 6)

    await harness.eventually(arrived, "the operator saw each attempt")
    await harness.at_rest()
    assert harness.writes == []


async def test_a_quota_is_told_and_its_end_heals(
    harness: Any, bot: Make, kubelet: HandKubelet
) -> None:
    quota = {
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"},
        "spec": {"hard": {"pods": "0"}},
    }  # fmt: skip
    await harness.apply(quota)
    await harness.eventually(lambda: _counted(harness), "the quota is in force")
    await harness.start()
    await harness.apply(bot())
    condition = await harness.eventually(
        lambda: _with_reason(harness, "WorkloadAvailable", "QuotaExceeded"), "told", MOMENTS
    )
    assert "exceeded quota: small" in condition["message"]
    await harness.kubectl("delete", "resourcequota", "small")
    await harness.eventually(lambda: kubelet.pods("my-bot"), "a pod", seconds=90)
    await harness.eventually(
        lambda: _with_reason(harness, "WorkloadAvailable", "MinimumReplicasUnavailable"), "healed"
    )


@pytest.fixture
async def no_pods(harness: Any) -> AsyncIterator[None]:
    """An admission policy of the cluster that refuses every pod of the namespace."""
    name = f"no-pods-{uuid.uuid4().hex[:6]}"
    api = "admissionregistration.k8s.io/v1"
    policy = {
        "apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                "resources": ["pods"],
            }]},
            "validations": [{"expression": "false", "message": "no pods on a Sunday"}],
        },
    }  # fmt: skip
    selector = {"matchLabels": {"kubernetes.io/metadata.name": harness.namespace}}
    binding = {
        "apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {
            "policyName": name, "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": selector},
        },
    }  # fmt: skip
    await harness.apply(policy, binding)
    probe = {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"},
        "spec": {"containers": [{"name": "c", "image": "x"}]},
    }  # fmt: skip

    def refused() -> bool:
        done = harness.apiserver.kubectl(
            "-n", harness.namespace, "create", "--dry-run=server", "-f", "-",
            input=json.dumps(probe),
        )  # fmt: skip
        return "Sunday" in done.stderr

    await harness.eventually(lambda: asyncio.to_thread(refused), "the policy is in force")
    yield
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        await harness.kubectl("delete", kind, name)


async def test_an_admission_refusal_is_told(harness: Any, bot: Make, no_pods: None) -> None:
    await harness.start()
    await harness.apply(bot())
    condition = await harness.eventually(
        lambda: _with_reason(harness, "WorkloadAvailable", "PodsRefused"), "told", MOMENTS
    )
    assert "no pods on a Sunday" in condition["message"]


async def test_the_scale_subresource_tells_and_takes(
    harness: Any, bot: Make, kubelet: HandKubelet
) -> None:
    await harness.start()
    await harness.apply(bot(replicas=2))

    async def scale() -> dict[str, Any]:
        path = f"/apis/vertice.dev/v1alpha1/namespaces/{harness.namespace}/discordbots/my-bot/scale"
        document: dict[str, Any] = json.loads(await harness.kubectl("get", "--raw", path))
        return document

    async def counted(number: int) -> bool:
        status = (await scale())["status"]
        return bool(status["replicas"] == number)

    await harness.eventually(lambda: counted(2), "status.replicas")
    document = await scale()
    assert document["spec"]["replicas"] == 2
    chosen = await harness.kubectl(
        "get", "pods", "-l", document["status"]["selector"], "-o", "name"
    )
    assert len(chosen.split()) == 2
    await harness.kubectl("scale", "discordbot", "my-bot", "--replicas=3")
    await harness.eventually(lambda: counted(3), "three")
    assert (await harness.get("deployment", "my-bot"))["spec"]["replicas"] == 3


async def test_no_condition_is_missing_at_any_time(harness: Any, bot: Make) -> None:
    """All of them from the first status on, in every status that is ever stored."""
    await harness.apply(bot())
    watch = await asyncio.create_subprocess_exec(
        str(harness.apiserver.program), f"--kubeconfig={harness.apiserver.kubeconfig}",
        "-n", harness.namespace, "get", "discordbot", "my-bot", "--watch",
        "-o", "jsonpath={.status.conditions[*].reason}{'\\n'}",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await harness.start()
    await harness.eventually(lambda: harness.condition("my-bot", "Ready"), "a status")
    await harness.apply(bot(suspend=True))
    await harness.eventually(lambda: _with_reason(harness, "Ready", "Suspended"), "another")
    watch.terminate()
    text = (await watch.stdout.read()).decode() if watch.stdout else ""
    await watch.wait()
    written = [line.split() for line in text.splitlines() if line.strip()]
    assert len(written) >= 2
    assert {len(reasons) for reasons in written} == {12}


async def _counted(harness: Any) -> bool:
    found = await harness.get("resourcequota", "small")
    return "hard" in (found.get("status") or {})


async def _with_reason(harness: Any, kind: str, reason: str) -> dict[str, Any] | None:
    condition: dict[str, Any] = await harness.condition("my-bot", kind)
    return condition if condition.get("reason") == reason else None
