"""Scaling down removes the emptiest replica; the cost is written on change alone."""

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from vertice_operator.decide.checks import first_violation
from vertice_operator.decide.facts import PodFact, Report, ShardReport
from vertice_operator.decide.pod_costs import new_costs


def pod(name: str, **changes: Any) -> PodFact:
    fact = PodFact(name, name, "bot", "r", "", "10.0.0.1", True, True, False, None, (), "n2")
    return dataclasses.replace(fact, **changes)


def report(name: str, shards: int) -> Report:
    return Report(name, True, 8, tuple(ShardReport(n, "LIVE", 1) for n in range(shards)))


def costs(here: Any) -> dict[str, int]:
    facts = here.facts()
    return {pod.name: cost for pod, cost in new_costs(facts, first_violation(facts))}


def two(world: Any, **changes: Any) -> Any:
    here = world(shards={"count": 8})
    here.extra["pods"] = (pod("a", **changes), pod("b"))
    here.extra["reports"] = (report("a", 3), report("b", 5))
    return here


def test_the_cost_is_the_number_of_shards(world: Any) -> None:
    assert costs(two(world)) == {"a": 3, "b": 5}


CHANGES = [
    pytest.param({"deletion_cost": "3"}, {"b": 5}, id="unchanged"),
    pytest.param({"deletion_cost": "nonsense"}, {"a": 3, "b": 5}, id="somebody else's"),
    pytest.param({"terminating": True}, {}, id="on its way out, so the other is alone"),
    pytest.param({"revision": "old"}, {}, id="another ReplicaSet, so the cost decides nothing"),
    pytest.param({"component": "migration"}, {}, id="no pod of the Deployment"),
    pytest.param({"running": False}, {}, id="not running"),
    pytest.param({"node": "n1"}, {"a": -1, "b": 5}, id="on a cordoned node"),
]


@pytest.mark.parametrize(("changes", "expected"), CHANGES)
def test_only_what_changes_is_written(
    world: Any, changes: dict[str, Any], expected: dict[str, int]
) -> None:
    here = two(world, **changes)
    here.extra["cordoned"] = {"n1": datetime(2026, 1, 3, tzinfo=UTC)}
    assert costs(here) == expected


def test_a_silent_pod_keeps_what_it_has(world: Any) -> None:
    here = two(world)
    here.extra["reports"] = (Report("a", reachable=False), report("b", 0))
    assert costs(here) == {}, "0 is what a pod without the annotation costs"


def test_nothing_is_written_while_paused(world: Any) -> None:
    here = two(world)
    here.metadata["annotations"] = {"vertice.dev/paused": "true"}
    assert costs(here) == {}
