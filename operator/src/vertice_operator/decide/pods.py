"""What is wrong with the pods, in one sentence that says what to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vertice_operator.api import names
from vertice_operator.api.conditions import Reason
from vertice_operator.decide.facts import ContainerFact, PodFact, Rollout
from vertice_operator.decide.wording import sentence

_PULL = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
        "RegistryUnavailable",
    }
)
_CREATE = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
EXIT_BAD_CONFIGURATION = 2
EXIT_REFUSED = 69
CRASHES = 3
OUT_OF_MEMORY = "OOMKilled"
_OUR_CONTAINERS = frozenset({names.CONTAINER_BOT, names.CONTAINER_MIGRATE})
_KILLED = "it was killed; its liveness or startup probe failed, or the node ran out of memory"
_EXITS = {
    EXIT_BAD_CONFIGURATION: "exit code 2, bad configuration",
    EXIT_REFUSED: "exit code 69, refused for good",
    70: "exit code 70, a fault of the bot itself",
    137: f"exit code 137, {_KILLED}",
    143: f"exit code 143, {_KILLED}",
}
"""What the exit codes of the bot's own program mean, for a container that left no words."""
_PROXY_ADVICE = (
    "The bot cannot start without it: check database.cloudSQL.instance and the rights of its "
    "service account. "
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the workload is not available."""

    reason: Reason
    message: str


def read_pod(pod: Mapping[str, Any]) -> PodFact:
    """Read a Pod object into what the operator needs of it."""
    meta, status = pod["metadata"], pod.get("status") or {}
    labels = meta.get("labels") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or ()}
    scheduled = conditions.get("PodScheduled") or {}
    states = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    return PodFact(
        name=meta["name"],
        uid=meta.get("uid", ""),
        component=labels.get(names.LABEL_COMPONENT, ""),
        revision=labels.get("pod-template-hash", ""),
        created=meta.get("creationTimestamp", ""),
        ip=status.get("podIP"),
        running=status.get("phase") == "Running",
        ready=(conditions.get("Ready") or {}).get("status") == "True",
        terminating="deletionTimestamp" in meta,
        unschedulable=(
            scheduled.get("message", "") if scheduled.get("reason") == "Unschedulable" else None
        ),
        containers=tuple(_read_container(state) for state in states),
        node=(pod.get("spec") or {}).get("nodeName"),
        deletion_cost=(meta.get("annotations") or {}).get(names.ANNOTATION_DELETION_COST),
        rollout=rollout_of(meta.get("annotations") or {}),
    )


def _read_container(state: Mapping[str, Any]) -> ContainerFact:
    now, last = state.get("state") or {}, state.get("lastState") or {}
    waiting = now.get("waiting") or {}
    ended = now.get("terminated") or last.get("terminated") or {}
    return ContainerFact(
        name=state["name"],
        ready=bool(state.get("ready")),
        restarts=int(state.get("restartCount") or 0),
        image_id=str(state.get("imageID") or ""),
        waiting=waiting.get("reason"),
        waiting_message=str(waiting.get("message") or ""),
        exit_code=ended.get("exitCode"),
        termination_message=str(ended.get("message") or "").strip(),
        ended=str(ended.get("reason") or ""),
    )


def workload_problem(
    pods: Iterable[PodFact], deployment: Mapping[str, Any] | None
) -> Problem | None:
    """Return the most telling problem of the bot's pods, or None.

    Order: what the namespace refuses, what cannot be scheduled, what cannot be pulled, what
    crashes. A pod on its way out tells nothing.
    """
    refused = _refused_pods(deployment)
    if refused:
        return refused
    alive = sorted((pod for pod in pods if not pod.terminating), key=lambda pod: pod.name)
    for pod in alive:
        if pod.unschedulable is not None:
            return Problem(
                Reason.UNSCHEDULABLE,
                f"no node takes pod {pod.name}: {sentence(pod.unschedulable)} "
                "Add capacity, or lower resources or scheduling of the bot.",
            )
    found = [problem for pod in alive for each in pod.containers if (problem := _judge(pod, each))]
    return min(found, key=lambda each: _RANK.index(each.reason)) if found else None


_RANK = (
    Reason.IMAGE_PULL_FAILED,
    Reason.OUT_OF_MEMORY,
    Reason.TOKEN_REFUSED,
    Reason.CONFIGURATION_REFUSED,
    Reason.CRASH_LOOPING,
)


def live_replicas(pods: Iterable[PodFact]) -> list[PodFact]:
    """Return the replicas that run and are not on their way out; a migration is none."""
    return [
        pod
        for pod in pods
        if pod.component == names.COMPONENT_BOT and pod.running and not pod.terminating
    ]


def rollout_of(annotations: Mapping[str, str]) -> Rollout:
    """Read off a pod, or off a template, which roll-out it belongs to."""
    return (
        annotations.get(names.ANNOTATION_REVISION, ""),
        annotations.get(names.ANNOTATION_RESTARTED_AT, ""),
        annotations.get(names.ANNOTATION_SECRET_HASH, ""),
    )


def crash_loops(pods: Iterable[PodFact], rollout: Rollout) -> bool:
    """Tell whether pods of this roll-out crash again and again: three restarts, still not ready.

    Pods of an earlier roll-out may still be crashing when the next one has begun.
    """
    return any(
        container.restarts >= CRASHES and not container.ready and _ended_badly(container)
        for pod in pods
        if pod.rollout == rollout and not pod.terminating
        for container in pod.containers
    )


def _judge(pod: PodFact, container: ContainerFact) -> Problem | None:
    where = f"container {container.name} of pod {pod.name}"
    if container.waiting in _PULL:
        return Problem(
            Reason.IMAGE_PULL_FAILED,
            f"{where} cannot pull its image: {sentence(container.waiting_message)} "
            "Check spec.image and image.pullSecrets.",
        )
    if container.waiting in _CREATE:
        return Problem(
            Reason.CONFIGURATION_REFUSED,
            f"{where} cannot start: {sentence(container.waiting_message)}",
        )
    if container.ready or not _ended_badly(container):
        return None
    if container.waiting != "CrashLoopBackOff" and container.restarts < 1:
        return None
    return _crash(pod, container, where)


def _crash(pod: PodFact, container: ContainerFact, where: str) -> Problem:
    """Say why a container ends again and again: what it said itself, or what its end means."""
    if container.ended == OUT_OF_MEMORY:
        return Problem(
            Reason.OUT_OF_MEMORY,
            f"{where} used more than its memory limit and was killed. Raise resources.limits.memory"
            f"{' of database.cloudSQL.proxy' if container.name == names.CONTAINER_PROXY else ''}.",
        )
    ours = container.name in _OUR_CONTAINERS
    code = container.exit_code
    meaning = _EXITS.get(code or 0, "") if ours else ""
    said = sentence(container.termination_message or meaning or f"exit code {code}")
    if ours and code == EXIT_REFUSED:
        return Problem(Reason.TOKEN_REFUSED, f"{where} was refused for good: {said}")
    if ours and code == EXIT_BAD_CONFIGURATION:
        return Problem(Reason.CONFIGURATION_REFUSED, f"{where} refuses its settings: {said}")
    return Problem(
        Reason.CRASH_LOOPING,
        f"{where} crashed {_times(container.restarts + 1)}: {said} "
        f"{_PROXY_ADVICE if container.name == names.CONTAINER_PROXY else ''}"
        f"See kubectl logs {pod.name} -c {container.name} --previous.",
    )


def _times(number: int) -> str:
    """Count up to a few: a status that counts on would be written at each crash."""
    return f"{number} times" if number < CRASHES else f"{CRASHES} times or more"


def _ended_badly(container: ContainerFact) -> bool:
    return container.exit_code is not None and container.exit_code != 0


def _refused_pods(deployment: Mapping[str, Any] | None) -> Problem | None:
    """Read what the ReplicaSet could not create, which the Deployment repeats."""
    status = (deployment or {}).get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            text = str(condition.get("message") or "")
            if is_quota(text):
                advice = "Raise the quota or lower spec.resources."
                return Problem(
                    Reason.QUOTA_EXCEEDED, f"pods are refused: {sentence(text)} {advice}"
                )
            return Problem(Reason.PODS_REFUSED, f"pods are refused: {sentence(text)}")
    return None


def is_quota(text: str) -> bool:
    """Tell whether a refusal comes from a ResourceQuota or a LimitRange."""
    return any(each in text for each in ("exceeded quota", "LimitRange", "usage per"))
