"""How many shards and replicas there are, and what changes the number."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from vertice_operator.api.rule import Rule
from vertice_operator.api.v1alpha1.base import ApiModel, Bool, HttpURL, Int


def _shard_count(value: int | str) -> int | str:
    if isinstance(value, int) and not 1 <= value <= 4096:
        raise ValueError("must be from 1 to 4096, or auto")
    return value


ShardCount = Annotated[
    Int | Literal["auto"],
    AfterValidator(_shard_count),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "minimum": 1,
            "maximum": 4096,
            "maxLength": 4,
            "pattern": "^auto$",
        }
    ),
]


class Handover(StrEnum):
    """How a shard moves between replicas."""

    RESUME = "Resume"
    REIDENTIFY = "Reidentify"


class ShardsSpec(ApiModel):
    """Shards and their ownership."""

    count: ShardCount = "auto"
    """Total number of shards, 1 to 4096, or auto: about twice maxReplicas and at least what
    Discord recommends. Fixed once chosen; a change is a re-shard, which closes every session."""
    max_per_replica: Annotated[Int, Field(ge=1, le=128)] = 16
    """Most shards that one replica should hold; raises the least number of replicas."""
    standby: Annotated[Int, Field(ge=0, le=3)] = 0
    """Replicas allowed beyond the number of shards, ready to take over at once."""
    lease_seconds: Annotated[Int, Field(ge=6, le=120)] = 6
    """How long a replica owns a shard without renewing; bounds the gap after a crash."""
    renew_seconds: Annotated[Int, Field(ge=1, le=30)] = 2
    """How often ownership is renewed."""
    handover: Handover = Handover.RESUME
    """Resume moves the live session; Reidentify opens a new one and costs identify budget."""

    RULES: ClassVar = (
        Rule(
            name="shards-renew-within-lease",
            cel="self.renewSeconds * 2 < self.leaseSeconds",
            message="renewSeconds must be less than half of leaseSeconds, so that one lost "
            "renewal does not lose the shard",
            holds=lambda shards: shards.renew_seconds * 2 < shards.lease_seconds,
            field=".renewSeconds",
        ),
    )


class ScalingEngine(StrEnum):
    """Who scales."""

    HPA = "HPA"
    KEDA = "KEDA"


class SelectPolicy(StrEnum):
    """Which of several policies counts."""

    MAX = "Max"
    MIN = "Min"
    DISABLED = "Disabled"


class ScalingPolicy(ApiModel):
    """One limit on the speed of scaling."""

    type: Literal["Pods", "Percent"]
    """Whether value counts pods or per cent of the present pods."""
    value: Annotated[Int, Field(ge=1, le=1000)]
    """Largest change within one period."""
    period_seconds: Annotated[Int, Field(ge=1, le=1800)]
    """Length of the period."""


def _policies(*policies: ScalingPolicy) -> Any:
    return Field(
        default=policies,
        min_length=1,
        max_length=5,
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )


class ScaleUp(ApiModel):
    """Speed of scaling up; the default adds one pod a minute."""

    stabilization_window_seconds: Annotated[Int, Field(ge=0, le=3600)] = 60
    """How long a recommendation must last before it is followed."""
    select_policy: SelectPolicy = SelectPolicy.MAX
    """Which policy counts where there are several."""
    policies: tuple[ScalingPolicy, ...] = _policies(
        ScalingPolicy(type="Pods", value=1, period_seconds=60)
    )
    """Limits on the speed."""


class ScaleDown(ApiModel):
    """Speed of scaling down; the default removes one pod in five minutes, to spare sessions."""

    stabilization_window_seconds: Annotated[Int, Field(ge=0, le=3600)] = 600
    """How long a recommendation must last before it is followed."""
    select_policy: SelectPolicy = SelectPolicy.MIN
    """Which policy counts where there are several."""
    policies: tuple[ScalingPolicy, ...] = _policies(
        ScalingPolicy(type="Pods", value=1, period_seconds=300)
    )
    """Limits on the speed."""


class ScalingBehavior(ApiModel):
    """Speed of scaling in both directions."""

    scale_up: ScaleUp = ScaleUp()
    """Speed of scaling up."""
    scale_down: ScaleDown = ScaleDown()
    """Speed of scaling down."""


class PrometheusSource(ApiModel):
    """The Prometheus that KEDA asks."""

    server_address: HttpURL
    """Address of Prometheus, such as http://prometheus-k8s.monitoring.svc:9090."""


Utilization = Annotated[Int, Field(ge=10, le=95)]
BusyRatio = Annotated[
    str, Field(max_length=8, pattern=r"^(0\.0*[1-9][0-9]*|1|1\.0|[1-9][0-9]{0,2}m|1000m)$")
]


class AutoscalingSpec(ApiModel):
    """Scaling by load. The Deployment is the target; replicas of the resource is then ignored."""

    enabled: Bool = False
    """Scale by load."""
    engine: ScalingEngine = ScalingEngine.HPA
    """HPA makes a HorizontalPodAutoscaler, KEDA a ScaledObject."""
    min_replicas: Annotated[Int, Field(ge=1, le=100)] = 1
    """Fewest replicas."""
    max_replicas: Annotated[Int, Field(ge=1, le=100)] = 3
    """Most replicas. More than shards plus standby are never started (reason LimitedByShards)."""
    cpu_utilization: Utilization | None = None
    """Target CPU use of the bot container in per cent of its request. Where no target is given
    at all, this one is 70."""
    memory_utilization: Utilization | None = None
    """Target memory use in per cent of the request. Python seldom gives memory back, so this
    tends to keep replicas running."""
    busy_ratio: BusyRatio | None = None
    """Target of vertice_handler_busy_ratio, such as 0.7 or 700m. With the HPA it needs an adapter
    that serves the metric; with KEDA only Prometheus, and the target is 0.7 where none is given."""
    behavior: ScalingBehavior = ScalingBehavior()
    """Speed of scaling. The defaults are slow, because every move of a shard costs a hand-over."""
    prometheus: PrometheusSource | None = None
    """Where KEDA finds the metrics. Required with engine KEDA."""

    RULES: ClassVar = (
        Rule(
            name="autoscaling-min-not-above-max",
            cel="self.minReplicas <= self.maxReplicas",
            message="minReplicas must not be more than maxReplicas",
            holds=lambda scaling: scaling.min_replicas <= scaling.max_replicas,
            field=".minReplicas",
        ),
        Rule(
            name="autoscaling-keda-needs-prometheus",
            cel="self.engine != 'KEDA' || has(self.prometheus)",
            message="engine KEDA needs prometheus.serverAddress",
            holds=lambda scaling: (
                scaling.engine is not ScalingEngine.KEDA or scaling.prometheus is not None
            ),
            field=".prometheus",
            reason="FieldValueRequired",
        ),
    )

    @property
    def cpu_target(self) -> int | None:
        """CPU target in per cent; 70 where the resource names no target at all."""
        if self.memory_utilization is None and self.busy_ratio is None:
            return self.cpu_utilization or 70
        return self.cpu_utilization

    @property
    def keda_busy_ratio(self) -> str:
        """Target of the busy ratio with KEDA, which always asks Prometheus."""
        return self.busy_ratio or "0.7"
