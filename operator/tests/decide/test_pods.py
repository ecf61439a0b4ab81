from typing import Any

import pytest

from vertice_operator.api.conditions import Reason
from vertice_operator.decide.pods import newest_crash_loops, read_pod, workload_problem


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"ready": False, "state": {"waiting": {"reason": reason, "message": message}}}


def crashed(code: int, message: str = "", restarts: int = 4) -> dict[str, Any]:
    return {
        "ready": False,
        "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": code, "message": message}},
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
        crashed(70, "", 1), Reason.CRASH_LOOPING, "crashed 2 times: exit code 70.", id="crash"
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


def test_a_pod_on_its_way_out_tells_nothing(pod: Any) -> None:
    document = pod(**crashed(1))
    document["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert workload_problem([read_pod(document)], None) is None


def test_only_crashes_of_the_newest_revision_end_a_rollout(pod: Any) -> None:
    old = read_pod(pod("old", revision="r1", created="2026-01-01T00:00:00Z", **crashed(1)))
    new = read_pod(pod("new", revision="r2", created="2026-01-02T00:00:00Z"))
    broken = read_pod(
        pod("broken", revision="r2", created="2026-01-02T00:00:01Z", **crashed(1, restarts=3))
    )
    assert not newest_crash_loops([])
    assert not newest_crash_loops([old, new])
    assert newest_crash_loops([old, new, broken])
