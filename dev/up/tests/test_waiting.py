"""Judging what the cluster shows, and saying why something is not up."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.errors import ClusterError
from dev.cluster.kubectl import Kubectl
from dev.cluster.progress import Progress
from dev.up.diagnosis import crash_looping, pod_problems
from dev.up.waiting import Verdict, deployment_verdict, ready_verdict, wait_for, with_problems


def resource(observed: int, ready: str, rolled_out: str) -> dict[str, Any]:
    conditions = [
        {"type": kind, "status": status, "reason": kind[0], "message": "m"}
        for kind, status in (("RolledOut", rolled_out), ("Ready", ready))
    ]
    return {
        "metadata": {"generation": 2},
        "status": {"observedGeneration": observed, "conditions": conditions},
    }


UNSEEN = Verdict(False, "the operator has not looked at it yet")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (resource(2, "True", "True"), Verdict(True, "Ready")),
        (resource(1, "True", "True"), Verdict(False, "R: m")),
        (resource(2, "False", "True"), Verdict(False, "R: m")),
        (resource(2, "True", "Unknown"), Verdict(False, "R: m")),
        ({"metadata": {"generation": 1}}, UNSEEN),
        ({"metadata": {"generation": 1}, "status": {"conditions": []}}, UNSEEN),
    ],
    ids=["ready", "ready for an older spec", "not ready", "rolling", "unseen", "empty"],
)
def test_a_bot_is_ready_for_its_present_spec(found: dict[str, Any], expected: Verdict) -> None:
    assert ready_verdict(found) == expected


def test_a_missing_dependency_is_said_beside_the_reason() -> None:
    found = resource(2, "False", "True")
    degraded = {"type": "Degraded", "status": "True", "reason": "D", "message": "discord: gone"}
    found["status"]["conditions"].append(degraded)
    assert ready_verdict(found).text == "R: m; D: discord: gone"


@pytest.mark.parametrize(
    ("counts", "observed", "done"),
    [((2, 2, 2), 3, True), ((2, 2, 2), 2, False), ((1, 3, 2), 3, False), ((2, 2, 1), 3, False)],
    ids=["up", "unseen", "rolling", "unavailable"],
)
def test_a_deployment_is_up_when_only_new_pods_are_there(
    counts: tuple[int, int, int], observed: int, done: bool
) -> None:
    keys = ("updatedReplicas", "replicas", "availableReplicas")
    status = {"observedGeneration": observed, **dict(zip(keys, counts, strict=True))}
    found = {"metadata": {"generation": 3}, "spec": {"replicas": 2}, "status": status}
    assert deployment_verdict(found).done is done


def container(**entry: Any) -> dict[str, Any]:
    return {"name": "c", "ready": False, "restartCount": 0, "state": {}, **entry}


def pod(*containers: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web-1"},
        "status": {"containerStatuses": list(containers), **status},
    }


LOOPING = container(
    restartCount=3,
    state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
    lastState={"terminated": {"exitCode": 69, "message": "token refused\n"}},
)
PULLING = container(state={"waiting": {"reason": "ErrImagePull", "message": "no such image"}})
UNSCHEDULED = {"type": "PodScheduled", "status": "False", "reason": "U", "message": "no cpu"}


@pytest.mark.parametrize(
    ("seen", "problems"),
    [
        (pod(container(ready=True)), []),
        (pod(PULLING), [("c", "ErrImagePull no such image")]),
        (
            pod(LOOPING),
            [
                (
                    "c",
                    "CrashLoopBackOff back-off; last ended with 69: token refused; 3 restarts",
                )
            ],
        ),
        (pod(container(state={"running": {}})), [("c", "runs, not ready")]),
        (pod(conditions=[UNSCHEDULED]), [("", "U: no cpu")]),
        (pod(container(state={"terminated": {"exitCode": 0}}), phase="Succeeded"), []),
    ],
    ids=["well", "no image", "crash loop", "not ready", "unscheduled", "finished job"],
)
def test_what_is_wrong_is_said_in_the_clusters_words(
    seen: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    assert list(pod_problems(seen)) == problems


def test_only_a_lasting_crash_loop_ends_the_wait() -> None:
    assert crash_looping(pod(LOOPING))
    assert not crash_looping(pod({**LOOPING, "restartCount": 2}))
    assert not crash_looping(pod(PULLING))
    others = [{**pod(LOOPING), "metadata": {"name": "other-1"}}]
    assert with_problems(Verdict(False, "0 of 1"), "web", others) == Verdict(False, "0 of 1")
    assert with_problems(Verdict(False, "0 of 1"), "web", [pod(LOOPING)]).hopeless


@pytest.fixture
def kubectl(tmp_path: Path) -> Kubectl:
    """A program that answers like kubectl on a namespace with one broken pod."""
    program = tmp_path / "kubectl"
    program.write_text(
        "#!/bin/sh\n"
        'case "$2" in\n'
        "logs) echo 'ImportError: x';;\n"
        'get) case "$3" in\n'
        '  pods) echo \'{"items": [{"metadata": {"name": "web-1"}, "status":'
        ' {"containerStatuses": [{"name": "c", "ready": false, "restartCount": 1, "state": {}}]}}]}'
        "';;\n"
        '  events) echo \'{"items": [{"metadata": {}, "involvedObject": {"kind": "Pod",'
        ' "name": "web-1"}, "reason": "Unhealthy", "message": "probe failed"}]}'
        "';;\n"
        "  esac;;\n"
        "esac\n"
    )
    program.chmod(0o755)
    return Kubectl(program, tmp_path / "kubeconfig")


def run(kubectl: Kubectl, verdicts: Iterator[Verdict], seconds: float) -> list[str]:
    stream = io.StringIO()
    progress = Progress(stream)
    try:
        wait_for(
            "web",
            lambda: next(verdicts),
            seconds,
            progress,
            kubectl=kubectl,
            namespaces=("n",),
        )
    finally:
        lines = [line.split("] ", 1)[1] for line in stream.getvalue().splitlines()]
    return lines


def test_each_change_is_said_once(kubectl: Kubectl) -> None:
    verdicts = iter([Verdict(False, "a"), Verdict(False, "a"), Verdict(True, "b")])
    assert run(kubectl, verdicts, 30) == ["web: a", "web: ready"]


@pytest.mark.parametrize(("hopeless", "seconds"), [(True, 600.0), (False, 0.0)])
def test_the_end_of_patience_shows_pods_logs_and_warnings(
    hopeless: bool, seconds: float, kubectl: Kubectl
) -> None:
    def forever() -> Iterator[Verdict]:
        while True:
            yield Verdict(False, "stuck", hopeless=hopeless)

    with pytest.raises(ClusterError) as ended:
        run(kubectl, forever(), seconds)
    assert str(ended.value).splitlines() == [
        "web: not ready: stuck",
        "  pod n/web-1 c: 1 restarts",
        "    | ImportError: x",
        "  warning Pod/web-1: Unhealthy: probe failed",
    ]
