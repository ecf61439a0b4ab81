"""The status document: what was observed, and nothing that changes by itself."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from vertice_operator.api import names
from vertice_operator.api.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    Reason,
    merge_conditions,
)
from vertice_operator.api.v1alpha1.scaling import ScalingEngine
from vertice_operator.api.v1alpha1.status import (
    AutoscalingStatus,
    ChildState,
    ChildStatus,
    DiscordBotStatus,
    ImageStatus,
    PinnedDefaults,
    ShardsStatus,
)
from vertice_operator.decide.checks import Hold, Violation
from vertice_operator.decide.conditions import Look, all_conditions
from vertice_operator.decide.facts import Facts
from vertice_operator.decide.outcome import Outcome
from vertice_operator.decide.plan import Plan
from vertice_operator.decide.revisions import revision_statuses
from vertice_operator.decide.rollout import live_image, proved
from vertice_operator.decide.shards import coverage
from vertice_operator.decide.wording import LONGEST_CHILD_MESSAGE, clip
from vertice_operator.render import proxy_mode, scale_bounds, shard_count


def make_status(facts: Facts, plan: Plan, outcome: Outcome) -> DiscordBotStatus:
    """Describe the bot as it is now.

    Only the pinned defaults, the last good image, what became of older revisions and the number of
    shards are carried over from the old status; all else is made anew.
    """
    bot, old = facts.bot, facts.bot.status
    shards = shard_count(bot, plan.render_facts)
    pods = [pod for pod in facts.pods if pod.component == names.COMPONENT_BOT]
    look = Look(facts, plan, outcome, coverage(shards, pods, facts.reports))
    deployed = (facts.deployment or {}).get("status") or {}
    mode = proxy_mode(bot, plan.render_facts)
    held = plan.violation is not None and plan.violation.hold is Hold.EVERYTHING
    return DiscordBotStatus(
        observed_generation=bot.metadata.generation,
        replicas=deployed.get("replicas", 0),
        ready_replicas=deployed.get("readyReplicas", 0),
        updated_replicas=deployed.get("updatedReplicas", 0),
        selector=selector(bot.metadata.name),
        image=_image(facts, plan),
        history=revision_statuses(facts, plan.history, plan.migration),
        pinned=PinnedDefaults(
            operator_version=plan.pins.operator_version,
            bot_image=plan.pins.bot_image,
            proxy_image=plan.pins.proxy_image,
        ),
        shards=ShardsStatus(
            configured=shards,
            owned=len(look.coverage.owned),
            ready=len(look.coverage.ready),
            unowned=look.coverage.unowned[:20],
            recommended=look.coverage.recommended,
        ),
        autoscaling=_autoscaling(facts, plan),
        proxy_mode=mode.value if mode else None,
        secret_hash=facts.secret_hash if facts.secret_hash else old.secret_hash,
        children=old.children if held else _children(outcome),
        conditions=merge_conditions(old.conditions, all_conditions(look), facts.now),
    )


def refused_status(
    raw: Mapping[str, Any], old: DiscordBotStatus, violation: Violation, now: datetime
) -> DiscordBotStatus:
    """Describe a resource that cannot even be read: the last observation, and why it stopped."""
    generation = raw["metadata"].get("generation", 0)
    said = {
        ConditionType.SPEC_ACCEPTED: (ConditionStatus.FALSE, violation.message),
        ConditionType.READY: (ConditionStatus.FALSE, violation.message),
    }
    fallback = (ConditionStatus.UNKNOWN, "not judged: the spec cannot be read")
    conditions = [
        Condition(
            type=kind,
            status=said.get(kind, fallback)[0],
            reason=violation.reason,
            message=clip(said.get(kind, fallback)[1]),
            observed_generation=generation,
        )
        for kind in ConditionType
    ]
    return old.model_copy(
        update={
            "observed_generation": generation,
            "conditions": merge_conditions(old.conditions, conditions, now),
        }
    )


def selector(bot: str) -> str:
    """Return the label selector of the pods as one string, for the scale subresource."""
    return ",".join(f"{key}={value}" for key, value in sorted(names.selector(bot).items()))


def condition_of(
    conditions: Iterable[Condition], kind: ConditionType
) -> tuple[ConditionStatus, Reason] | None:
    """Return status and reason of one condition, where it is set."""
    found = next((each for each in conditions if each.type == kind), None)
    return (found.status, Reason(found.reason)) if found else None


def _image(facts: Facts, plan: Plan) -> ImageStatus:
    old = facts.bot.status.image or ImageStatus()
    live = live_image(facts.deployment)
    wanted, good = plan.history.target.revision.image, proved(facts.deployment)
    return ImageStatus(
        desired=wanted,
        current=live if good else None,
        digest=_digest(facts) if good else None,
        last_good=live if good and live == wanted else old.last_good,
        update_available=plan.pins.update_available,
    )


def _digest(facts: Facts) -> str | None:
    """Return the digest that all ready bot containers resolved their image to."""
    found = {
        container.image_id.rpartition("@")[2]
        for pod in facts.pods
        if pod.ready and not pod.terminating
        for container in pod.containers
        if container.name == names.CONTAINER_BOT and "sha256:" in container.image_id
    }
    return next(iter(found)) if len(found) == 1 else None


def _autoscaling(facts: Facts, plan: Plan) -> AutoscalingStatus | None:
    scaling = facts.bot.spec.autoscaling
    if not scaling.enabled:
        return None
    bounds = scale_bounds(facts.bot, plan.render_facts)
    live = facts.children.get(("HorizontalPodAutoscaler", facts.bot.metadata.name))
    status = (live.body.get("status") or {}) if live else {}
    return AutoscalingStatus(
        engine=ScalingEngine(scaling.engine).value,
        current=status.get("currentReplicas"),
        desired=status.get("desiredReplicas"),
        effective_min=bounds.minimum,
        effective_max=bounds.maximum,
    )


def _children(outcome: Outcome) -> tuple[ChildStatus, ...]:
    kept: Sequence[ChildStatus] = [
        ChildStatus(
            kind=each.kind,
            name=each.name,
            state=each.state,
            message=clip(each.message, LONGEST_CHILD_MESSAGE) or None,
        )
        for each in outcome.results
        if each.state is not ChildState.PRUNED
    ]
    return tuple(kept[:32])
