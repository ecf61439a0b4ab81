from collections.abc import Callable
from typing import Any

import pytest

from vertice_operator.cli.show.health import Health, judge
from vertice_operator.cli.show.tree import bot_tree, draw_trees, failing, trees

Make = Callable[..., dict[str, Any]]


def deployed(**status: Any) -> dict[str, Any]:
    whole = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    return {"spec": {"replicas": 2}, "status": {**whole, **status}}


def test_a_tree(a_bot: Make, a_child: Make, a_pod: Make, draws: Callable[..., str]) -> None:
    children = [
        a_child("ConfigMap", "my-bot-config"),
        a_child("Deployment", **deployed(updatedReplicas=1, readyReplicas=1)),
        a_child("PodDisruptionBudget", owner="somebody-else"),
        a_child("HorizontalPodAutoscaler", spec={"maxReplicas": 3}, status={"currentReplicas": 2}),
    ]
    waiting = {
        "name": "bot", "ready": False, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such tag"}},
    }  # fmt: skip
    pods = [a_pod("my-bot-7f-abc", ready=False, containerStatuses=[waiting]), a_pod("my-bot-6e-x")]
    listed = [
        {"kind": "ServiceMonitor", "name": "my-bot", "state": "Skipped", "message": "no such kind"},
        {"kind": "Service", "name": "my-bot-metrics", "state": "Failed", "message": "port taken"},
        {"kind": "ServiceAccount", "name": "my-bot", "state": "Applied"},
        {"kind": "NetworkPolicy", "name": "my-bot", "state": "Applied"},
    ]
    bot = a_bot(ready=False, children=listed)
    answer = trees([bot_tree(bot, children, pods, [("NetworkPolicy", "list networkpolicies")])])
    draws("tree", answer, draw_trees(answer))
    assert failing(answer)


def test_a_healthy_tree_fails_nowhere(a_bot: Make, a_child: Make, a_pod: Make) -> None:
    deployment = a_child("Deployment", **deployed())
    answer = trees([bot_tree(a_bot(), [deployment], [a_pod("a"), a_pod("b")], [])])
    assert not failing(answer)
    ((node,),) = [each["children"] for each in answer["items"]]
    assert [each["name"] for each in node["children"]] == ["a", "b"]


def test_pods_that_may_not_be_seen_are_told(a_bot: Make) -> None:
    node = bot_tree(a_bot(), [], [], [("Pod", "list pods")])["children"][-1]
    assert (node["kind"], node["health"]) == ("Pod", "Unknown")
    assert "list pods" in node["why"]


@pytest.mark.parametrize(
    ("kind", "rest", "health", "says"),
    [
        ("Deployment", deployed(), Health.HEALTHY, "2 of 2 ready"),
        ("Deployment", deployed(updatedReplicas=1), Health.PROGRESSING, "1 of 2 updated"),
        ("Deployment", deployed(conditions=[{"type": "Progressing", "status": "False",
            "reason": "ProgressDeadlineExceeded", "message": "timed out"}]),
            Health.FAILING, "timed out"),
        ("Job", {"status": {"active": 1}}, Health.PROGRESSING, "1 running"),
        ("Job", {"status": {"conditions": [{"type": "Complete", "status": "True"}]}},
            Health.HEALTHY, "done"),
        ("Job", {"status": {"conditions": [{"type": "Failed", "status": "True",
            "message": "backoff limit"}]}}, Health.FAILING, "backoff limit"),
        ("HorizontalPodAutoscaler", {"spec": {"maxReplicas": 3}, "status": {"conditions": [
            {"type": "ScalingActive", "status": "False", "message": "no metrics"}]}},
            Health.FAILING, "no metrics"),
        ("PodDisruptionBudget", {"status": {"currentHealthy": 1, "desiredHealthy": 2}},
            Health.PROGRESSING, "1 healthy pods, 2 needed"),
        ("PodDisruptionBudget", {"status": {"disruptionsAllowed": 1}},
            Health.HEALTHY, "1 may be evicted"),
        ("ExternalSecret", {"status": {"conditions": [{"type": "Ready", "status": "False",
            "message": "no store"}]}}, Health.FAILING, "no store"),
        ("ConfigMap", {}, Health.HEALTHY, ""),
    ],
)  # fmt: skip
def test_health(a_child: Make, kind: str, rest: Any, health: Health, says: str) -> None:
    verdict = judge(a_child(kind, **rest))
    assert verdict.health is health
    assert says in verdict.why


def test_health_of_pods(a_pod: Make) -> None:
    def of(pod: dict[str, Any]) -> tuple[Health, str]:
        return judge({**pod, "kind": "Pod"})

    assert of(a_pod("a")) == (Health.HEALTHY, "")
    assert of(a_pod("a", ready=False)) == (Health.PROGRESSING, "Running, not ready")
    done = a_pod("a", ready=False, phase="Succeeded")
    assert of(done)[0] is Health.HEALTHY
    ended = a_pod("a", ready=False, phase="Failed", reason="Evicted", containerStatuses=[])
    assert of(ended) == (Health.FAILING, "Evicted")
    leaving = a_pod("a")
    leaving["metadata"]["deletionTimestamp"] = "2026-03-05T11:00:00Z"
    assert of(leaving) == (Health.PROGRESSING, "is being deleted")
