"""Merging conditions: times move exactly when a status changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_operator.api.condition_docs import CONDITIONS, REASONS
from vertice_operator.api.conditions import (
    Condition,
    ConditionStatus,
    ConditionType,
    Reason,
    merge_conditions,
    timestamp,
)

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)

times = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - the zone is drawn apart
    max_value=datetime(2040, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)


def conditions(*, stored: bool) -> st.SearchStrategy[tuple[Condition, ...]]:
    """Give lists of conditions, each type at most once; stored ones have a time."""
    each = st.builds(
        Condition,
        type=st.sampled_from([*ConditionType, "FromTheFuture"]),
        status=st.sampled_from(ConditionStatus),
        reason=st.sampled_from(Reason),
        message=st.text(max_size=20),
        observed_generation=st.integers(0, 5),
        last_transition_time=times if stored else st.none(),
    )
    return st.lists(each, unique_by=lambda entry: entry.type).map(tuple)


def condition(kind: str, status: str, **more: object) -> Condition:
    return Condition.model_validate(
        {"type": kind, "status": status, "reason": "Because", "message": "", **more}
    )


@given(conditions(stored=True), conditions(stored=False), times)
def test_time_moves_exactly_when_the_status_changes(
    old: tuple[Condition, ...], new: tuple[Condition, ...], now: datetime
) -> None:
    before = {each.type: each for each in old}
    merged = merge_conditions(old, new, now)
    assert {each.type for each in merged} == {each.type for each in new}
    for each in merged:
        former = before.get(each.type)
        if former is not None and former.status == each.status:
            assert each.last_transition_time == former.last_transition_time
        else:
            assert each.last_transition_time == now.replace(microsecond=0)


@given(conditions(stored=True), conditions(stored=False), times, times)
def test_merging_again_changes_nothing(
    old: tuple[Condition, ...], new: tuple[Condition, ...], now: datetime, later: datetime
) -> None:
    """Otherwise the operator would write the status for ever."""
    once = merge_conditions(old, new, now)
    assert merge_conditions(once, new, later) == once
    assert [each.to_dict() for each in merge_conditions(once, new, later)] == [
        each.to_dict() for each in once
    ]


@given(conditions(stored=False).flatmap(lambda each: st.permutations(each)), times)
def test_order_of_the_new_ones_does_not_matter(new: list[Condition], now: datetime) -> None:
    merged = merge_conditions((), new, now)
    assert merged == merge_conditions((), sorted(new, key=lambda each: each.type), now)


@given(conditions(stored=True))
def test_a_condition_survives_the_api_server(old: tuple[Condition, ...]) -> None:
    for each in old:
        read = Condition.model_validate(each.to_dict())
        assert read.to_dict() == each.to_dict()


def test_reason_and_message_follow_without_moving_the_time() -> None:
    old = condition("Ready", "False", reason="A", last_transition_time=NOON)
    new = condition("Ready", "False", reason="B", message="why", observed_generation=2)
    merged = merge_conditions([old], [new], NOON + timedelta(hours=1))
    assert merged == (new.at(NOON),)


def test_a_stored_condition_without_a_time_gets_one() -> None:
    merged = merge_conditions([condition("Ready", "True")], [condition("Ready", "True")], NOON)
    assert merged[0].last_transition_time == NOON


def test_conditions_that_are_not_decided_any_more_go() -> None:
    old = condition("Paused", "True", last_transition_time=NOON)
    assert merge_conditions([old], [], NOON) == ()


def test_a_type_given_twice_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="Ready is given twice"):
        merge_conditions([], [condition("Ready", "True"), condition("Ready", "False")], NOON)


def test_a_time_without_a_zone_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="time zone"):
        merge_conditions([], [], datetime(2026, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-01-31T12:00:00Z"),
        (NOON.astimezone(timezone(timedelta(hours=-3))), "2026-01-31T12:00:00Z"),
        (NOON.replace(microsecond=999_999), "2026-01-31T12:00:00Z"),
    ],
)
def test_times_are_written_as_kubernetes_does(moment: datetime, text: str) -> None:
    assert timestamp(moment) == text


def test_a_status_of_a_newer_operator_is_readable() -> None:
    read = condition("Novel", "True", reason="NeverHeardOf", severity="high")
    assert (read.type, read.reason) == ("Novel", "NeverHeardOf")


def test_types_are_those_of_the_contract() -> None:
    names = (
        "Ready SpecAccepted SecretsResolved WorkloadAvailable RolledOut ShardsOwned "
        "DatabaseMigrated AutoscalingReady MonitoringReady NetworkRestricted Degraded Paused"
    )
    assert [str(kind) for kind in ConditionType] == names.split()


def test_every_type_and_reason_is_explained() -> None:
    assert set(CONDITIONS) == set(REASONS) == set(ConditionType)
    explained = {reason for reasons in REASONS.values() for reason in reasons}
    assert explained == set(Reason)


def test_every_type_can_be_true_and_false_or_unknown() -> None:
    for kind, reasons in REASONS.items():
        statuses = {status for status, _ in reasons.values()}
        assert ConditionStatus.TRUE in statuses, kind
        assert len(statuses) > 1, kind
