import itertools
from typing import Any

import pytest

from vertice_operator.api.conditions import ConditionStatus, ConditionType, Reason
from vertice_operator.api.v1alpha1.status import ChildState, DiscordBotStatus
from vertice_operator.decide.announce import EventReason, of_status
from vertice_operator.decide.facts import Report, ShardReport
from vertice_operator.decide.outcome import ChildResult, Failure, Outcome
from vertice_operator.decide.plan import Act
from vertice_operator.decide.pods import read_pod
from vertice_operator.decide.status import make_status


def outcome_of(plan: Any) -> Outcome:
    states = {Act.UNAVAILABLE: ChildState.SKIPPED}
    return Outcome(
        tuple(
            ChildResult(step.kind.kind, step.name, states.get(step.act, ChildState.APPLIED))
            for step in plan.steps
        )
    )


def status_of(here: Any, outcome: Outcome | None = None) -> DiscordBotStatus:
    plan = here.act()
    return make_status(here.facts(), plan, outcome or outcome_of(plan))


def reason(status: DiscordBotStatus, kind: ConditionType) -> tuple[ConditionStatus, str]:
    condition = status.condition(kind)
    assert condition is not None
    return condition.status, condition.reason


def running(here: Any, pod: Any, shards: int = 2) -> None:
    here.act()
    here.deployed(
        replicas=1, updatedReplicas=1, readyReplicas=1, availableReplicas=1,
        conditions=[{"type": "Available", "status": "True"}],
    )  # fmt: skip
    here.extra["pods"] = (read_pod(pod()),)
    owned = tuple(ShardReport(number, "LIVE", 1) for number in range(shards))
    here.extra["reports"] = (Report("my-bot-1", True, 2, owned, "connected", 900),)


def test_ready_comes_from_observation(world: Any, pod: Any) -> None:
    here = world(shards={"count": 2})
    assert reason(status_of(here), ConditionType.READY) == ("False", "WorkloadUnavailable")
    running(here, pod)
    status = status_of(here)
    assert reason(status, ConditionType.READY) == ("True", "AllComponentsReady")
    assert status.shards is not None
    assert (status.shards.configured, status.shards.owned, status.shards.unowned) == (2, 2, ())
    assert status.image is not None
    assert status.image.last_good == "vertice-bot:0.1.0"
    running(here, pod, shards=1)
    status = status_of(here)
    assert reason(status, ConditionType.READY) == ("False", "ShardsUnowned")
    assert status.shards is not None
    assert status.shards.unowned == (1,)
    here.extra["reports"] = (Report("my-bot-1", reachable=False),)
    assert reason(status_of(here), ConditionType.READY) == ("Unknown", "StatusUnreachable")


@pytest.mark.parametrize("spec", [{}, {"suspend": True}, {"autoscaling": {"enabled": True}}])
@pytest.mark.parametrize("trouble", ["none", "secret", "token", "paused", "invalid", "conflict"])
def test_a_status_is_complete_and_its_own_fixed_point(
    world: Any, pod: Any, spec: Any, trouble: str
) -> None:
    """Written once, it is not written again: nothing in it changes by itself."""
    here = world(**spec)
    running(here, pod)
    result = None
    if trouble == "secret":
        here.secrets = {}
    elif trouble == "token":
        here.extra["token_holder"] = "demo/older"
    elif trouble == "paused":
        here.metadata["annotations"] = {"vertice.dev/paused": "true"}
    elif trouble == "invalid":
        here.spec["scheduling"] = {"tolerations": [{"bad": 1}]}
    elif trouble == "conflict":
        failed = ChildResult(
            "Service", "x", ChildState.FAILED, "exists already", Failure.NAME_CONFLICT
        )
        result = Outcome((failed,))
    first = status_of(here, result)
    assert [each.type for each in first.conditions] == [str(kind) for kind in ConditionType]
    assert {each.observed_generation for each in first.conditions} == {1}
    here.status = first.to_dict()
    second = status_of(here, result)
    assert second == first
    assert DiscordBotStatus.model_validate(first.to_dict()) == first


FAULTS = [
    pytest.param("SpecAccepted", "InvalidSpec", Failure.INVALID, "Deployment", id="refused"),
    pytest.param("SpecAccepted", "NameConflict", Failure.NAME_CONFLICT, "Service", id="foreign"),
    pytest.param("MonitoringReady", "RuleRejected", Failure.INVALID, "PrometheusRule", id="rule"),
    pytest.param("NetworkRestricted", "ReconcileFailed", Failure.FORBIDDEN, "NetworkPolicy",
                 id="policy"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "expected", "failure", "child"), FAULTS)
def test_a_failed_child_is_told_where_it_belongs(
    world: Any, pod: Any, kind: str, expected: str, failure: Failure, child: str
) -> None:
    here = world(shards={"count": 2})
    here.kinds = frozenset({"ServiceMonitor", "PrometheusRule"})
    running(here, pod)
    result = ChildResult(child, "my-bot", ChildState.FAILED, "the server's own words", failure)
    status = status_of(here, Outcome((result,)))
    condition = status.condition(ConditionType(kind))
    assert condition is not None
    assert (condition.status, condition.reason) == ("False", expected)
    assert "the server's own words" in condition.message
    ready = reason(status, ConditionType.READY)[0]
    assert ready == ("True" if child == "PrometheusRule" else "False"), "monitoring stops no bot"


def test_only_a_finished_rollout_with_pods_is_the_last_good_one(world: Any, pod: Any) -> None:
    here = world(image={"repository": "bot", "tag": "2"})
    here.status = {"image": {"lastGood": "bot:1"}}
    here.act()
    here.deployed(replicas=1, updatedReplicas=1, availableReplicas=0)
    status = status_of(here)
    assert status.image is not None
    assert (status.image.last_good, status.image.current) == ("bot:1", None)
    here.deployed(replicas=1, updatedReplicas=1, availableReplicas=1)
    status = status_of(here)
    assert status.image is not None
    assert (status.image.last_good, status.image.current) == ("bot:2", "bot:2")
    idle = world(image={"repository": "bot", "tag": "3"}, suspend=True)
    idle.status = {"image": {"lastGood": "bot:2"}}
    idle.act()
    idle.deployed(replicas=0)
    status = status_of(idle)
    assert status.image is not None
    assert status.image.last_good == "bot:2", "no pod has proved anything"


def test_quota_before_the_first_pod(world: Any) -> None:
    here = world()
    plan = here.plan()
    result = ChildResult("Deployment", "my-bot", ChildState.FAILED, "exceeded quota", Failure.QUOTA)
    status = make_status(here.facts(), plan, Outcome((result,)))
    assert reason(status, ConditionType.WORKLOAD_AVAILABLE) == ("False", "QuotaExceeded")


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (Report("p", True, degraded=(("redis", "CircuitOpen"),)), "DependencyCircuitOpen"),
        (Report("p", True, 2, (ShardReport(0, "LIVE", 1),), "disconnected"), "DiscordOutage"),
        (Report("p", True, degraded=(("discord", "GatewayDisconnected"),)), "DiscordOutage"),
        (Report("p", True, degraded=(("identify", "BudgetLow"),)), "IdentifyBudgetLow"),
        (Report("p", True, 2, (), "connected", 3), "IdentifyBudgetLow"),
        (Report("p", True, 2, (), "connected", 0), "IdentifyBudgetLow"),
        (Report("p", True, 2, (), "connected", 900), "AsExpected"),
        (Report("p", False), "AsExpected"),
    ],
)
def test_degraded(world: Any, pod: Any, report: Report, expected: str) -> None:
    here = world()
    running(here, pod)
    here.extra["reports"] = (report,)
    status, found = reason(status_of(here), ConditionType.DEGRADED)
    assert (status, found) == ("False" if expected == "AsExpected" else "True", expected)


def test_autoscaling_limits_are_told(world: Any, pod: Any) -> None:
    here = world(autoscaling={"enabled": True, "maxReplicas": 9}, shards={"count": 2})
    running(here, pod)
    assert reason(status_of(here), ConditionType.AUTOSCALING_READY)[1] == "MetricsAPIMissing"
    here.metrics_api = True
    status = status_of(here)
    assert reason(status, ConditionType.AUTOSCALING_READY)[1] == "LimitedByShards"
    assert status.autoscaling is not None
    assert status.autoscaling.effective_max == 2


def test_a_transition_is_announced_once(world: Any, pod: Any) -> None:
    here = world(shards={"count": 2})
    running(here, pod)
    good = status_of(here)
    assert list(of_status(DiscordBotStatus(), good)) == [], "a new healthy bot is no news"
    here.secrets = {}
    bad = status_of(here)
    told = list(of_status(good, bad))
    assert [(each.reason, each.warning) for each in told] == [(EventReason.REFUSED, True)]
    assert list(of_status(bad, bad)) == []
    assert list(of_status(bad, good)) == []


def test_every_reason_that_is_written_is_known(world: Any, pod: Any) -> None:
    known = {str(each) for each in Reason}
    for spec, ready in itertools.product([{}, {"suspend": True}], [True, False]):
        here = world(**spec)
        if ready:
            running(here, pod)
        assert {each.reason for each in status_of(here).conditions} <= known


@pytest.mark.parametrize("trouble", ["paused", "invalid"])
def test_a_change_that_is_held_back_is_not_called_rolled_out(
    world: Any, pod: Any, trouble: str
) -> None:
    here = world(shards={"count": 2})
    running(here, pod)
    if trouble == "paused":
        here.metadata["annotations"] = {"vertice.dev/paused": "true"}
        assert reason(status_of(here), ConditionType.ROLLED_OUT) == ("True", "UpToDate")
    else:
        here.spec["scheduling"] = {"tolerations": [{"bad": 1}]}
    here.spec["logging"] = {"level": "DEBUG"}
    assert reason(status_of(here), ConditionType.ROLLED_OUT) == ("Unknown", "RolloutInProgress")


def test_a_refused_deployment_is_not_called_rolled_out(world: Any, pod: Any) -> None:
    here = world(shards={"count": 2})
    running(here, pod)
    failed = ChildResult("Deployment", "my-bot", ChildState.FAILED, "no", Failure.FORBIDDEN)
    status = status_of(here, Outcome((failed,)))
    assert reason(status, ConditionType.ROLLED_OUT) == ("Unknown", "RolloutInProgress")


def test_a_suspend_that_pause_holds_back_is_not_told_as_done(world: Any, pod: Any) -> None:
    here = world(shards={"count": 2})
    running(here, pod)
    here.metadata["annotations"] = {"vertice.dev/paused": "true"}
    here.spec["suspend"] = True
    assert reason(status_of(here), ConditionType.READY) == ("True", "AllComponentsReady")


def test_degraded_says_what_to_do(world: Any, pod: Any) -> None:
    here = world()
    running(here, pod)
    for part in ("postgres", "redis", "discord", "commands", "another"):
        here.extra["reports"] = (Report("p", True, degraded=((part, "Why"),)),)
        condition = status_of(here).condition(ConditionType.DEGRADED)
        assert condition is not None
        assert f"pod p: {part}: Why. " in condition.message, "and then the next step"


def test_pause_hides_no_invalid_spec(world: Any, pod: Any) -> None:
    here = world(shards={"count": 2})
    running(here, pod)
    here.metadata["annotations"] = {"vertice.dev/paused": "true"}
    here.spec["scheduling"] = {"tolerations": [{"bad": 1}]}
    status = status_of(here)
    assert reason(status, ConditionType.PAUSED) == ("True", "Paused")
    assert reason(status, ConditionType.SPEC_ACCEPTED) == ("False", "InvalidSpec")
