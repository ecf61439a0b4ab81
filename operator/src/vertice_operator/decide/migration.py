"""Where the database migration stands."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vertice_operator.api.v1alpha1.database import Migrations
from vertice_operator.decide.facts import Facts


class MigrationState(enum.Enum):
    """State of the schema as far as the operator can tell."""

    NOT_CONFIGURED = "not configured"
    AT_HEAD = "at head"
    RUNNING = "running"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Migration:
    """The state, and the Job or the reason behind it."""

    state: MigrationState
    message: str


def migration(facts: Facts, job: str | None) -> Migration:
    """Judge the migration whose Job is ``job``; None when that Job is no longer wanted.

    render stops wanting the Job once the Deployment records that its migration is complete, so
    that its time to live does not run it again every day.
    """
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
    return Migration(MigrationState.RUNNING, f"Job {job} is running")


def _outcome(job: Mapping[str, Any]) -> str | None:
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return str(condition["type"])
    return None
