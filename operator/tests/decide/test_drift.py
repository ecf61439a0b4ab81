"""What somebody did to a child behind our back is told apart from what we want anew."""

import copy
from typing import Any

import pytest

from vertice_operator.api.v1alpha1.status import ChildState
from vertice_operator.decide.announce import EventReason, of_work
from vertice_operator.decide.outcome import ChildResult, Outcome
from vertice_operator.decide.plan import Act, Plan, Step

REVISION_DATA = ("ControllerRevision", "data")
"""The API server itself refuses every change of it."""
HASH = "vertice.dev/spec-hash"


def remembered(here: Any, state: str = "Applied") -> None:
    """Write the children that are live into the status, as a reconcile does."""
    here.status["children"] = [
        {"kind": kind, "name": name, "state": state} for kind, name in here.live
    ]


def step(plan: Plan, kind: str) -> Step:
    return next(each for each in plan.steps if each.kind.kind == kind)


def done(plan: Plan, wrote: bool = True) -> Outcome:
    applied = ChildState.APPLIED
    return Outcome(
        tuple(
            ChildResult(each.kind.kind, each.name, applied, wrote=wrote)
            for each in plan.steps
            if each.act is Act.APPLY
        )
    )


def test_a_new_child_is_no_drift_and_a_deleted_one_is(world: Any) -> None:
    here = world()
    plan = here.act()
    assert not any(each.drift for each in plan.steps)
    remembered(here)
    del here.live["Service", "my-bot-metrics"]
    plan = here.plan()
    found = step(plan, "Service")
    assert (found.act, found.drift, found.because) == (Act.APPLY, True, "was deleted")
    told = [each.reason for each in of_work(plan, done(plan))]
    assert told == [EventReason.DRIFT_CORRECTED]
    assert list(of_work(plan, done(plan, wrote=False))) == [], "it was there after all"


@pytest.mark.parametrize("state", ["Skipped", "Failed"])
def test_what_was_never_made_cannot_have_been_deleted(world: Any, state: str) -> None:
    here = world()
    here.act()
    remembered(here, state)
    del here.live["Service", "my-bot-metrics"]
    assert not step(here.plan(), "Service").drift


def test_a_deleted_migration_job_is_a_wish_to_try_again(world: Any) -> None:
    database = {"direct": {"host": "db"}, "credentialsSecretRef": {"name": "db"}}
    here = world(database=database)
    here.act()
    remembered(here)
    name = next(name for kind, name in here.live if kind == "Job")
    del here.live["Job", name]
    found = step(here.plan(), "Job")
    assert (found.act, found.drift) == (Act.APPLY, False)


def test_a_changed_hash_alone_is_drift_and_one_beside_a_new_spec_is_not(world: Any) -> None:
    here = world()
    here.act()
    body = here.live["Service", "my-bot-metrics"].body
    body["metadata"]["annotations"][HASH] = "0"
    assert step(here.plan(), "Service").drift
    here.act()
    here.spec["pdb"] = {"maxUnavailable": 2}
    assert not step(here.plan(), "PodDisruptionBudget").drift


def test_every_leaf_that_we_own_is_drift_when_it_is_changed(world: Any) -> None:
    """The real API server's part of this is in the runtime tests; this one has every leaf."""
    here = world(autoscaling={"enabled": True}, shards={"count": 4})
    here.act()
    # Without it the live image would count as the default that this bot was given.
    here.status["pinned"] = {"botImage": "vertice-bot:0.1.0", "operatorVersion": "0.1.0"}
    here.status["history"] = [{"name": here.revisions[0], "revision": 1}]
    checked = 0
    for key, live in list(here.live.items()):
        original = copy.deepcopy(live.body)
        wanted = step(here.plan(), key[0]).body if key[0] != "ConfigMap" else None
        for path in leaves(wanted) if wanted else ():
            if path[0] in ("apiVersion", "kind") or (key[0], path[0]) == REVISION_DATA:
                continue
            body = copy.deepcopy(original)
            parent = body
            for part in path[:-1]:
                parent = parent[part]
            parent[path[-1]] = "changed behind our back" if path != ("revision",) else 99
            live.body.clear()
            live.body.update(body)
            found = step(here.plan(), key[0])
            assert (found.act, found.drift) == (Act.APPLY, True), (key, path)
            checked += 1
        live.body.clear()
        live.body.update(original)
    assert checked > 150


def leaves(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = (
        node.items() if isinstance(node, dict)
        else enumerate(node) if isinstance(node, list)
        else ()
    )  # fmt: skip
    found = [leaf for key, value in pairs for leaf in leaves(value, (*path, key))]
    return found or [path]
