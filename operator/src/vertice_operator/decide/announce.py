"""What is worth an Event: transitions only, each with a reason from one list.

A healthy new bot causes no Event, and neither does a reconcile that finds nothing new.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

from vertice_operator.api.conditions import ConditionStatus, ConditionType, Reason
from vertice_operator.api.v1alpha1.status import ChildState, DiscordBotStatus
from vertice_operator.decide.drain import Drain, Help
from vertice_operator.decide.outcome import Outcome
from vertice_operator.decide.plan import Act, Plan


class EventReason(enum.StrEnum):
    """Every reason of an Event, with what it tells."""

    DRIFT_CORRECTED = "DriftCorrected"
    """Somebody changed or deleted a child, and it was put right."""
    PRUNED = "Pruned"
    """A child that is no longer wanted was deleted."""
    ROLLOUT_STARTED = "RolloutStarted"
    """The pod template changed; the message names the first difference."""
    ROLLOUT_FINISHED = "RolloutFinished"
    """All pods run the wanted revision."""
    ROLLOUT_FAILED = "RolloutFailed"
    """A roll-out does not get on; the running pods stay. The message says what to do."""
    ROLLED_BACK = "RolledBack"
    """A failed roll-out went back to the last good revision."""
    SECRET_ROTATED = "SecretRotated"  # noqa: S105 - a reason, not a secret
    """The content of a referenced Secret changed; the pods are rolled."""
    MIGRATION_FAILED = "MigrationFailed"
    """The migration Job failed; the running revision stays."""
    DRAIN_HELPED = "DrainHelped"
    """The node of the only pod is cordoned; a second pod starts before the first may go."""
    DRAIN_FINISHED = "DrainFinished"
    """The bot left the cordoned node, or the node takes pods again; one replica is enough."""
    DRAIN_NOT_HELPED = "DrainNotHelped"
    """No second pod became Ready in time; the drain may take the only one."""
    TOKEN_CONFLICT = "TokenConflict"  # noqa: S105 - a reason, not a secret
    """An older resource uses the same bot token."""
    REFUSED = "Refused"
    """The spec, a Secret or a child cannot be used as it is."""
    UNAVAILABLE = "Unavailable"
    """The pods do not serve; the message says what to do."""
    MONITORING_SKIPPED = "MonitoringSkipped"
    """The monitoring kinds are not installed."""
    DEGRADED = "Degraded"
    """Something that the running bot depends on is impaired."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One Event to post."""

    reason: EventReason
    message: str
    warning: bool = False


_BAD: dict[ConditionType, EventReason] = {
    ConditionType.SPEC_ACCEPTED: EventReason.REFUSED,
    ConditionType.SECRETS_RESOLVED: EventReason.REFUSED,
    ConditionType.WORKLOAD_AVAILABLE: EventReason.UNAVAILABLE,
    ConditionType.ROLLED_OUT: EventReason.ROLLOUT_FAILED,
    ConditionType.DATABASE_MIGRATED: EventReason.MIGRATION_FAILED,
    ConditionType.MONITORING_READY: EventReason.MONITORING_SKIPPED,
}
_SPECIAL: dict[str, EventReason] = {
    Reason.TOKEN_CONFLICT: EventReason.TOKEN_CONFLICT,
    Reason.ROLLED_BACK: EventReason.ROLLED_BACK,
    Reason.SCHEMA_MISMATCH: EventReason.DEGRADED,
}
_QUIET = frozenset(
    {Reason.SUSPENDED, Reason.MINIMUM_REPLICAS_UNAVAILABLE, Reason.MONITORING_CRDS_MISSING}
)
"""Reasons that are normal in the life of a bot, or told by the condition well enough."""


def of_work(plan: Plan, outcome: Outcome) -> Iterator[Announcement]:
    """Tell what was done to the children, as soon as it is done."""
    done = {(each.kind, each.name): each for each in outcome.results if each.wrote}
    for step in plan.steps:
        if step.act is not Act.APPLY or (step.kind.kind, step.name) not in done:
            continue
        if step.drift:
            message = f"{step.kind.kind} {step.name}: {step.because}"
            yield Announcement(EventReason.DRIFT_CORRECTED, message)
        elif step.kind.kind == "Deployment" and "spec.template" in step.because:
            yield Announcement(EventReason.ROLLOUT_STARTED, f"because of {step.because}")
    if any(each.wrote and each.kind == "Deployment" for each in outcome.results):
        yield from _of_drain(plan.drain)
    for each in outcome.results:
        if each.state is ChildState.PRUNED:
            yield Announcement(EventReason.PRUNED, f"{each.kind} {each.name} is no longer wanted")


def _of_drain(drain: Drain) -> Iterator[Announcement]:
    """Tell the beginning and the end of help; the Deployment remembers that there was some."""
    if drain.help is Help.GIVEN and drain.before is None:
        message = (
            f"node {drain.node} is cordoned and has the only pod, {drain.pod}: a second one "
            "starts, and the first can be evicted once that one is Ready"
        )
        yield Announcement(EventReason.DRAIN_HELPED, message)
    elif drain.help is Help.ENDED and drain.before is not None:
        message = (
            f"no second pod became Ready in time: pod {drain.pod} may now be evicted from node "
            f"{drain.node} as it is"
        )
        yield Announcement(EventReason.DRAIN_NOT_HELPED, message, warning=True)
    elif drain.help is Help.NOT_NEEDED and drain.before is not None:
        message = (
            f"one replica is enough again: the bot runs on another node than {drain.before}, or "
            "that node takes pods again"
        )
        yield Announcement(EventReason.DRAIN_FINISHED, message)


def of_status(old: DiscordBotStatus, new: DiscordBotStatus) -> Iterator[Announcement]:
    """Tell what changed from one status to the next."""
    if old.secret_hash and new.secret_hash and old.secret_hash != new.secret_hash:
        yield Announcement(EventReason.SECRET_ROTATED, "the content of a referenced Secret changed")
    rolled = new.condition(ConditionType.ROLLED_OUT)
    before = old.condition(ConditionType.ROLLED_OUT)
    finished = rolled is not None and rolled.status is ConditionStatus.TRUE
    if finished and before is not None and before.status is not ConditionStatus.TRUE:
        image = new.image.current if new.image else None
        yield Announcement(EventReason.ROLLOUT_FINISHED, f"all pods run {image or 'the spec'}")
    for condition in new.conditions:
        kind = ConditionType(condition.type)
        former = old.condition(kind)
        same = former is not None and (former.status, former.reason) == (
            condition.status,
            condition.reason,
        )
        bad = (
            condition.status is ConditionStatus.TRUE
            if kind is ConditionType.DEGRADED
            else condition.status is ConditionStatus.FALSE and kind in _BAD
        )
        if bad and not same and condition.reason not in _QUIET:
            reason = _SPECIAL.get(condition.reason) or _BAD.get(kind) or EventReason.DEGRADED
            yield Announcement(reason, condition.message, warning=True)
