from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vertice_operator.api.conditions import Reason
from vertice_operator.decide.facts import ContainerFact, PodFact
from vertice_operator.decide.pods import crash_loops, read_pod, workload_problem


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"ready": False, "state": {"waiting": {"reason": reason, "message": message}}}


def crashed(
    code: int, message: str = "", restarts: int = 4, ended: str = "Error"
) -> dict[str, Any]:
    return {
        "ready": False,
        "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": code, "message": message, "reason": ended}},
    }


CASES = [
    pytest.param({}, None, "", id="well"),
    pytest.param(waiting("ContainerCreating"), None, "", id="starting"),
    pytest.param(
        waiting("ImagePullBackOff", "Back-off pulling image x:1"),
        Reason.IMAGE_PULL_FAILED,
        "Back-off pulling image x:1. Check spec.image and image.pullSecrets.",
        id="image",
    ),
    pytest.param(
        crashed(69, "Discord refused the token; put a new one into Secret my-bot\n"),
        Reason.TOKEN_REFUSED,
        "Discord refused the token; put a new one into Secret my-bot.",
        id="token refused",
    ),
    pytest.param(
        crashed(2, "unknown key 'x' in config.yaml"),
        Reason.CONFIGURATION_REFUSED,
        "unknown key 'x' in config.yaml.",
        id="configuration",
    ),
    pytest.param(
        crashed(70, "", 1),
        Reason.CRASH_LOOPING,
        "crashed 2 times: exit code 70, a fault of the bot itself.",
        id="crash",
    ),
    pytest.param(crashed(2), Reason.CONFIGURATION_REFUSED, "exit code 2", id="wordless 2"),
    pytest.param(crashed(69), Reason.TOKEN_REFUSED, "exit code 69", id="wordless 69"),
    pytest.param(
        crashed(137), Reason.CRASH_LOOPING, "liveness or startup probe failed", id="killed"
    ),
    pytest.param(
        crashed(137, ended="OOMKilled"),
        Reason.OUT_OF_MEMORY,
        "used more than its memory limit and was killed. Raise resources.limits.memory.",
        id="memory",
    ),
    pytest.param(
        {
            **crashed(137, ended="OOMKilled"),
            "restartCount": 1,
            "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
        },
        Reason.OUT_OF_MEMORY,
        "memory limit",
        id="memory, just now",
    ),
    pytest.param(
        waiting("CreateContainerConfigError", 'secret "token" not found'),
        Reason.CONFIGURATION_REFUSED,
        'secret "token" not found',
        id="cannot start",
    ),
    pytest.param(
        {"restartCount": 3, "lastState": {"terminated": {"exitCode": 1}}}, None, "", id="recovered"
    ),
]


@pytest.mark.parametrize(("container", "reason", "message"), CASES)
def test_a_container_in_trouble(
    pod: Any, container: dict[str, Any], reason: Reason | None, message: str
) -> None:
    document = pod(**{"ready": True, **container})
    found = workload_problem([read_pod(document)], None)
    assert (found.reason if found else None) == reason
    assert message in (found.message if found else "")


def test_an_unschedulable_pod(pod: Any) -> None:
    document = pod(ready=False)
    document["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
         "message": "0/3 nodes are available: 3 Insufficient memory"}
    ]  # fmt: skip
    found = workload_problem([read_pod(document)], None)
    assert found is not None
    assert found.reason is Reason.UNSCHEDULABLE
    assert "Insufficient memory" in found.message


def test_a_quota_speaks_before_anything_else(pod: Any) -> None:
    deployment = {
        "status": {
            "conditions": [
                {"type": "ReplicaFailure", "status": "True",
                 "message": 'pods "x" is forbidden: exceeded quota: small'}
            ]
        }
    }  # fmt: skip
    found = workload_problem([read_pod(pod(**crashed(1)))], deployment)
    assert found is not None
    assert found.reason is Reason.QUOTA_EXCEEDED


REFUSALS = [
    ('pods "x" is forbidden: exceeded quota: small, requested: pods=1', Reason.QUOTA_EXCEEDED),
    ("minimum cpu usage per Container is 1, but request is 150m", Reason.QUOTA_EXCEEDED),
    ('pods "x" is forbidden: violates PodSecurity "restricted:latest"', Reason.PODS_REFUSED),
    ('admission webhook "policy.example" denied the request: no', Reason.PODS_REFUSED),
]


@pytest.mark.parametrize(("text", "reason"), REFUSALS)
def test_what_the_replica_set_cannot_create(text: str, reason: Reason) -> None:
    condition = {"type": "ReplicaFailure", "status": "True", "message": text}
    found = workload_problem([], {"status": {"conditions": [condition]}})
    assert found is not None
    assert found.reason is reason
    assert text in found.message


def test_the_proxy_in_trouble_speaks_for_the_bot_that_waits_for_it(pod: Any) -> None:
    document = pod(ready=False, state={"waiting": {"reason": "PodInitializing"}})
    proxy = {"name": "cloud-sql-proxy", **crashed(1, "instance p:r:i: 403 forbidden")}
    document["status"]["initContainerStatuses"] = [proxy]
    found = workload_problem([read_pod(document)], None)
    assert found is not None
    assert found.reason is Reason.CRASH_LOOPING
    assert "container cloud-sql-proxy" in found.message
    assert "403 forbidden" in found.message
    assert "database.cloudSQL.instance" in found.message


@given(st.integers(3, 10_000), st.integers(3, 10_000))
@settings(deadline=None)
def test_a_crash_loop_that_goes_on_says_nothing_new(one: int, other: int) -> None:
    """Each crash would otherwise be one more write of the status."""
    said = []
    for restarts in (one, other):
        container = ContainerFact("bot", False, restarts, "", "CrashLoopBackOff", "", 1, "boom")
        pod = PodFact("p", "u", "bot", "r", "", None, True, False, False, None, (container,))
        said.append(workload_problem([pod], None))
    assert said[0] == said[1]


def test_a_pull_that_is_tried_again_says_nothing_new(pod: Any) -> None:
    failed = 'failed to pull image "x:1": dial tcp 10.0.0.7:%d->1.2.3.4:443: refused'
    tries = [
        ("ErrImagePull", failed % 4001),
        ("ImagePullBackOff", 'Back-off pulling image "x:1": ErrImagePull: ' + failed % 4001),
        ("ErrImagePull", failed % 53211),
    ]
    said = {workload_problem([read_pod(pod(**waiting(*each)))], None) for each in tries}
    assert len(said) == 1


def test_a_pod_on_its_way_out_tells_nothing(pod: Any) -> None:
    document = pod(**crashed(1))
    document["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert workload_problem([read_pod(document)], None) is None


def test_only_crashes_of_this_very_rollout_end_it(pod: Any) -> None:
    """Pods of the one before may still be there and crash, or of the same one before a restart."""
    now = {"vertice.dev/revision": "my-bot-b", "vertice.dev/restarted-at": "today"}
    rollout = ("my-bot-b", "today", "")
    others = [
        read_pod(pod("old", annotations=now | {"vertice.dev/revision": "my-bot-a"}, **crashed(1))),
        read_pod(pod("before", annotations={"vertice.dev/revision": "my-bot-b"}, **crashed(1))),
        read_pod(pod("secret", annotations=now | {"vertice.dev/secret-hash": "1"}, **crashed(1))),
        read_pod(pod("new", annotations=now)),
        read_pod(pod("twice", annotations=now, **crashed(1, restarts=2))),
    ]
    assert not crash_loops(others, rollout)
    broken = read_pod(pod("broken", annotations=now, **crashed(1, restarts=3)))
    assert crash_loops([*others, broken], rollout)
