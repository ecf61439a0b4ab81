"""How pods come and go: roll-out, drain, disruption budget, probes, placement."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from vertice_operator.api.names import RESERVED_PREFIXES
from vertice_operator.api.rule import Rule
from vertice_operator.api.v1alpha1.base import (
    Annotations,
    ApiModel,
    Bool,
    CountOrPercent,
    FreeForm,
    Int,
    Labels,
    LabelValue,
    ObjectName,
    PositiveCountOrPercent,
)

_ZERO = (0, "0", "0%")


class RolloutSpec(ApiModel):
    """How a new revision replaces the old one."""

    max_surge: CountOrPercent = 1
    """Pods allowed above the wanted number."""
    max_unavailable: CountOrPercent = 0
    """Pods allowed to be missing."""
    min_ready_seconds: Annotated[Int, Field(ge=0, le=3600)] = 10
    """How long a pod must be ready before it counts."""
    progress_deadline_seconds: Annotated[Int, Field(ge=30, le=7200)] = 600
    """After this long without progress a roll-out has failed."""
    auto_rollback: Bool = True
    """Go back to the last good revision, image and configuration, when a roll-out fails or its
    pods crash-loop. status.history lists the revisions."""
    adopt_operator_defaults: Bool = False
    """Follow the defaults of a newer operator (images and all else that changes the pods) at
    once. Off: default images stay until image or restartAt change, all else until the next change
    of the spec that reaches the pods."""

    RULES: ClassVar = (
        Rule(
            name="rollout-not-both-zero",
            cel="!(string(self.maxSurge) in ['0', '0%'] && "
            "string(self.maxUnavailable) in ['0', '0%'])",
            message="maxSurge and maxUnavailable cannot both be 0: no pod could be replaced",
            holds=lambda rollout: (
                rollout.max_surge not in _ZERO or rollout.max_unavailable not in _ZERO
            ),
            field=".maxSurge",
        ),
        Rule(
            name="rollout-deadline-after-min-ready",
            cel="self.progressDeadlineSeconds > self.minReadySeconds",
            message="progressDeadlineSeconds must be more than minReadySeconds",
            holds=lambda rollout: rollout.progress_deadline_seconds > rollout.min_ready_seconds,
            field=".progressDeadlineSeconds",
        ),
    )


class DrainSpec(ApiModel):
    """What happens between SIGTERM and the end of a pod."""

    grace_period_seconds: Annotated[Int, Field(ge=15, le=3600)] = 60
    """Time from SIGTERM to SIGKILL."""
    drain_seconds: Annotated[Int, Field(ge=0, le=3585)] = 30
    """Time for running handlers, after the shards are handed over. The 15 seconds that must be
    left in the grace period write what is in memory and close the connections."""

    RULES: ClassVar = (
        Rule(
            name="drain-within-grace",
            cel="self.drainSeconds + 15 <= self.gracePeriodSeconds",
            message="drainSeconds must be at least 15 less than gracePeriodSeconds",
            holds=lambda drain: drain.drain_seconds + 15 <= drain.grace_period_seconds,
            field=".drainSeconds",
        ),
    )


class DisruptionSpec(ApiModel):
    """The PodDisruptionBudget. Unhealthy pods may always be evicted."""

    enabled: Bool = True
    """Make a PodDisruptionBudget."""
    max_unavailable: PositiveCountOrPercent | None = None
    """Pods that a drain may take at once; never 0, which would block every drain. Absent, and no
    minAvailable: 1."""
    min_available: Annotated[Int, Field(ge=1, le=99)] | None = None
    """Pods that a drain must leave, as a number; less than the least number of replicas, or no
    node could ever be drained."""

    RULES: ClassVar = (
        Rule(
            name="pdb-one-of",
            cel="!(has(self.maxUnavailable) && has(self.minAvailable))",
            message="give at most one of maxUnavailable and minAvailable",
            holds=lambda pdb: pdb.max_unavailable is None or pdb.min_available is None,
        ),
    )


class ProbeSpec(ApiModel):
    """Timing of one probe. What is left out has the operator's value."""

    period_seconds: Annotated[Int, Field(ge=1, le=300)] | None = None
    """How often the kubelet asks."""
    timeout_seconds: Annotated[Int, Field(ge=1, le=60)] | None = None
    """How long it waits for the answer."""
    failure_threshold: Annotated[Int, Field(ge=1, le=240)] | None = None
    """How many failures in a row count."""


class StartupProbe(ProbeSpec):
    """Timing of the start-up probe; two minutes in all by default."""

    period_seconds: Annotated[Int, Field(ge=1, le=300)] = 5
    """How often the kubelet asks."""
    timeout_seconds: Annotated[Int, Field(ge=1, le=60)] = 3
    """How long it waits for the answer."""
    failure_threshold: Annotated[Int, Field(ge=1, le=240)] = 24
    """How many failures in a row restart the container."""


class ReadinessProbe(ProbeSpec):
    """Timing of the readiness probe. It never asks for Discord."""

    period_seconds: Annotated[Int, Field(ge=1, le=300)] = 5
    """How often the kubelet asks."""
    timeout_seconds: Annotated[Int, Field(ge=1, le=60)] = 3
    """How long it waits for the answer."""
    failure_threshold: Annotated[Int, Field(ge=1, le=240)] = 3
    """How many failures in a row make the pod not ready."""


class LivenessProbe(ProbeSpec):
    """Timing of the liveness probe. It asks for neither Discord nor Postgres nor Redis."""

    period_seconds: Annotated[Int, Field(ge=1, le=300)] = 15
    """How often the kubelet asks."""
    timeout_seconds: Annotated[Int, Field(ge=1, le=60)] = 5
    """How long it waits for the answer."""
    failure_threshold: Annotated[Int, Field(ge=1, le=240)] = 4
    """How many failures in a row restart the container."""


class ProbesSpec(ApiModel):
    """Timing of the bot's probes."""

    startup: StartupProbe = StartupProbe()
    """The start-up probe."""
    readiness: ReadinessProbe = ReadinessProbe()
    """The readiness probe."""
    liveness: LivenessProbe = LivenessProbe()
    """The liveness probe."""


def _unreserved(field: str, camel: str) -> Rule:
    tests = " && ".join(f"!key.startsWith('{prefix}')" for prefix in RESERVED_PREFIXES)
    return Rule(
        name=f"scheduling-{camel}-not-reserved",
        cel=f"!has(self.{camel}) || self.{camel}.all(key, {tests})",
        message=f"keys of {camel} under {' and '.join(RESERVED_PREFIXES)} belong to the operator",
        holds=lambda scheduling: (
            not any(key.startswith(RESERVED_PREFIXES) for key in getattr(scheduling, field))
        ),
        field=f".{camel}",
        reason="FieldValueForbidden",
    )


def _atomic(most: int) -> Any:
    return Field(max_length=most, json_schema_extra={"x-kubernetes-list-type": "atomic"})


class SchedulingSpec(ApiModel):
    """Where pods run and what is written on them."""

    pod_labels: Labels = Field(default_factory=dict)
    """More labels of the pods."""
    pod_annotations: Annotations = Field(default_factory=dict)
    """More annotations of the pods."""
    node_selector: Annotated[dict[str, LabelValue], Field(max_length=32)] = Field(
        default_factory=dict
    )
    """Labels that a node must have."""
    tolerations: Annotated[tuple[FreeForm, ...], _atomic(32)] = ()
    """Tolerations, as in a Pod."""
    affinity: FreeForm | None = None
    """Affinity, as in a Pod."""
    topology_spread_constraints: Annotated[tuple[FreeForm, ...], _atomic(16)] | None = None
    """Spread, as in a Pod. Absent: over hosts and zones as well as possible. Empty: none."""
    priority_class_name: ObjectName | None = None
    """An existing PriorityClass."""

    RULES: ClassVar = (
        _unreserved("pod_labels", "podLabels"),
        _unreserved("pod_annotations", "podAnnotations"),
    )
