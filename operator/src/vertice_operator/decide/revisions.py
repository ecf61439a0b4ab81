"""Which revision the resource asks for, and which one is to run.

Two promises are kept here. A version of the operator that renders the pods in another way restarts
no bot: as long as the spec asks for what it asked for before, the template that was rolled out is
kept, and drift is repaired against it. And a roll-out that fails goes back to the last revision
that ran well, template and configuration together.

Everything is judged anew from the live ControllerRevisions and the Deployment. The status only adds
what cannot be seen any more: which of the older revisions were good.
"""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from vertice_operator.api import names
from vertice_operator.api.problem import SpecError
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.api.v1alpha1.status import RevisionOutcome, RevisionStatus
from vertice_operator.decide.diff import first_difference
from vertice_operator.decide.facts import ChildKey, Facts
from vertice_operator.decide.images import adopts
from vertice_operator.decide.migration import Migration, MigrationState
from vertice_operator.decide.pods import crash_loops, rollout_of
from vertice_operator.decide.rollout import Progress, progress, proved, request_id
from vertice_operator.render import (
    ANNOTATION_LAST_GOOD,
    ANNOTATION_ROLLED_BACK,
    CONTROLLER_REVISION,
    MOST_REVISIONS,
    History,
    Recorded,
    RenderFacts,
    Revision,
    config_key,
    controller_revision,
    fresh_revision,
)


def history(facts: Facts, given: RenderFacts) -> History:
    """Decide what is asked for, what runs, and what else is kept."""
    bot, stored = facts.bot, recorded(facts)
    asked, held = _asked(facts, given, stored)
    request = request_id(asked.name, bot.spec.restart_at)
    good = _last_good(facts, stored, asked.name)
    failed = bot.spec.rollout.auto_rollback and _failed(facts, asked.name, request)
    running = good if failed else None
    target = (running or asked).name
    protected = {asked.name, target, live_revision(facts.deployment), good.name if good else None}
    protected |= _in_use_by_jobs(facts, stored)
    return History(
        asked=asked,
        running=running,
        kept=tuple(
            each for each in _kept(stored, protected) if each.name not in (asked.name, target)
        ),
        last_good=_remembered(facts, target),
        rolled_back=request if running is not None else None,
        held=held,
    )


def recorded(facts: Facts) -> list[Recorded]:
    """Read the ControllerRevisions that are ours, the oldest roll-out first."""
    found = []
    for (kind, name), live in facts.children.items():
        if kind != CONTROLLER_REVISION.kind or live.owner_uid != facts.bot.metadata.uid:
            continue
        data = live.body.get("data") or {}
        if not {"spec", "template", "config"} <= data.keys():
            continue
        restarted = _annotations(live.body).get(names.ANNOTATION_RESTARTED_AT)
        revision = Revision(name, data["template"], data["config"])
        each = Recorded(revision, live.body.get("revision") or 0, data["spec"], restarted)
        found.append(_as_we_wrote_it(facts, each, live.body))
    return sorted(found, key=lambda each: (each.number, each.name))


def _as_we_wrote_it(facts: Facts, found: Recorded, body: Mapping[str, Any]) -> Recorded:
    """Undo a change of the number: the one thing of a ControllerRevision that can be changed.

    The status remembers the number, and the hash on the object says whether it is ours.
    """
    entry = next((each for each in facts.bot.status.history if each.name == found.name), None)
    if entry is None or entry.revision == found.number:
        return found
    ours = dataclasses.replace(found, number=entry.revision)
    wanted = _annotations(controller_revision(facts.bot, ours)).get(names.ANNOTATION_SPEC_HASH)
    unchanged = _annotations(body).get(names.ANNOTATION_SPEC_HASH) == wanted
    return ours if unchanged else found


def _annotations(body: Mapping[str, Any]) -> Mapping[str, str]:
    return body["metadata"].get("annotations") or {}


def live_revision(deployment: Mapping[str, Any] | None) -> str | None:
    """Return the name of the revision that the live template was made from."""
    if deployment is None:
        return None
    name = _annotations(deployment["spec"]["template"]).get(names.ANNOTATION_REVISION)
    return str(name) if name else None


def mounted_by_jobs(facts: Facts) -> dict[str, str]:
    """Return which configuration each live migration Job mounts, by the Job's name."""
    found = {}
    for (kind, name), live in facts.children.items():
        if kind == "Job" and live.owner_uid == facts.bot.metadata.uid:
            key = _mounted((live.body.get("spec") or {}).get("template") or {})
            if key is not None:
                found[name] = key
    return found


def needed_by_pods(facts: Facts, past: History) -> set[ChildKey]:
    """Return ServiceAccounts that pods run with, or would after going back; they must stay.

    An old revision's pods may come again until the new one has proved itself.
    """
    templates: list[Mapping[str, Any]] = [past.target.revision.template]
    if facts.deployment is not None:
        templates.append(facts.deployment["spec"]["template"])
        if not proved(facts.deployment):
            templates += [
                each.revision.template for each in past.kept if each.name == past.last_good
            ]
    found = (each["spec"].get("serviceAccountName") for each in templates)
    return {("ServiceAccount", name) for name in found if name}


def revision_statuses(facts: Facts, past: History, schema: Migration) -> tuple[RevisionStatus, ...]:
    """Describe the stored revisions, newest first."""
    before = {each.name: each for each in facts.bot.status.history}
    described = [
        RevisionStatus(
            revision=each.number,
            name=each.name,
            image=each.revision.image[:512] or None,
            config_hash=each.revision.config_hash,
            created_at=_created(facts, each.name),
            outcome=_outcome(facts, past, each.name, before.get(each.name), schema).value,
            generation=(
                facts.bot.metadata.generation
                if each.name == past.asked.name
                else before[each.name].generation
                if each.name in before
                else None
            ),
        )
        for each in recorded(facts)
    ]
    return tuple(reversed(described))[:MOST_REVISIONS]


def _outcome(
    facts: Facts, past: History, name: str, before: RevisionStatus | None, schema: Migration
) -> RevisionOutcome:
    """Say what became of one revision. What was once good stays so, until it fails."""
    was = before.outcome if before is not None else None
    live = live_revision(facts.deployment)
    rolled_back = facts.noted(ANNOTATION_ROLLED_BACK) or past.rolled_back or ""
    if rolled_back.partition(" ")[0] == name:
        return RevisionOutcome.FAILED
    if name == live and progress(facts.deployment) is Progress.FAILED:
        return RevisionOutcome.FAILED
    if name == live and proved(facts.deployment):
        return RevisionOutcome.GOOD
    if was == RevisionOutcome.GOOD or facts.noted(ANNOTATION_LAST_GOOD) == name:
        return RevisionOutcome.GOOD
    if name == past.asked.name and name != live and schema.state is MigrationState.FAILED:
        return RevisionOutcome.FAILED
    if name in (live, past.asked.name):
        return RevisionOutcome.RUNNING
    return RevisionOutcome.FAILED if was == RevisionOutcome.FAILED else RevisionOutcome.SUPERSEDED


def _created(facts: Facts, name: str) -> datetime | None:
    body = facts.children[CONTROLLER_REVISION.kind, name].body
    moment = body["metadata"].get("creationTimestamp")
    return datetime.fromisoformat(moment) if moment else None


def _asked(facts: Facts, given: RenderFacts, stored: list[Recorded]) -> tuple[Recorded, str]:
    """Return what the resource asks for, and why it is not what would be rendered now."""
    bot = facts.bot
    fresh, restart = fresh_revision(bot, given), bot.spec.restart_at
    newest = stored[-1] if stored else None
    if newest is None:
        return Recorded(fresh, 1, bot.spec.to_dict(), restart), ""
    if newest.name == fresh.name:
        return Recorded(newest.revision, newest.number, newest.spec, restart), ""
    if not adopts(bot, facts.deployment) and _same_request(bot, given, newest, fresh):
        kept = Recorded(newest.revision, newest.number, newest.spec, restart)
        return kept, _rendered_differently(newest.revision, fresh)
    again = next((each for each in stored if each.name == fresh.name), None)
    revision, spec = (again.revision, again.spec) if again else (fresh, bot.spec.to_dict())
    return Recorded(revision, newest.number + 1, spec, restart), ""


def _same_request(bot: DiscordBot, given: RenderFacts, newest: Recorded, fresh: Revision) -> bool:
    """Tell whether the spec still asks for the newest revision, whoever rendered it.

    It does when the spec was not changed since. Else the spec of then is rendered as it would be
    now: where that gives the same as the present spec, no change of the spec reaches the template.
    """
    entry = next((each for each in bot.status.history if each.name == newest.name), None)
    if entry is not None and entry.generation == bot.metadata.generation:
        return True
    document = {"metadata": bot.metadata.to_dict(), "spec": newest.spec}
    try:
        former = DiscordBot.from_object(document)
    except SpecError:
        return False  # this version knows no such spec any more, so it is not the present one
    return fresh_revision(former, given).name == fresh.name


def _rendered_differently(old: Revision, new: Revision) -> str:
    """Name the first difference; that the configuration differs is told only if nothing else is."""
    before, after = _without_config(old.template), _without_config(new.template)
    found = first_difference(after, before) or first_difference(before, after)
    return found or "config.yaml"


def _without_config(template: Mapping[str, Any]) -> dict[str, Any]:
    annotations = {
        key: value
        for key, value in _annotations(template).items()
        if key != names.ANNOTATION_CONFIG_HASH
    }
    volumes = [each for each in template["spec"].get("volumes") or () if "configMap" not in each]
    return {
        "metadata": {**template["metadata"], "annotations": annotations},
        "spec": {**template["spec"], "volumes": volumes},
    }


def _last_good(facts: Facts, stored: list[Recorded], asked: str) -> Recorded | None:
    """Return the revision to go back to: the one that ran well last, other than the asked one."""
    known = {each.name: each for each in stored if each.name != asked}
    named = facts.noted(ANNOTATION_LAST_GOOD)
    if named in known:
        return known[named]
    good = {
        each.name
        for each in facts.bot.status.history
        if each.outcome == RevisionOutcome.GOOD and each.name in known
    }
    return max((known[name] for name in good), key=lambda each: each.number, default=None)


def _failed(facts: Facts, asked: str, request: str) -> bool:
    """Tell whether the request was rolled back, or is to be now.

    Only a roll-out of this very request counts: a Deployment or pods that still are of another one
    say nothing about it.
    """
    deployment = facts.deployment
    if deployment is None:
        return False
    if facts.noted(ANNOTATION_ROLLED_BACK) == request:
        return True
    rollout = rollout_of(_annotations(deployment["spec"]["template"]))
    wanted = (asked, facts.bot.spec.restart_at or "", facts.secret_hash or rollout[2])
    if rollout != wanted:
        return False
    state = progress(deployment)
    if state is Progress.FAILED:
        return True
    return state is Progress.RUNNING and crash_loops(facts.pods, rollout)


def _remembered(facts: Facts, target: str) -> str | None:
    """Return which revision the Deployment is to remember as the last good one.

    It is written together with another template, and only then: until it leaves, the revision that
    runs is its own witness.
    """
    live, named = live_revision(facts.deployment), facts.noted(ANNOTATION_LAST_GOOD)
    if live is None or live == target:
        return named
    noted = any(
        each.name == live and each.outcome == RevisionOutcome.GOOD
        for each in facts.bot.status.history
    )
    return live if noted or proved(facts.deployment) else named


def _mounted(template: Mapping[str, Any]) -> str | None:
    """Return the key of the ConfigMap that pods of this template read as ``config.yaml``."""
    for volume in (template.get("spec") or {}).get("volumes") or ():
        for item in (volume.get("configMap") or {}).get("items") or ():
            if item.get("path") == names.CONFIG_FILE:
                return str(item["key"])
    return None


def _in_use_by_jobs(facts: Facts, stored: list[Recorded]) -> set[str | None]:
    """Return the revisions whose configuration a live migration Job mounts: the newest of each."""
    keys = set(mounted_by_jobs(facts).values())
    by_key = {config_key(each.revision.config_hash): each.name for each in stored}
    return {by_key[key] for key in keys & by_key.keys()}


def _kept(stored: list[Recorded], protected: set[str | None]) -> list[Recorded]:
    """Return the revisions to keep: the newest ones, and those that are needed whatever their age.

    One place is left for what is asked for, which may not be stored yet.
    """
    needed = [each for each in stored if each.name in protected]
    others = [each for each in stored if each.name not in protected]
    missing = len(protected - {None}) - len(needed)
    room = max(MOST_REVISIONS - len(needed) - missing, 0)
    newest = others[max(len(others) - room, 0) :]
    return sorted([*needed, *newest], key=lambda each: each.number)
