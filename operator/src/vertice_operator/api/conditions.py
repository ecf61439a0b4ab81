"""Condition types and reasons, and the merge that keeps the time of the last transition."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StrictInt,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel


class ConditionStatus(StrEnum):
    """State of a condition. Unknown means that it could not be observed or is under way."""

    TRUE = "True"
    FALSE = "False"
    UNKNOWN = "Unknown"


class ConditionType(StrEnum):
    """Every condition a DiscordBot has. All of them are set from the first reconcile on."""

    READY = "Ready"
    SPEC_ACCEPTED = "SpecAccepted"
    SECRETS_RESOLVED = "SecretsResolved"
    WORKLOAD_AVAILABLE = "WorkloadAvailable"
    ROLLED_OUT = "RolledOut"
    SHARDS_OWNED = "ShardsOwned"
    DATABASE_MIGRATED = "DatabaseMigrated"
    AUTOSCALING_READY = "AutoscalingReady"
    MONITORING_READY = "MonitoringReady"
    NETWORK_RESTRICTED = "NetworkRestricted"
    DEGRADED = "Degraded"
    PAUSED = "Paused"


class Reason(StrEnum):
    """Why a condition has its status: the machine-readable part, stable across releases."""

    # Ready
    ALL_COMPONENTS_READY = "AllComponentsReady"
    RECONCILING = "Reconciling"
    DEPENDENCIES_MISSING = "DependenciesMissing"
    WORKLOAD_UNAVAILABLE = "WorkloadUnavailable"
    SUSPENDED = "Suspended"
    DELETING = "Deleting"
    RECONCILE_FAILED = "ReconcileFailed"
    # SpecAccepted
    VALID = "Valid"
    INVALID_SPEC = "InvalidSpec"
    UNSUPPORTED_BOT_VERSION = "UnsupportedBotVersion"
    UNSUPPORTED_KUBERNETES_VERSION = "UnsupportedKubernetesVersion"
    NAME_CONFLICT = "NameConflict"
    # SecretsResolved
    RESOLVED = "Resolved"
    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 - a reason, not a secret
    SECRET_KEY_MISSING = "SecretKeyMissing"  # noqa: S105 - a reason, not a secret
    EXTERNAL_SECRET_NOT_SYNCED = "ExternalSecretNotSynced"  # noqa: S105 - a reason, not a secret
    TOKEN_CONFLICT = "TokenConflict"  # noqa: S105 - a reason, not a secret
    # WorkloadAvailable
    MINIMUM_REPLICAS_AVAILABLE = "MinimumReplicasAvailable"
    MINIMUM_REPLICAS_UNAVAILABLE = "MinimumReplicasUnavailable"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    CRASH_LOOPING = "CrashLooping"
    OUT_OF_MEMORY = "OutOfMemory"
    QUOTA_EXCEEDED = "QuotaExceeded"
    PODS_REFUSED = "PodsRefused"
    UNSCHEDULABLE = "Unschedulable"
    CONFIGURATION_REFUSED = "ConfigurationRefused"
    TOKEN_REFUSED = "TokenRefused"  # noqa: S105 - a reason, not a secret
    # RolledOut
    UP_TO_DATE = "UpToDate"
    UPDATE_AVAILABLE = "UpdateAvailable"
    ROLLOUT_IN_PROGRESS = "RolloutInProgress"
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    ROLLED_BACK = "RolledBack"
    MIGRATION_FAILED = "MigrationFailed"
    # ShardsOwned
    ALL_SHARDS_OWNED = "AllShardsOwned"
    FEWER_SHARDS_THAN_RECOMMENDED = "FewerShardsThanRecommended"
    SHARDS_UNOWNED = "ShardsUnowned"
    STATUS_UNREACHABLE = "StatusUnreachable"
    WAITING = "Waiting"
    # DatabaseMigrated
    AT_HEAD = "AtHead"
    MIGRATION_RUNNING = "MigrationRunning"
    SCHEMA_MISMATCH = "SchemaMismatch"
    NOT_CONFIGURED = "NotConfigured"
    # AutoscalingReady, MonitoringReady, NetworkRestricted
    ACTIVE = "Active"
    APPLIED = "Applied"
    DISABLED = "Disabled"
    METRICS_API_MISSING = "MetricsAPIMissing"
    HPA_UNABLE_TO_SCALE = "HPAUnableToScale"
    KEDA_MISSING = "KEDAMissing"
    LIMITED_BY_SHARDS = "LimitedByShards"
    MONITORING_CRDS_MISSING = "MonitoringCRDsMissing"
    RULE_REJECTED = "RuleRejected"
    FQDN_UNSUPPORTED = "FQDNUnsupported"
    # Degraded
    AS_EXPECTED = "AsExpected"
    DEPENDENCY_CIRCUIT_OPEN = "DependencyCircuitOpen"
    DISCORD_OUTAGE = "DiscordOutage"
    IDENTIFY_BUDGET_LOW = "IdentifyBudgetLow"
    # Paused
    PAUSED_BY_ANNOTATION = "Paused"
    NOT_PAUSED = "NotPaused"


def timestamp(moment: datetime) -> str:
    """Write a time as Kubernetes does: UTC, whole seconds, ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text_or_time(value: object) -> object:
    if not isinstance(value, (str, datetime)) or len(str(value)) > 40:
        message = "must be a time such as 2026-01-31T12:00:00Z"
        raise ValueError(message)
    return value


KubernetesTime = Annotated[
    AwareDatetime,
    BeforeValidator(_text_or_time),
    PlainSerializer(timestamp, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 40}),
]


class Condition(BaseModel):
    """One condition, as ``metav1.Condition`` has it.

    ``type`` and ``reason`` are plain strings here: a status written by a newer operator must stay
    readable for an older one. The operator itself writes only ConditionType and Reason.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )

    type: Annotated[str, Field(min_length=1, max_length=316)]
    """What the condition is about, such as Ready."""
    status: ConditionStatus
    """True, False or Unknown."""
    reason: Annotated[
        str,
        Field(min_length=1, max_length=1024, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"),
    ]
    """Why, in one word that programs can compare."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """Why, for people: names the object and the next step."""
    observed_generation: Annotated[StrictInt, Field(ge=0)] | None = None
    """The metadata.generation that this condition was decided for."""
    last_transition_time: KubernetesTime | None = None
    """When status last changed. Does not move while only reason or message change."""

    def to_dict(self) -> dict[str, object]:
        """Give the document for the status subresource."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def at(self, moment: datetime) -> Self:
        """Give the same condition with another last transition time."""
        return self.model_copy(update={"last_transition_time": moment})


_ORDER = {str(kind): place for place, kind in enumerate(ConditionType)}


def merge_conditions(
    old: Iterable[Condition], new: Iterable[Condition], now: datetime
) -> tuple[Condition, ...]:
    """Give the conditions to write: the new ones, each with the right last transition time.

    A condition whose status is the same as before keeps its time (api-conventions.md of
    kubernetes/community); otherwise it gets ``now``. Types that ``new`` leaves out are dropped,
    because status is output and nothing in it may outlive its cause. The order is that of
    ConditionType, so that an unchanged status is an unchanged document.

    Args:
        old: the conditions of the live status.
        new: the conditions decided now, each type once.
        now: the time of the decision, with a time zone.

    Raises:
        ValueError: ``new`` holds a type twice, or ``now`` has no time zone.
    """
    if now.tzinfo is None:
        raise ValueError("now must have a time zone")
    before = {condition.type: condition for condition in old}
    moment = now.astimezone(UTC).replace(microsecond=0)
    merged: dict[str, Condition] = {}
    for condition in new:
        if condition.type in merged:
            raise ValueError(f"condition {condition.type} is given twice")
        former = before.get(condition.type)
        kept = former is not None and former.status == condition.status
        since = former.last_transition_time if former is not None and kept else None
        merged[condition.type] = condition.at(since or moment)
    return tuple(sorted(merged.values(), key=lambda each: (_ORDER.get(each.type, 99), each.type)))
