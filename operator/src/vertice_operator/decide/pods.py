"""What is wrong with the pods, in one sentence that says what to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vertice_operator.api import names
from vertice_operator.api.conditions import Reason
from vertice_operator.decide.facts import ContainerFact, PodFact

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
                f"no node takes pod {pod.name}: {_clip(pod.unschedulable)} "
                "Add capacity, or lower resources or scheduling of the bot.",
            )
    found = [problem for pod in alive for each in pod.containers if (problem := _judge(pod, each))]
    return min(found, key=lambda each: _RANK.index(each.reason)) if found else None


_RANK = (
    Reason.IMAGE_PULL_FAILED,
    Reason.TOKEN_REFUSED,
    Reason.CONFIGURATION_REFUSED,
    Reason.CRASH_LOOPING,
)


def newest_crash_loops(pods: Iterable[PodFact]) -> bool:
    """Tell whether the newest revision crashes again and again: three restarts, still not ready."""
    alive = [pod for pod in pods if not pod.terminating]
    if not alive:
        return False
    newest = max(alive, key=lambda pod: (pod.created, pod.name)).revision
    return any(
        container.restarts >= CRASHES and not container.ready and _ended_badly(container)
        for pod in alive
        if pod.revision == newest
        for container in pod.containers
    )


def _judge(pod: PodFact, container: ContainerFact) -> Problem | None:
    where = f"container {container.name} of pod {pod.name}"
    if container.waiting in _PULL:
        return Problem(
            Reason.IMAGE_PULL_FAILED,
            f"{where} cannot pull its image: {_clip(container.waiting_message)} "
            "Check spec.image and image.pullSecrets.",
        )
    if container.waiting in _CREATE:
        return Problem(
            Reason.CONFIGURATION_REFUSED,
            f"{where} cannot start: {_clip(container.waiting_message)}",
        )
    if container.ready or not _ended_badly(container):
        return None
    if container.waiting != "CrashLoopBackOff" and container.restarts < 1:
        return None
    said = container.termination_message or f"exit code {container.exit_code}"
    if container.name == names.CONTAINER_BOT and container.exit_code == EXIT_REFUSED:
        return Problem(Reason.TOKEN_REFUSED, f"{where} was refused for good: {_clip(said)}")
    if container.name == names.CONTAINER_BOT and container.exit_code == EXIT_BAD_CONFIGURATION:
        return Problem(Reason.CONFIGURATION_REFUSED, f"{where} refuses its settings: {_clip(said)}")
    return Problem(
        Reason.CRASH_LOOPING,
        f"{where} crashed {container.restarts + 1} times: {_clip(said)} "
        f"See kubectl logs {pod.name} -c {container.name} --previous.",
    )


def _ended_badly(container: ContainerFact) -> bool:
    return container.exit_code is not None and container.exit_code != 0


def _refused_pods(deployment: Mapping[str, Any] | None) -> Problem | None:
    status = (deployment or {}).get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            text = _clip(str(condition.get("message") or ""))
            quota = "exceeded quota" in text or "LimitRange" in text
            advice = "Raise the quota or lower spec.resources." if quota else ""
            reason = Reason.QUOTA_EXCEEDED if quota else Reason.MINIMUM_REPLICAS_UNAVAILABLE
            return Problem(reason, f"pods are refused: {text} {advice}".strip())
    return None


def _clip(text: str, length: int = 400) -> str:
    """Shorten what other programs said, and end it like a sentence."""
    line = " ".join(text.split())
    line = line if len(line) <= length else f"{line[: length - 3]}..."
    return line if not line or line.endswith((".", "!", "?")) else f"{line}."
