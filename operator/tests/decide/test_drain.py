"""The decision about a cordoned node, pure: in every state, and never for ever."""

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vertice_operator.api.v1alpha1.status import ChildState
from vertice_operator.decide.announce import EventReason, of_work
from vertice_operator.decide.drain import Help
from vertice_operator.decide.facts import PodFact, SecretFact
from vertice_operator.decide.outcome import ChildResult, Outcome
from vertice_operator.decide.plan import Act, Plan

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def pod(name: str, node: str | None, ready: bool = True, **changes: Any) -> PodFact:
    fact = PodFact(name, name, "bot", "r", "", "10.0.0.1", True, ready, False, None, (), node)
    return dataclasses.replace(fact, **changes)


def on_cordoned_node(world: Any, *pods: PodFact, until: datetime = LATER, **spec: Any) -> Any:
    here = world(shards={"count": 4}, **spec)
    here.act()
    here.extra["pods"] = pods or (pod("a", "n1"),)
    here.extra["cordoned"] = {"n1": until}
    return here


def wanted(plan: Plan, kind: str) -> dict[str, Any]:
    step = next(each for each in plan.steps if each.kind.kind == kind)
    assert step.body is not None
    spec: dict[str, Any] = step.body["spec"]
    return spec


def limits(plan: Plan) -> tuple[Any, Any]:
    spec = wanted(plan, "PodDisruptionBudget")
    return spec.get("minAvailable"), spec.get("maxUnavailable")


def test_a_second_replica_first_then_the_drain(world: Any) -> None:
    here = on_cordoned_node(world)
    template = wanted(here.plan(), "Deployment")["template"]
    plan = here.act()
    assert plan.drain.help is Help.GIVEN
    assert wanted(plan, "Deployment")["replicas"] == 2
    assert limits(plan) == (1, None)
    here.extra["pods"] = (pod("a", "n1"), pod("b", "n2"))
    plan = here.act()
    assert (wanted(plan, "Deployment")["replicas"], limits(plan)) == (2, (1, None))
    here.extra["pods"] = (pod("a", "n1", terminating=True), pod("b", "n2"), pod("c", None, False))
    plan = here.act()
    assert (wanted(plan, "Deployment")["replicas"], limits(plan)) == (1, (None, 1))
    assert wanted(plan, "Deployment")["template"] == template, "no pod is rolled by it"
    assert {each.act for each in here.plan().steps} <= {Act.SKIP, Act.UNAVAILABLE}


def test_with_an_autoscaler_its_minimum_is_two_meanwhile(world: Any) -> None:
    scaling = {"enabled": True, "maxReplicas": 1}
    here = on_cordoned_node(world, autoscaling=scaling)
    plan = here.act()
    hpa = wanted(plan, "HorizontalPodAutoscaler")
    assert (hpa["minReplicas"], hpa["maxReplicas"]) == (2, 2)
    assert "replicas" not in wanted(plan, "Deployment")
    assert limits(plan) == (1, None)
    here.extra["cordoned"] = {}
    hpa = wanted(here.act(), "HorizontalPodAutoscaler")
    assert (hpa["minReplicas"], hpa["maxReplicas"]) == (1, 1)


TWO = (pod("a", "n1"), pod("b", "n2"))
NOT_NEEDED = [
    pytest.param((pod("a", "n2"),), {}, id="on another node"),
    pytest.param((pod("a", None, False),), {}, id="not scheduled"),
    pytest.param((pod("a", "n1", running=False),), {}, id="a pod that has ended"),
    pytest.param((pod("a", "n1", terminating=True),), {}, id="on its way out"),
    pytest.param((pod("a", "n1", component="migration"),), {}, id="a migration's pod"),
    pytest.param(TWO, {"replicas": 2}, id="two replicas"),
    pytest.param(TWO, {"autoscaling": {"enabled": True, "minReplicas": 2}}, id="autoscaled to two"),
    pytest.param(
        (*TWO, pod("c", "n3")), {"autoscaling": {"enabled": True}}, id="scaled up by load"
    ),
    pytest.param((), {"suspend": True}, id="suspended"),
    pytest.param((pod("a", "n1"),), {"pdb": {"enabled": False}}, id="no budget"),
    pytest.param((pod("a", "n1"),), {"pdb": {"maxUnavailable": 1}}, id="the user's own budget"),
]


@pytest.mark.parametrize(("pods", "spec"), NOT_NEEDED)
def test_no_help_where_none_is_needed(world: Any, pods: Any, spec: Any) -> None:
    here = on_cordoned_node(world, *(pods or (pod("a", None, False),)), **spec)
    plan = here.plan()
    assert plan.drain.help is Help.NOT_NEEDED
    assert plan.render_facts.second_replica_for is None


def test_a_held_workload_is_not_helped_or_the_drain_would_wait_for_nothing(world: Any) -> None:
    here = on_cordoned_node(world)
    here.secrets["token"] = SecretFact("token", False)
    assert here.plan().drain.help is Help.NOT_NEEDED
    assert limits(here.plan()) == (None, 1)
    job = {"direct": {"host": "db"}, "credentialsSecretRef": {"name": "db"}}
    here = on_cordoned_node(world, database=job)
    assert here.plan().drain.help is Help.NOT_NEEDED, "the migration runs"


def test_it_ends_in_time(world: Any) -> None:
    here = on_cordoned_node(world)
    here.act()
    here.extra["cordoned"] = {"n1": NOW}
    plan = here.act()
    assert plan.drain.help is Help.ENDED
    assert (wanted(plan, "Deployment")["replicas"], limits(plan)) == (1, (None, 1))
    here = on_cordoned_node(world)
    here.act()
    here.extra |= {"cordoned": {"n1": NOW}, "pods": TWO}
    plan = here.act()
    assert plan.drain.help is Help.NOT_NEEDED, "moved: the pod on the cordoned node goes first"
    assert (wanted(plan, "Deployment")["replicas"], limits(plan)) == (1, (None, 1))


def test_the_beginning_and_the_end_are_told_once(world: Any) -> None:
    def told(here: Any) -> list[EventReason]:
        plan = here.act()
        results = tuple(
            ChildResult(s.kind.kind, s.name, ChildState.APPLIED, wrote=s.act is Act.APPLY)
            for s in plan.steps
        )
        return [e.reason for e in of_work(plan, Outcome(results)) if "Drain" in e.reason.value]

    here = on_cordoned_node(world)
    assert told(here) == [EventReason.DRAIN_HELPED]
    assert told(here) == []
    here.extra["cordoned"] = {}
    assert told(here) == [EventReason.DRAIN_FINISHED]
    assert told(here) == []
    here.extra["cordoned"] = {"n1": LATER}
    told(here)
    here.extra["cordoned"] = {"n1": NOW}
    assert told(here) == [EventReason.DRAIN_NOT_HELPED]
    assert told(here) == []


PODS = st.lists(
    st.builds(
        pod,
        st.sampled_from("abcd"),
        st.sampled_from(["n1", "n2", "n3", None]),
        st.booleans(),
        terminating=st.booleans(),
        running=st.booleans(),
    ),
    max_size=4,
)


@given(
    pods=PODS,
    cordoned=st.dictionaries(st.sampled_from(["n1", "n2"]), st.sampled_from([NOW, LATER])),
    replicas=st.integers(0, 3),
    scaled=st.booleans(),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_budget_never_blocks_without_a_second_replica_on_its_way(
    world: Any, pods: list[PodFact], cordoned: dict[str, datetime], replicas: int, scaled: bool
) -> None:
    here = world(shards={"count": 4}, replicas=replicas, autoscaling={"enabled": scaled})
    here.extra |= {"pods": tuple(pods), "cordoned": cordoned}
    plan = here.act()
    least, most = limits(plan)
    if least is None:
        assert most == 1
        return
    assert any(until > NOW for until in cordoned.values()), "not after its time"
    if scaled:
        assert wanted(plan, "HorizontalPodAutoscaler")["minReplicas"] == 2
    else:
        assert wanted(plan, "Deployment")["replicas"] == 2
    assert {each.act for each in here.plan().steps} <= {Act.SKIP, Act.UNAVAILABLE}
