"""Compares what the operator would make with what is there, object by object."""

import asyncio
from collections.abc import Mapping
from typing import Any

from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.cli.clock import now
from vertice_operator.cli.exits import ExitCode, Refusal
from vertice_operator.cli.explain import missing_right
from vertice_operator.cli.look.children import Family, family
from vertice_operator.cli.look.world import look
from vertice_operator.cli.rendering import read
from vertice_operator.cli.screen import Document
from vertice_operator.cli.session import Session
from vertice_operator.cli.show.diff import change, hold
from vertice_operator.cli.show.objects import project, stripped
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import Object
from vertice_operator.cluster.kinds import BOT
from vertice_operator.decide.facts import Facts
from vertice_operator.decide.plan import Act, Plan, Step, make_plan
from vertice_operator.render import ChildKind

_NOTHING = Family((), (), ())


async def with_live(
    session: Session, document: Object, operator_namespace: str, *, dry_run: bool
) -> list[Document]:
    """Say what would change if the cluster held ``document`` (and nothing else were new).

    The spec is that of ``document``; identity, status and annotations are those of the live bot
    of the same name, if there is one.
    """
    present = await _present(session, document)
    relatives = await family(session, present) if present is not None else _NOTHING
    if relatives.hidden:
        rights = ", ".join(right for _, right in relatives.hidden)
        raise Refusal(
            ExitCode.FORBIDDEN, f"to compare, you must see all children; missing: {rights}"
        )
    facts = await look(session, _as_stored(document, present), relatives, operator_namespace, now())
    plan = make_plan(facts, operator_namespace)
    meta = facts.bot.metadata
    if plan.violation is not None and not plan.steps:
        return [hold("DiscordBot", meta.namespace, meta.name, plan.violation.message)]
    live = {(each["kind"], each["metadata"]["name"]): each for each in relatives.children}
    found = await asyncio.gather(
        *(_step(session, facts, live, step, dry_run) for step in plan.steps)
    )
    return [*(each for each in found if each is not None), *_doomed(plan, live)]


async def _present(session: Session, document: Object) -> Object | None:
    meta = document["metadata"]
    try:
        return await session.client.get(BOT, meta["namespace"], meta["name"])
    except errors.KindMissingError:
        raise
    except errors.NotFoundError:
        return None


def _as_stored(document: Object, present: Object | None) -> DiscordBot:
    """Give the resource as it would stand in the cluster."""
    if present is None:
        return read(document)
    meta = dict(present["metadata"])
    if present.get("spec") != document.get("spec"):
        meta["generation"] = meta.get("generation", 0) + 1
    if "annotations" in document["metadata"]:
        before = meta.get("annotations") or {}
        meta["annotations"] = {**before, **document["metadata"]["annotations"]}
    return read({**document, "metadata": meta, "status": present.get("status") or {}})


async def _step(
    session: Session,
    facts: Facts,
    live: Mapping[tuple[str, str], Object],
    step: Step,
    dry_run: bool,
) -> Document | None:
    """Compare one child, by asking the server what it would make of it."""
    kind, namespace = step.kind.kind, facts.bot.metadata.namespace
    before = live.get((kind, step.name))
    if step.act is Act.HOLD:
        return hold(kind, namespace, step.name, step.because)
    if step.act is not Act.APPLY or step.body is None:
        return None
    because = "" if before is None else step.because
    if before is None and not facts.bot.metadata.uid:
        return change(None, dict(step.body), because)
    after: Mapping[str, Any] = step.body
    if dry_run:
        after = await _dry_run(session, step.kind, dict(step.body))
        after = stripped({**after, "kind": kind, "apiVersion": step.kind.api_version})
        return change(stripped(before) if before else None, _handed_over(after, step), because)
    seen = project(stripped(before), after) if before is not None else None
    return change(seen, _handed_over(after, step), because)


async def _dry_run(session: Session, kind: ChildKind, body: Object) -> Object:
    try:
        return await session.client.apply(kind, body, dry_run=True)
    except errors.ForbiddenError as error:
        text = f"{missing_right(error.message)} Without it: --no-dry-run."
        raise Refusal(ExitCode.FORBIDDEN, text) from None


def _handed_over(after: Mapping[str, Any], step: Step) -> dict[str, Any]:
    """Keep the replicas that the operator hands over before it lets go of the field."""
    if step.handover is None:
        return dict(after)
    return {**after, "spec": {**after["spec"], "replicas": step.handover}}


def _doomed(plan: Plan, live: Mapping[tuple[str, str], Object]) -> list[Document]:
    found = (
        change(stripped(live[each.kind, each.name]), None, "no longer wanted")
        for each in plan.prune
        if (each.kind, each.name) in live
    )
    return [each for each in found if each is not None]
