import dataclasses
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vertice_operator.api.condition_docs import REASONS
from vertice_operator.api.conditions import ConditionStatus, ConditionType, Reason, merge_conditions
from vertice_operator.api.v1alpha1.status import ChildState, DiscordBotStatus, ImageStatus
from vertice_operator.cluster.statusz import parse
from vertice_operator.decide.announce import EventReason, of_status
from vertice_operator.decide.conditions import Look, make
from vertice_operator.decide.facts import Report, ShardReport
from vertice_operator.decide.outcome import ChildResult, Failure, Outcome
from vertice_operator.decide.plan import Act
from vertice_operator.decide.pods import read_pod
from vertice_operator.decide.shards import coverage
from vertice_operator.decide.status import make_status

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


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
        (
            Report("p", True, degraded=(("lease", "Parked"), ("postgres", "DatabaseMissing"))),
            "DependencyCircuitOpen",
        ),
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


def test_a_lost_database_speaks_for_what_it_takes_with_it(world: Any, pod: Any) -> None:
    here = world()
    running(here, pod)
    parts = (("discord", "GatewayDisconnected"), ("lease", "Parked"), ("postgres", "TimedOut"))
    here.extra["reports"] = tuple(Report(f"pod-{n}", True, degraded=parts) for n in range(5))
    condition = status_of(here).condition(ConditionType.DEGRADED)
    assert condition is not None
    said = "pods pod-0, pod-1, pod-2 and 2 more: postgres: TimedOut. Check that the database runs"
    assert condition.message.startswith(said)


def test_fewer_shards_than_discord_recommends_are_shown_beside_each_other(
    world: Any, pod: Any
) -> None:
    here = world(shards={"count": 2})
    running(here, pod)
    (report,) = here.extra["reports"]
    for recommended, expected in ((2, "AllShardsOwned"), (3, "FewerShardsThanRecommended")):
        here.extra["reports"] = (dataclasses.replace(report, recommended=recommended),)
        status = status_of(here)
        assert reason(status, ConditionType.SHARDS_OWNED) == ("True", expected)
        assert reason(status, ConditionType.READY)[0] == "True"
        assert status.shards is not None
        assert (status.shards.configured, status.shards.recommended) == (2, recommended)


KIB = 36
"""Size of a status as JSON at the very most; docs/troubleshooting.md quotes it."""


@given(st.data())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_status_is_small_whatever_happens(world: Any, pod: Any, data: Any) -> None:
    """64 shards without owner, pods, parts and children that all talk without end."""
    text = data.draw(st.text(min_size=1, max_size=40)) * 2000
    here = world(shards={"count": 64}, policy={"guilds": guilds(500)})
    running(here, pod, shards=0)
    here.deployed(conditions=[{"type": "ReplicaFailure", "status": "True", "message": text}])
    here.extra["pods"] = tuple(read_pod(pod(f"my-bot-{'x' * 40}{n}")) for n in range(20))
    here.extra["reports"] = tuple(
        Report(each.name, True, 64, degraded=((text, text),)) for each in here.extra["pods"]
    )
    plan = here.act()
    failed = ChildResult("x" * 63, "y" * 63, ChildState.FAILED, text, Failure.NAME_CONFLICT)
    results = tuple(dataclasses.replace(failed, name=f"{n:02}{'y' * 60}") for n in range(40))
    look = Look(here.facts(), plan, Outcome(results), coverage(64, (), ()))
    status = make_status(here.facts(), plan, Outcome(results))
    # No state makes all of them long at once; the bound holds even so.
    wordy = [make(look.facts, kind, "False", Reason.INVALID_SPEC, text) for kind in ConditionType]
    status = status.model_copy(
        update={
            "conditions": merge_conditions((), wordy, NOW),
            "image": ImageStatus.model_validate(dict.fromkeys(ImageStatus.model_fields, "i" * 512)),
        }
    )
    assert len(status.children) == 32
    assert len(json.dumps(status.to_dict(), ensure_ascii=False).encode()) <= KIB * 1024


def guilds(number: int) -> dict[str, Any]:
    return {str(10**17 + n): {"locale": "de"} for n in range(number)}


@given(
    lag=st.floats(0, 1e6),
    latency=st.floats(0, 1e3),
    left=st.integers(50, 1000),
    shards=st.integers(1, 8),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_ticks_in_a_bot_reaches_no_status(
    world: Any, pod: Any, lag: float, latency: float, left: int, shards: int
) -> None:
    """Ten quiet minutes are forty answers; none of them may be a write."""

    def told(lag: float, latency: float, left: int) -> DiscordBotStatus:
        here = world(shards={"count": shards})
        running(here, pod)
        document = {
            "shard_count": shards,
            "shards": [
                {"id": n, "state": "LIVE", "epoch": 1, "latency_seconds": latency}
                for n in range(shards)
            ],
            "lag_seconds": lag,
            "discord": {"state": "connected", "identify_remaining": left},
            "degraded": [],
        }
        here.extra["reports"] = (parse("my-bot-1", json.dumps(document).encode()),)
        return status_of(here)

    assert told(lag, latency, left) == told(0.0, 0.0, 900)


def test_every_condition_is_one_of_the_list_with_the_status_that_goes_with_it(
    world: Any, pod: Any
) -> None:
    """One list says what there is; nothing is written that it does not explain."""
    for here in every_state(world, pod):
        for condition in status_of(here).conditions:
            known = REASONS[ConditionType(condition.type)]
            assert Reason(condition.reason) in known, condition
            assert known[Reason(condition.reason)][0] == condition.status, condition


def every_state(world: Any, pod: Any) -> Iterator[Any]:
    troubles: list[Any] = [
        lambda here: None,
        lambda here: here.secrets.clear(),
        lambda here: here.extra.update(token_holder="demo/older"),
        lambda here: here.metadata["annotations"].update({"vertice.dev/paused": "true"}),
        lambda here: here.spec.update(scheduling={"tolerations": [{"bad": 1}]}),
        lambda here: here.extra.update(reports=()),
        lambda here: here.extra.update(reports=(Report("my-bot-1", True, 2),)),
        lambda here: here.deployed(replicas=1),
        lambda here: setattr(here, "minor", 20),
    ]
    specs: list[dict[str, Any]] = [
        {},
        {"suspend": True},
        {"autoscaling": {"enabled": True}},
        {"monitoring": {"enabled": False}, "networkPolicy": {"enabled": False}},
        {"database": {"direct": {"host": "db"}, "credentialsSecretRef": {"name": "db"}}},
    ]
    for spec, trouble, runs in itertools.product(specs, troubles, (True, False)):
        here = world(shards={"count": 2}, **spec)
        if runs:
            running(here, pod)
        else:
            here.act()
        trouble(here)
        yield here
