"""From facts to what is to be done: which children to apply, which to leave, which to delete."""

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.api.v1alpha1.database import ProxyMode
from vertice_operator.decide.checks import Hold, Violation, first_violation, valid
from vertice_operator.decide.diff import first_difference
from vertice_operator.decide.drain import Drain, drain
from vertice_operator.decide.drift import was_changed, was_deleted
from vertice_operator.decide.facts import Facts, Live
from vertice_operator.decide.images import Pins, pins
from vertice_operator.decide.migration import (
    Migration,
    MigrationState,
    finished,
    migration,
    must_run_again,
)
from vertice_operator.decide.optional import waits_for
from vertice_operator.decide.prune import to_prune
from vertice_operator.decide.revisions import history, mounted_by_jobs, needed_by_pods
from vertice_operator.render import (
    ANNOTATION_MIGRATED,
    CONTROLLER_REVISION,
    KINDS,
    Child,
    ChildKind,
    History,
    RenderFacts,
    desired_objects,
    is_off,
    missing_kinds,
    scale_bounds,
)
from vertice_operator.render import migration as wanted_migration

# The running template stays until the schema of the new one is there.
_MIGRATES_FIRST = (MigrationState.RUNNING, MigrationState.FAILED)
_WORKLOAD = frozenset(
    {"ControllerRevision", "Job", "Deployment", "HorizontalPodAutoscaler", "ScaledObject"}
)


class Act(enum.Enum):
    """What is to be done about one child."""

    APPLY = "apply"
    SKIP = "skip"
    HOLD = "hold"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Step:
    """One child: what to do and why.

    ``because`` is the first difference from the live object; for a held child the reason.
    ``drift`` tells that our own last word was changed by somebody. ``handover`` is a number of
    replicas to be given to a stand-in owner before the operator lets go of the field. ``pending``
    tells of a held Deployment that its pods are not what is wanted.
    """

    kind: ChildKind
    name: str
    act: Act
    body: Mapping[str, Any] | None = None
    because: str = ""
    drift: bool = False
    handover: int | None = None
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one reconcile will do, and the judgements that the status repeats.

    ``waits`` tells why the live Deployment is not made what the spec asks for, where nothing at
    all is changed.
    """

    violation: Violation | None
    steps: tuple[Step, ...]
    prune: tuple[Live, ...]
    pins: Pins
    migration: Migration
    history: History
    render_facts: RenderFacts
    waits: str = ""
    drain: Drain = field(default_factory=Drain)

    @property
    def kinds(self) -> Mapping[str, ChildKind]:
        """Kinds by name, for the deletion of what is pruned."""
        return {kind.kind: kind for kind in KINDS}


def make_plan(facts: Facts, operator_namespace: str) -> Plan:
    """Decide what to do. Pure: the same facts give the same plan."""
    violation = first_violation(facts)
    pinned = pins(facts)
    bot = _as_if_suspended(facts.bot) if violation and violation.hold is Hold.OFF else facts.bot
    base = _render_facts(facts, bot, pinned, operator_namespace)
    past = history(facts, base)
    given = _with_migration(facts, bot, dataclasses.replace(base, history=past))
    job = wanted_migration(bot, given)
    done = job is None or given.migrated == job.digest
    state = migration(facts, None if done or job is None else job.name)
    held = violation is not None or state.state in _MIGRATES_FIRST
    drained = drain(facts, bot, given, held=held)
    given = dataclasses.replace(given, second_replica_for=drained.second_replica_for)
    if violation is not None and violation.hold is Hold.EVERYTHING:
        waits = _waits(facts, bot, given, violation)
        return Plan(violation, (), (), pinned, state, past, given, waits)
    desired = desired_objects(bot, given)
    found = (
        _step(facts, bot, child, given, violation, state)
        for child in desired
        if child.body is not None
    )
    steps = tuple(step for step in found if not _is_past(step, past)) + tuple(
        Step(kind, bot.metadata.name, Act.UNAVAILABLE, because="this cluster has no such kind")
        for kind in missing_kinds(bot, given)
    )
    wanted_keys = {(child.kind.kind, child.name) for child in desired if child.body is not None}
    wanted_keys |= needed_by_pods(facts, past)
    prunable = {kind.kind for kind in KINDS if kind.prunable}
    prunable -= {kind for kind in _WORKLOAD if _holds(bot, kind, violation)}
    prune = to_prune(facts.children.values(), bot.metadata.uid, wanted_keys, prunable)
    return Plan(violation, steps, prune, pinned, state, past, given, drain=drained)


def _step(
    facts: Facts,
    bot: DiscordBot,
    child: Child,
    given: RenderFacts,
    violation: Violation | None,
    state: Migration,
) -> Step:
    assert child.body is not None
    kind, name, body = child.kind, child.name, child.body
    if (first := waits_for(facts, kind.kind)) is not None:
        return Step(kind, name, Act.HOLD, because=first)
    live = facts.children.get((kind.kind, name))
    ours = live is not None and live.owner_uid == bot.metadata.uid
    rolls = _template_difference(body, live.body) if live is not None else None
    if violation is not None and _holds(bot, kind.kind, violation):
        pending = ours and rolls is not None
        return Step(kind, name, Act.HOLD, because=violation.message, pending=pending)
    if live is None or not ours:
        gone = was_deleted(facts, kind.kind, name)
        because = "was deleted" if gone and live is None else "does not exist"
        return Step(kind, name, Act.APPLY, body, because, drift=gone)
    if rolls is not None and not is_off(bot) and state.state in _MIGRATES_FIRST:
        return Step(kind, name, Act.HOLD, because=state.message, pending=True)
    if not live.body:
        if live.agrees == _hash(body):
            return Step(kind, name, Act.SKIP, body)
        return Step(kind, name, Act.APPLY, body, "another state is wanted")
    handover = _handover(bot, given, body, live) if kind.kind == "Deployment" else None
    difference = rolls or first_difference(_content(body, kind), live.body)
    if difference is None and handover is None:
        return Step(kind, name, Act.SKIP, body)
    drift = was_changed(body, live.body)
    return Step(kind, name, Act.APPLY, body, difference or "replicas", drift, handover)


def _holds(bot: DiscordBot, kind: str, violation: Violation | None) -> bool:
    """Tell whether a child stays as it is. To switch a bot off, nothing has to be in order."""
    if violation is None or violation.hold is not Hold.WORKLOAD or kind not in _WORKLOAD:
        return False
    return kind == "Job" or not is_off(bot)


def _waits(facts: Facts, bot: DiscordBot, given: RenderFacts, violation: Violation) -> str:
    """Say why the live pods are not what the spec asks for; empty where they are."""
    if facts.deployment is None:
        return ""
    if valid(facts) is None:
        # Rendered only where that is possible; what cannot be rendered was not rolled out.
        wanted = next(c for c in desired_objects(bot, given) if c.kind.kind == "Deployment")
        if wanted.body is None or _template_difference(wanted.body, facts.deployment) is None:
            return ""
    return violation.message


def _template_difference(body: Mapping[str, Any], live: Mapping[str, Any]) -> str | None:
    """Return the first difference that would roll the pods of a Deployment."""
    if body["kind"] != "Deployment" or not live:
        return None
    wanted, found = body["spec"]["template"], live["spec"]["template"]
    return first_difference({"spec": {"template": wanted}}, {"spec": {"template": found}})


def _handover(
    bot: DiscordBot, given: RenderFacts, body: Mapping[str, Any], live: Live
) -> int | None:
    """Return the replicas to hand over before the operator stops applying the field.

    A field that its only owner drops falls back to its default, which would stop all pods but
    one. Needed as long as the operator owns the field and an autoscaler, of whichever kind, is to
    decide; and again when the Deployment stands at 0, where no autoscaler acts.
    """
    if "replicas" in body["spec"]:
        return None
    present = live.body["spec"].get("replicas", 1)
    if not live.owns_replicas and present > 0:
        return None
    bounds = scale_bounds(bot, given)
    return int(min(max(present, bounds.minimum), bounds.maximum))


def _render_facts(facts: Facts, bot: DiscordBot, pinned: Pins, namespace: str) -> RenderFacts:
    status, deployment = bot.status, facts.deployment
    mode = status.proxy_mode
    return RenderFacts(
        operator_version=facts.defaults.operator_version,
        bot_image=pinned.bot_image,
        proxy_image=pinned.proxy_image,
        server_minor=facts.cluster.server_minor,
        proxy_mode=ProxyMode(mode) if mode in set(ProxyMode) else None,
        live_replicas=deployment["spec"].get("replicas") if deployment else None,
        hpa_owns_replicas=bot.spec.autoscaling.enabled,
        secret_hash=facts.secret_hash,
        available_kinds=facts.cluster.available_kinds,
        configured_shards=status.shards.configured if status.shards else None,
        operator_namespace=namespace,
    )


def _with_migration(facts: Facts, bot: DiscordBot, given: RenderFacts) -> RenderFacts:
    """Add what is known of finished migrations, and what live Jobs were made with."""
    recorded = facts.noted(ANNOTATION_MIGRATED)
    given = dataclasses.replace(given, job_configs=mounted_by_jobs(facts))
    job = wanted_migration(bot, given)
    if job is not None:
        if finished(facts, job.name):
            recorded = job.digest
        elif must_run_again(facts, job.name):
            recorded = None
    return dataclasses.replace(given, migrated=recorded)


def _as_if_suspended(bot: DiscordBot) -> DiscordBot:
    return bot.model_copy(update={"spec": bot.spec.model_copy(update={"suspend": True})})


def _content(body: Mapping[str, Any], kind: ChildKind) -> dict[str, Any]:
    """Return all but the kind, which the items of a list do not carry, and what cannot change."""
    left_out = {"apiVersion", "kind"} | ({"data"} if kind is CONTROLLER_REVISION else set())
    return {key: value for key, value in body.items() if key not in left_out}


def _is_past(step: Step, past: History) -> bool:
    """Tell of a revision that is kept and in order: nothing is to be done or told about it."""
    former = step.kind is CONTROLLER_REVISION and step.name != past.asked.name
    return former and step.act in (Act.SKIP, Act.HOLD)


def _hash(body: Mapping[str, Any]) -> str | None:
    annotations = body["metadata"].get("annotations") or {}
    return annotations.get(names.ANNOTATION_SPEC_HASH)
