"""One function per condition: from what was observed to True, False or Unknown, and why.

Every condition is derived anew each time from facts and results; none is remembered. Messages
name the object and the next step, and hold nothing that changes by itself.
"""

from dataclasses import dataclass

from vertice_operator.api.conditions import Condition, ConditionStatus, ConditionType, Reason
from vertice_operator.api.v1alpha1.identity import SecretsProvider
from vertice_operator.api.v1alpha1.scaling import AutoscalingSpec, ScalingEngine
from vertice_operator.decide.checks import Hold, Violation, valid
from vertice_operator.decide.facts import Facts
from vertice_operator.decide.migration import MigrationState
from vertice_operator.decide.optional import MONITORING, keda_problem, sync_problem
from vertice_operator.decide.outcome import Failure, Outcome
from vertice_operator.decide.plan import Act, Plan
from vertice_operator.decide.pods import Problem, workload_problem
from vertice_operator.decide.rollout import Progress, progress, rolled_back, update
from vertice_operator.decide.secrets import missing
from vertice_operator.decide.shards import IDENTIFY_LOW, Coverage
from vertice_operator.decide.wording import clip, sentence
from vertice_operator.render import is_off, scale_bounds

TRUE, FALSE, UNKNOWN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN
_ANY_ADVICE = (Reason.DEPENDENCY_CIRCUIT_OPEN, "The log of that pod says more.")
_ADVICE = {
    "postgres": (
        Reason.DEPENDENCY_CIRCUIT_OPEN,
        (
            "Check that the database runs and that spec.database and its Secret are right; the bot "
            "goes on by itself once it answers."
        ),
    ),
    "migrations": (
        Reason.DEPENDENCY_CIRCUIT_OPEN,
        (
            "The database lacks the schema of this version; the condition DatabaseMigrated says "
            "what to do."
        ),
    ),
    "redis": (
        Reason.DEPENDENCY_CIRCUIT_OPEN,
        (
            "Check that Redis runs and that spec.cache and its Secret are right; the bot works on "
            "without it."
        ),
    ),
    "discord": (
        Reason.DISCORD_OUTAGE,
        (
            "See https://discordstatus.com and whether the pod's network reaches Discord; do not "
            "restart the bot."
        ),
    ),
    "identify": (
        Reason.IDENTIFY_BUDGET_LOW,
        "Few session starts are left today; avoid restarts.",
    ),
    "policy": (
        Reason.DEPENDENCY_CIRCUIT_OPEN,
        "Correct spec.policy; until then the last good one holds.",
    ),
}
"""What a part that the bot reports as degraded means and what to do about it, worst first."""
_FQDN = "FQDNNetworkPolicy"


@dataclass(frozen=True, slots=True)
class Look:
    """What the conditions are made from."""

    facts: Facts
    plan: Plan
    outcome: Outcome
    coverage: Coverage

    @property
    def off(self) -> bool:
        """Whether no pod is meant to run.

        While nothing is changed at all, the live Deployment says so and not the spec.
        """
        violation, live = self.plan.violation, self.facts.deployment
        if violation is not None and violation.hold is Hold.EVERYTHING and live is not None:
            return bool(live["spec"].get("replicas", 1) == 0)
        return is_off(self.facts.bot) or (violation is not None and violation.hold is Hold.OFF)

    @property
    def problem(self) -> Problem | None:
        """What is wrong with the pods."""
        pods = [pod for pod in self.facts.pods if pod.component == "bot"]
        return workload_problem(pods, self.facts.deployment)


def make(
    facts: Facts, kind: ConditionType, status: ConditionStatus, reason: Reason, message: str
) -> Condition:
    """Make a condition for the generation that was looked at."""
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        message=clip(message),
        observed_generation=facts.bot.metadata.generation,
    )


def paused(look: Look) -> Condition:
    """Whether the annotation stops the operator."""
    kind, violation = ConditionType.PAUSED, _violation(look, ConditionType.PAUSED)
    if violation is not None:
        return make(look.facts, kind, TRUE, violation.reason, violation.message)
    return make(look.facts, kind, FALSE, Reason.NOT_PAUSED, "")


def spec_accepted(look: Look) -> Condition:
    """Whether the spec can be used, by our rules and by the API server's."""
    kind, violation = ConditionType.SPEC_ACCEPTED, _violation(look, ConditionType.SPEC_ACCEPTED)
    if _violation(look, ConditionType.PAUSED) is not None:
        violation = valid(look.facts)  # pause comes first in the chain and hides nothing
    if violation is not None:
        return make(look.facts, kind, FALSE, violation.reason, violation.message)
    conflict = look.outcome.with_failure([Failure.NAME_CONFLICT])
    if conflict is not None:
        return make(look.facts, kind, FALSE, Reason.NAME_CONFLICT, conflict.message)
    refused = look.outcome.with_failure([Failure.INVALID])
    if refused is not None and refused.kind not in MONITORING:
        message = f"the API server refuses {refused.kind} {refused.name}: {refused.message}"
        return make(look.facts, kind, FALSE, Reason.INVALID_SPEC, message)
    return make(look.facts, kind, TRUE, Reason.VALID, "")


def secrets_resolved(look: Look) -> Condition:
    """Whether every referenced Secret is there, and the token is nobody else's."""
    kind, facts = ConditionType.SECRETS_RESOLVED, look.facts
    violation = _violation(look, kind)
    absent = missing(facts.bot, facts.secrets, sync_problem(facts))
    if violation is not None:
        return make(facts, kind, FALSE, violation.reason, violation.message)
    if absent is not None:
        return make(facts, kind, FALSE, *absent)
    return make(facts, kind, TRUE, Reason.RESOLVED, _of_the_provider(look))


def _of_the_provider(look: Look) -> str:
    """Say what is worth knowing about secrets that are there: who keeps them new, and who not."""
    provider = look.facts.bot.spec.secrets.provider
    if provider is SecretsProvider.SECRETS_STORE_CSI:
        return "mounted by the CSI driver; the operator does not see them"
    if provider is not SecretsProvider.EXTERNAL_SECRETS:
        return ""
    if "ExternalSecret" not in look.facts.cluster.available_kinds:
        return "nobody renews the Secret: the kind ExternalSecret does not exist here"
    problem = sync_problem(look.facts)
    return f"the Secret is there and could not be renewed: {problem}" if problem else ""


def workload_available(look: Look) -> Condition:
    """Whether enough pods serve."""
    kind, facts = ConditionType.WORKLOAD_AVAILABLE, look.facts
    if look.off:
        return make(facts, kind, FALSE, Reason.SUSPENDED, "no pod is meant to run")
    failed = look.outcome.failed("Deployment")
    if failed is not None and facts.deployment is None:
        quota = failed.failure is Failure.QUOTA
        reason = Reason.QUOTA_EXCEEDED if quota else Reason.MINIMUM_REPLICAS_UNAVAILABLE
        return make(facts, kind, FALSE, reason, f"Deployment: {failed.message}")
    if facts.deployment is None:
        waits = f": {look.plan.violation.message}" if look.plan.violation else ""
        message = f"the Deployment is not made yet{waits}"
        return make(facts, kind, FALSE, Reason.MINIMUM_REPLICAS_UNAVAILABLE, message)
    conditions = (facts.deployment.get("status") or {}).get("conditions") or ()
    available = next((each for each in conditions if each["type"] == "Available"), None)
    if available is not None and available["status"] == "True":
        return make(facts, kind, TRUE, Reason.MINIMUM_REPLICAS_AVAILABLE, "")
    serving = (facts.deployment.get("status") or {}).get("availableReplicas") or 0
    if look.plan.drain.second_replica_for is not None and serving:
        message = f"a second pod starts, for the drain of node {look.plan.drain.node}"
        return make(facts, kind, TRUE, Reason.MINIMUM_REPLICAS_AVAILABLE, message)
    if look.problem is not None:
        return make(facts, kind, FALSE, look.problem.reason, look.problem.message)
    return make(
        facts, kind, FALSE, Reason.MINIMUM_REPLICAS_UNAVAILABLE, "pods are starting, none is ready"
    )


def rolled_out(look: Look) -> Condition:
    """Whether all pods run what the spec asks for."""
    kind, facts, plan = ConditionType.ROLLED_OUT, look.facts, look.plan
    if plan.migration.state is MigrationState.FAILED:
        return make(facts, kind, FALSE, Reason.MIGRATION_FAILED, plan.migration.message)
    if plan.history.running is not None:
        return make(facts, kind, FALSE, Reason.ROLLED_BACK, rolled_back(plan.history))
    held = next((step.because for step in plan.steps if step.pending), plan.waits)
    if held:
        return make(facts, kind, UNKNOWN, Reason.ROLLOUT_IN_PROGRESS, f"waits: {held}")
    refused = look.outcome.failed("Deployment")
    if refused is not None:
        message = f"the Deployment could not be changed, and is tried again: {refused.message}"
        return make(facts, kind, UNKNOWN, Reason.ROLLOUT_IN_PROGRESS, message)
    state = progress(facts.deployment)
    why = f" {look.problem.message}" if look.problem else ""
    if state is Progress.FAILED:
        deadline = facts.bot.spec.rollout.progress_deadline_seconds
        message = f"no progress within {deadline} s.{why}"
        return make(facts, kind, FALSE, Reason.PROGRESS_DEADLINE_EXCEEDED, message)
    if state is Progress.COMPLETE:
        return _up_to_date(look)
    message = f"pods are being replaced or started.{why}"
    return make(facts, kind, UNKNOWN, Reason.ROLLOUT_IN_PROGRESS, message)


def _up_to_date(look: Look) -> Condition:
    kind, newer = ConditionType.ROLLED_OUT, update(look.plan.pins, look.plan.history)
    if newer:
        return make(look.facts, kind, TRUE, Reason.UPDATE_AVAILABLE, newer)
    return make(look.facts, kind, TRUE, Reason.UP_TO_DATE, "")


def shards_owned(look: Look) -> Condition:
    """Whether every shard has an owner, by the pods' own word."""
    kind, facts, seen = ConditionType.SHARDS_OWNED, look.facts, look.coverage
    if look.off or facts.deployment is None:
        return make(facts, kind, UNKNOWN, Reason.WAITING, "no pod runs")
    if not seen.unowned and seen.too_few:
        message = (
            f"Discord recommends {seen.recommended} shards and there are {seen.configured}; it "
            "refuses a bot with more than 2,500 guilds a shard. Raise shards.count at a quiet "
            "hour: it closes every session."
        )
        return make(facts, kind, TRUE, Reason.FEWER_SHARDS_THAN_RECOMMENDED, message)
    if not seen.unowned:
        return make(facts, kind, TRUE, Reason.ALL_SHARDS_OWNED, "")
    listed = ", ".join(map(str, seen.unowned[:20]))
    if seen.silent:
        message = (
            f"pods {', '.join(seen.silent[:5])} do not answer on :8080/statusz; they may own "
            f"shards {listed}. Check that a NetworkPolicy lets the operator reach them."
        )
        return make(facts, kind, UNKNOWN, Reason.STATUS_UNREACHABLE, message)
    if progress(facts.deployment) is Progress.RUNNING:
        return make(facts, kind, UNKNOWN, Reason.WAITING, f"shards {listed} wait for a replica")
    return make(facts, kind, FALSE, Reason.SHARDS_UNOWNED, f"nobody owns shards {listed}")


def database_migrated(look: Look) -> Condition:
    """Whether the schema is that of the wanted image."""
    kind, found = ConditionType.DATABASE_MIGRATED, look.plan.migration
    verdict = {
        MigrationState.AT_HEAD: (TRUE, Reason.AT_HEAD),
        MigrationState.NOT_CONFIGURED: (UNKNOWN, Reason.NOT_CONFIGURED),
        MigrationState.RUNNING: (UNKNOWN, Reason.MIGRATION_RUNNING),
        MigrationState.FAILED: (FALSE, Reason.MIGRATION_FAILED),
        MigrationState.MISMATCH: (FALSE, Reason.SCHEMA_MISMATCH),
    }[found.state]
    return make(look.facts, kind, *verdict, found.message)


def autoscaling_ready(look: Look) -> Condition:
    """Whether the autoscaler can do its work."""
    kind, facts = ConditionType.AUTOSCALING_READY, look.facts
    scaling = facts.bot.spec.autoscaling
    if not scaling.enabled:
        return make(facts, kind, TRUE, Reason.DISABLED, "spec.replicas decides")
    keda = scaling.engine is ScalingEngine.KEDA
    if keda and "ScaledObject" not in facts.cluster.available_kinds:
        message = "the kind ScaledObject does not exist here: install KEDA, or use engine HPA"
        return make(facts, kind, FALSE, Reason.KEDA_MISSING, message)
    if not facts.cluster.metrics_api and _needs_metrics_api(scaling):
        message = "no metrics API (metrics.k8s.io): install metrics-server; replicas stay as now"
        return make(facts, kind, FALSE, Reason.METRICS_API_MISSING, message)
    stuck = keda_problem(facts) if keda else _autoscaler_problem(facts)
    if stuck is not None:
        return make(facts, kind, FALSE, Reason.HPA_UNABLE_TO_SCALE, stuck)
    bounds = scale_bounds(facts.bot, look.plan.render_facts)
    if bounds.limited_by_shards:
        message = (
            f"maxReplicas {scaling.max_replicas} is limited to {bounds.maximum} by "
            f"{bounds.shards} shards; raise shards.count or shards.standby"
        )
        return make(facts, kind, FALSE, Reason.LIMITED_BY_SHARDS, message)
    return make(facts, kind, TRUE, Reason.ACTIVE, "spec.replicas is ignored")


def _needs_metrics_api(scaling: AutoscalingSpec) -> bool:
    """Whether a target is read from the metrics API; KEDA asks Prometheus for the busy ratio."""
    resources = scaling.cpu_target is not None or scaling.memory_utilization is not None
    return scaling.engine is ScalingEngine.HPA or resources


def _autoscaler_problem(facts: Facts) -> str | None:
    live = facts.children.get(("HorizontalPodAutoscaler", facts.bot.metadata.name))
    conditions = (live.body.get("status") or {}).get("conditions") or () if live else ()
    for each in conditions:
        stuck = each["type"] in ("AbleToScale", "ScalingActive") and each["status"] == "False"
        # A Deployment at 0 switches its autoscaler off: no fault while nothing is meant to run.
        if stuck and each.get("reason") != "ScalingDisabled":
            return f"{each.get('reason')}: {each.get('message', '')}"
    return None


def monitoring_ready(look: Look) -> Condition:
    """Whether the monitoring objects are in place."""
    kind, facts = ConditionType.MONITORING_READY, look.facts
    if not facts.bot.spec.monitoring.enabled:
        return make(facts, kind, TRUE, Reason.DISABLED, "monitoring.enabled is false")
    absent = sorted(
        step.kind.kind
        for step in look.plan.steps
        if step.act is Act.UNAVAILABLE and step.kind.kind in MONITORING
    )
    if absent:
        message = (
            f"{', '.join(absent)} do not exist in this cluster; they are made once the CRDs of "
            "the Prometheus operator (and of Grafana's, where asked for) are installed"
        )
        return make(facts, kind, FALSE, Reason.MONITORING_CRDS_MISSING, message)
    failed = look.outcome.failed(*MONITORING)
    if failed is not None:
        message = f"{failed.kind} {failed.name}: {failed.message}"
        return make(facts, kind, FALSE, Reason.RULE_REJECTED, message)
    return make(facts, kind, TRUE, Reason.APPLIED, "")


def network_restricted(look: Look) -> Condition:
    """Whether the pods' traffic is limited to what they need."""
    kind, facts = ConditionType.NETWORK_RESTRICTED, look.facts
    if not facts.bot.spec.network_policy.enabled:
        return make(facts, kind, TRUE, Reason.DISABLED, "networkPolicy.enabled is false")
    failed = look.outcome.failed("NetworkPolicy", _FQDN)
    if failed is not None:
        return make(facts, kind, FALSE, Reason.RECONCILE_FAILED, failed.message)
    if facts.bot.spec.network_policy.fqdn and _FQDN not in facts.cluster.available_kinds:
        message = (
            f"the kind {_FQDN} (GKE Dataplane V2) does not exist here, so all public addresses "
            "are allowed on port 443; it is made once the kind appears"
        )
        return make(facts, kind, FALSE, Reason.FQDN_UNSUPPORTED, message)
    return make(facts, kind, TRUE, Reason.APPLIED, "")


def degraded(look: Look) -> Condition:
    """Whether something that the running bot depends on is impaired. True is bad."""
    kind, facts = ConditionType.DEGRADED, look.facts
    worst = _worst_part(facts)
    if worst is not None:
        part, why, pods = worst
        reason, advice = _ADVICE.get(part, _ANY_ADVICE)
        message = f"{pods}: {part}: {sentence(why, 200)} {advice}"
        return make(facts, kind, TRUE, reason, message)
    answering = [report for report in facts.reports if report.reachable]
    active = [report for report in answering if report.shards]
    if active and all(report.discord == "disconnected" for report in active):
        message = "no replica has a connection to Discord; see https://discordstatus.com"
        return make(facts, kind, TRUE, Reason.DISCORD_OUTAGE, message)
    left = [report.identify_remaining for report in answering]
    if any(number is not None and number < IDENTIFY_LOW for number in left):
        message = f"fewer than {IDENTIFY_LOW} session starts are left today; avoid restarts"
        return make(facts, kind, TRUE, Reason.IDENTIFY_BUDGET_LOW, message)
    return make(facts, kind, FALSE, Reason.AS_EXPECTED, "")


def _worst_part(facts: Facts) -> tuple[str, str, str] | None:
    """Return the most telling impaired part, why, and the pods that report it.

    A database that is away takes other parts with it, such as the lease; so it speaks first.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for report in facts.reports:
        for part_and_why in report.degraded:
            found.setdefault(part_and_why, []).append(report.pod)
    if not found:
        return None
    ranks = list(_ADVICE)
    part, why = min(
        found, key=lambda each: (ranks.index(each[0]) if each[0] in ranks else len(ranks), each)
    )
    pods = sorted(found[part, why])
    more = f" and {len(pods) - 3} more" if len(pods) > 3 else ""
    return part, why, f"pod{'s' if len(pods) > 1 else ''} {', '.join(pods[:3])}{more}"


def ready(look: Look, parts: dict[ConditionType, Condition]) -> Condition:
    """The summary: the first part that is not well speaks, and observation alone makes it True."""
    kind, facts = ConditionType.READY, look.facts
    accepted, secrets = parts[ConditionType.SPEC_ACCEPTED], parts[ConditionType.SECRETS_RESOLVED]
    workload, owned = parts[ConditionType.WORKLOAD_AVAILABLE], parts[ConditionType.SHARDS_OWNED]
    if accepted.status is FALSE:
        return make(facts, kind, FALSE, Reason(accepted.reason), accepted.message)
    if secrets.status is FALSE:
        conflict = secrets.reason == Reason.TOKEN_CONFLICT
        reason = Reason.TOKEN_CONFLICT if conflict else Reason.DEPENDENCIES_MISSING
        return make(facts, kind, FALSE, reason, secrets.message)
    if look.off:
        return make(facts, kind, FALSE, Reason.SUSPENDED, "no pod is meant to run")
    failed = look.outcome.failed()
    if workload.status is FALSE:
        return make(facts, kind, FALSE, Reason.WORKLOAD_UNAVAILABLE, workload.message)
    if owned.status is not TRUE:
        rolling = progress(facts.deployment) is Progress.RUNNING
        reason = Reason.ROLLOUT_IN_PROGRESS if rolling else Reason(owned.reason)
        return make(facts, kind, owned.status if not rolling else FALSE, reason, owned.message)
    if failed is not None and failed.kind not in MONITORING:
        message = f"{failed.kind} {failed.name}: {failed.message}"
        return make(facts, kind, FALSE, Reason.RECONCILE_FAILED, message)
    return make(facts, kind, TRUE, Reason.ALL_COMPONENTS_READY, "")


def all_conditions(look: Look) -> tuple[Condition, ...]:
    """Return every condition, each exactly once."""
    makers = (
        spec_accepted,
        secrets_resolved,
        workload_available,
        rolled_out,
        shards_owned,
        database_migrated,
        autoscaling_ready,
        monitoring_ready,
        network_restricted,
        degraded,
        paused,
    )
    found = [maker(look) for maker in makers]
    parts = {ConditionType(each.type): each for each in found}
    return (ready(look, parts), *found)


def _violation(look: Look, kind: ConditionType) -> Violation | None:
    violation = look.plan.violation
    return violation if violation is not None and violation.condition is kind else None
