"""Waiting for the cluster, with every change of the reason shown."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dev.cluster.errors import ClusterError
from dev.cluster.kubectl import Kubectl
from dev.cluster.progress import Progress
from dev.up.diagnosis import crash_looping, explain, pod_problems


@dataclass(frozen=True)
class Verdict:
    """What one look found.

    Attributes:
        done: The wait is over.
        text: What there is to say about the state; shown when it changes.
        hopeless: Waiting longer changes nothing.
    """

    done: bool
    text: str
    hopeless: bool = False


def ready_verdict(bot: Mapping[str, Any]) -> Verdict:
    """Judge a DiscordBot: Ready, and rolled out, for its current generation.

    A bot stays Ready while its pods are replaced one after another, so Ready alone may speak of
    pods of the spec before.
    """
    status = bot.get("status", {})
    found = {condition["type"]: condition for condition in status.get("conditions", [])}
    current = bot["metadata"]["generation"]
    for kind in ("Ready", "RolledOut"):
        condition = found.get(kind)
        if condition is None:
            return Verdict(done=False, text="the operator has not looked at it yet")
        seen = condition.get("observedGeneration", status.get("observedGeneration"))
        if condition["status"] != "True" or seen != current:
            return Verdict(done=False, text="; ".join([_said(condition), *_impaired(found)]))
    return Verdict(done=True, text="Ready")


def _said(condition: Mapping[str, Any]) -> str:
    return f"{condition.get('reason')}: {condition.get('message', '')}".removesuffix(": ")


def _impaired(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the bot depends on and misses often is the reason behind the reason."""
    degraded = found.get("Degraded", {})
    return [_said(degraded)] if degraded.get("status") == "True" else []


def deployment_verdict(deployment: Mapping[str, Any]) -> Verdict:
    """Judge a Deployment as ``kubectl rollout status`` does."""
    status = deployment.get("status", {})
    wanted = deployment["spec"].get("replicas", 1)
    counts = [status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas")]
    seen = status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
    return Verdict(seen and counts == [wanted] * 3, f"{counts[2]} of {wanted} available")


def with_problems(verdict: Verdict, name: str, pods: Iterable[Mapping[str, Any]]) -> Verdict:
    """Add to a verdict on a Deployment what is wrong in its pods."""
    own = [pod for pod in pods if pod["metadata"]["name"].startswith(f"{name}-")]
    found = [
        f"{container}: {text}".removeprefix(": ")
        for pod in own
        for container, text in pod_problems(pod)
    ]
    text = "; ".join([verdict.text, *found])
    return Verdict(verdict.done, text, hopeless=any(crash_looping(pod) for pod in own))


def wait_for(
    what: str,
    look: Callable[[], Verdict],
    seconds: float,
    progress: Progress,
    *,
    kubectl: Kubectl,
    namespaces: tuple[str, ...],
) -> None:
    """Look once a second until it is done.

    Args:
        what: Named in the lines and in the error.
        look: Asks the cluster.
        seconds: How long to wait at most.
        progress: Told every change.
        kubectl: Asked for the reasons when the time is over.
        namespaces: Where to look for the reasons.

    Raises:
        ClusterError: Not done in time; with what the pods, logs and warnings say.
    """
    deadline = time.monotonic() + seconds
    shown = ""
    while not (verdict := look()).done:
        if verdict.text != shown:
            shown = verdict.text
            progress.say(f"{what}: {shown}")
        if verdict.hopeless or time.monotonic() > deadline:
            reports = "\n".join(explain(kubectl, namespace) for namespace in namespaces)
            raise ClusterError(f"{what}: not ready: {shown}\n{reports}")
        time.sleep(1)
    progress.say(f"{what}: ready")
