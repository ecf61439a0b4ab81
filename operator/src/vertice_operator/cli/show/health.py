"""Is an object well, and if not, why? One judgement for each kind that can be unwell."""

import enum
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from vertice_operator.decide.pods import read_pod, workload_problem
from vertice_operator.decide.rollout import Progress, progress

Object = Mapping[str, Any]


class Health(enum.StrEnum):
    """State of an object, best first."""

    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    UNKNOWN = "Unknown"
    ABSENT = "Absent"
    FAILING = "Failing"


class Verdict(NamedTuple):
    """A state and, where it is worth a word, why."""

    health: Health
    why: str = ""


def judge(live: Object) -> Verdict:
    """Judge a live object by its own status."""
    if "deletionTimestamp" in live["metadata"]:
        return Verdict(Health.PROGRESSING, "is being deleted")
    return _JUDGES.get(live["kind"], _by_conditions)(live)


def _deployment(live: Object) -> Verdict:
    status, wanted = live.get("status") or {}, live["spec"].get("replicas", 1)
    updated, ready = status.get("updatedReplicas", 0), status.get("readyReplicas", 0)
    match progress(live):
        case Progress.COMPLETE:
            return Verdict(Health.HEALTHY, f"{ready} of {wanted} ready")
        case Progress.FAILED:
            return Verdict(Health.FAILING, f"no progress: {_message(status, 'Progressing')}")
        case _:
            why = f"{updated} of {wanted} updated, {ready} ready"
            return Verdict(Health.PROGRESSING, why)


def _pod(live: Object) -> Verdict:
    pod = read_pod(live)
    problem = workload_problem([pod], None)
    if problem is not None:
        return Verdict(Health.FAILING, f"{problem.reason.value}: {problem.message}")
    phase = (live.get("status") or {}).get("phase", "Unknown")
    if pod.ready or phase == "Succeeded":
        return Verdict(Health.HEALTHY, _restarts(pod.containers))
    if phase == "Failed":
        return Verdict(Health.FAILING, _pod_end(live))
    return Verdict(Health.PROGRESSING, f"{phase}, not ready")


def _restarts(containers: Any) -> str:
    count = sum(each.restarts for each in containers)
    return f"{count} restarts" if count > 1 else "1 restart" if count else ""


def _pod_end(live: Object) -> str:
    status = live.get("status") or {}
    return str(status.get("message") or status.get("reason") or "ended with an error")


def _job(live: Object) -> Verdict:
    status = live.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition["type"] == "Failed" and condition["status"] == "True":
            return Verdict(Health.FAILING, str(condition.get("message") or "failed"))
        if condition["type"] == "Complete" and condition["status"] == "True":
            return Verdict(Health.HEALTHY, "done")
    return Verdict(Health.PROGRESSING, f"{status.get('active', 0)} running")


def _autoscaler(live: Object) -> Verdict:
    spec, status = live["spec"], live.get("status") or {}
    for kind in ("AbleToScale", "ScalingActive"):
        condition = _condition(status, kind)
        if condition.get("status") == "False":
            return Verdict(Health.FAILING, str(condition.get("message") or kind))
    now = status.get("currentReplicas", 0)
    return Verdict(Health.HEALTHY, f"{now} of {spec.get('minReplicas', 1)}..{spec['maxReplicas']}")


def _budget(live: Object) -> Verdict:
    status = live.get("status") or {}
    healthy, needed = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    allowed = status.get("disruptionsAllowed", 0)
    if healthy < needed:
        return Verdict(Health.PROGRESSING, f"{healthy} healthy pods, {needed} needed")
    return Verdict(Health.HEALTHY, f"{allowed} may be evicted")


def _by_conditions(live: Object) -> Verdict:
    """Judge kinds of other operators by their condition Ready, and all else by being there."""
    ready = _condition(live.get("status") or {}, "Ready")
    if ready.get("status") == "False":
        return Verdict(Health.FAILING, str(ready.get("message") or ready.get("reason") or ""))
    return Verdict(Health.HEALTHY)


def _condition(status: Object, kind: str) -> Object:
    return next((each for each in status.get("conditions") or () if each["type"] == kind), {})


def _message(status: Object, kind: str) -> str:
    return str(_condition(status, kind).get("message") or kind)


_JUDGES: Mapping[str, Callable[[Object], Verdict]] = {
    "Deployment": _deployment,
    "HorizontalPodAutoscaler": _autoscaler,
    "Job": _job,
    "Pod": _pod,
    "PodDisruptionBudget": _budget,
}
