"""Why something does not come up, in the cluster's own words: pods, logs and warnings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dev.cluster.kubectl import Kubectl

_LOG_LINES = 15
_WARNINGS = 8
_HOPELESS_RESTARTS = 3


def pod_problems(pod: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield ``(container, what is wrong)`` for each container that is not well."""
    status = pod.get("status", {})
    for condition in status.get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] != "True":
            yield "", f"{condition.get('reason')}: {condition.get('message')}"
    completed = status.get("phase") == "Succeeded"
    for entry in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        if entry.get("ready") or completed:
            continue
        if text := _state(entry):
            yield entry["name"], text


def crash_looping(pod: Mapping[str, Any]) -> bool:
    """Whether a container of the pod has ended again and again, so that waiting is in vain."""
    return any(
        entry.get("restartCount", 0) >= _HOPELESS_RESTARTS
        and entry.get("state", {}).get("waiting", {}).get("reason") == "CrashLoopBackOff"
        for entry in pod.get("status", {}).get("containerStatuses", [])
    )


def _state(entry: Mapping[str, Any]) -> str:
    state = entry.get("state", {})
    last = entry.get("lastState", {}).get("terminated") or state.get("terminated")
    parts = []
    if waiting := state.get("waiting"):
        parts.append(f"{waiting.get('reason')} {waiting.get('message', '')}".strip())
    elif "running" in state:
        parts.append("runs, not ready")
    if last and last.get("exitCode") != 0:
        said = (last.get("message") or last.get("reason") or "").strip()
        parts.append(f"last ended with {last.get('exitCode')}: {said}")
    if restarts := entry.get("restartCount"):
        parts.append(f"{restarts} restarts")
    return "; ".join(parts)


def explain(kubectl: Kubectl, namespace: str) -> str:
    """Return a report on a namespace: containers that are not well, their last lines, warnings."""
    lines: list[str] = []
    for pod in kubectl.get("pods", "-n", namespace)["items"]:
        name = pod["metadata"]["name"]
        for container, text in pod_problems(pod):
            lines.append(f"  pod {namespace}/{name} {container}: {text}")
            if container:
                lines += _log(kubectl, namespace, name, container)
    lines += _warnings(kubectl, namespace)
    return "\n".join(lines) or f"  namespace {namespace}: every container is ready"


def _log(kubectl: Kubectl, namespace: str, pod: str, container: str) -> list[str]:
    done = kubectl.call("logs", "-n", namespace, pod, "-c", container, f"--tail={_LOG_LINES}")
    return [f"    | {line}" for line in done.stdout.splitlines()]


def _warnings(kubectl: Kubectl, namespace: str) -> list[str]:
    found = kubectl.get("events", "-n", namespace, "--field-selector=type=Warning")["items"]
    newest = sorted(found, key=_when)[-_WARNINGS:]
    return [
        f"  warning {event['involvedObject'].get('kind')}/{event['involvedObject'].get('name')}: "
        f"{event.get('reason')}: {event.get('message')}"
        for event in newest
    ]


def _when(event: Mapping[str, Any]) -> str:
    return str(
        event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp", "")
    )
