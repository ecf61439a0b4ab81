"""Where the database migration stands."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from vertice_operator.api.conditions import Reason
from vertice_operator.api.v1alpha1.database import Migrations
from vertice_operator.decide.facts import Facts
from vertice_operator.decide.pods import workload_problem

_CANNOT_START = (Reason.IMAGE_PULL_FAILED, Reason.CONFIGURATION_REFUSED)
_BELIEVED = timedelta(seconds=60)
"""For so long a Job that has just finished is believed more than the pods' last word."""


class MigrationState(enum.Enum):
    """State of the schema as far as the operator can tell."""

    NOT_CONFIGURED = "not configured"
    AT_HEAD = "at head"
    RUNNING = "running"
    FAILED = "failed"
    MISMATCH = "mismatch"
    """Migrated by all that the operator did, and the pods say that it is not so."""


@dataclass(frozen=True, slots=True)
class Migration:
    """The state, and the Job or the reason behind it."""

    state: MigrationState
    message: str


def migration(facts: Facts, job: str | None) -> Migration:
    """Judge the migration whose Job is ``job``; None when that Job is no longer wanted.

    render stops wanting the Job once the Deployment records that its migration is complete, so
    that its time to live does not run it again every day. The database may be lost or restored
    meanwhile; so the pods, which look at the schema when they start, have the last word.
    """
    found, fault = _by_job(facts, job), schema_fault(facts)
    believable = found.state in (MigrationState.AT_HEAD, MigrationState.NOT_CONFIGURED)
    if fault is None or not believable or _just_finished(facts):
        return found
    return Migration(MigrationState.MISMATCH, f"{fault} {_advice(facts)}")


def finished(facts: Facts, job: str) -> bool:
    """Tell whether this Job is there and complete."""
    live = facts.children.get(("Job", job))
    return live is not None and _outcome(live.body) == "Complete"


def schema_fault(facts: Facts) -> str | None:
    """Say what a pod of the bot has against the schema, or None."""
    present = {pod.name for pod in facts.pods if not pod.terminating}
    for report in facts.reports:
        for part, why in report.degraded:
            if part == "migrations" and report.pod in present:
                what = "is older than" if why == "Behind" else "does not fit"
                return f"pod {report.pod} says that the schema {what} its version ({why})."
    return None


def must_run_again(facts: Facts, job: str) -> bool:
    """Tell whether a recorded migration is gone from the database, and no Job of it is left."""
    return schema_fault(facts) is not None and ("Job", job) not in facts.children


def _advice(facts: Facts) -> str:
    namespace, bot = facts.bot.metadata.namespace, facts.bot.metadata.name
    if facts.bot.spec.database.migrations is Migrations.STARTUP:
        return "If the database was replaced or restored, set restartAt: new pods migrate it."
    jobs = [name for kind, name in facts.children if kind == "Job" and finished(facts, name)]
    if facts.bot.spec.database.migrations is Migrations.OFF or not jobs:
        return "If the database was replaced or restored, run vertice-bot migrate on it."
    return (
        "If the database was replaced or restored, have the migration made again with: kubectl -n "
        f"{namespace} delete job -l vertice.dev/bot={bot}"
    )


def _just_finished(facts: Facts) -> bool:
    for (kind, name), live in facts.children.items():
        ended = (live.body.get("status") or {}).get("completionTime") if kind == "Job" else None
        if ended and finished(facts, name):
            moment = datetime.fromisoformat(ended)
            if facts.now - moment < _BELIEVED:
                return True
    return False


def _by_job(facts: Facts, job: str | None) -> Migration:
    configured = facts.bot.spec.database.migrations
    if configured is not Migrations.JOB:
        how = "the bot migrates at start" if configured is Migrations.STARTUP else "off"
        return Migration(MigrationState.NOT_CONFIGURED, f"database.migrations: {how}")
    if job is None:
        return Migration(MigrationState.AT_HEAD, "the migrations of this revision are applied")
    live = facts.children.get(("Job", job))
    outcome = _outcome(live.body) if live is not None else None
    namespace = facts.bot.metadata.namespace
    if outcome == "Complete":
        return Migration(MigrationState.AT_HEAD, f"Job {job} has finished")
    if outcome == "Failed":
        return Migration(
            MigrationState.FAILED,
            f"Job {job} failed; the running revision stays. See kubectl -n {namespace} logs "
            f"job/{job} --all-containers, then delete the Job to try again.",
        )
    if live is None and facts.bot.spec.suspend:
        return Migration(MigrationState.RUNNING, f"Job {job} is made when suspend is off again")
    return _under_way(facts, job)


def _under_way(facts: Facts, job: str) -> Migration:
    """Tell what keeps the pod of a Job from starting, which the Job itself never says."""
    pods = [pod for pod in facts.pods if pod.name.startswith(f"{job}-")]
    problem = workload_problem(pods, None)
    if problem is None:
        return Migration(MigrationState.RUNNING, f"Job {job} is running")
    if problem.reason in _CANNOT_START:
        message = f"Job {job} cannot start; the running revision stays: {problem.message}"
        return Migration(MigrationState.FAILED, message)
    return Migration(MigrationState.RUNNING, f"Job {job} does not get on: {problem.message}")


def _outcome(job: Mapping[str, Any]) -> str | None:
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return str(condition["type"])
    return None
