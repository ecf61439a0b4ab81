"""Who is to have which shard."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vertice_bot.gateway.ownership import Seen
from vertice_bot.gateway.placement import (
    Balance,
    Member,
    Move,
    newest_revision,
    place,
    rebalance,
    to_take,
)

NAMES = [f"replica-{n}" for n in range(8)]
members = st.lists(
    st.builds(
        Member,
        owner=st.sampled_from(NAMES),
        revision=st.sampled_from(["old", "new"]),
        joined=st.integers(0, 50).map(float),
        draining=st.booleans(),
    ),
    unique_by=lambda m: m.owner,
    max_size=8,
)
counts = st.integers(1, 40)


@st.composite
def fleets(draw: st.DrawFn) -> tuple[range, dict[int, str], list[Member]]:
    shards = range(draw(counts))
    names = st.sampled_from([*NAMES, "dead"]) | st.none()
    owners = {s: o for s in shards if (o := draw(names)) is not None}
    return shards, owners, draw(members)


@settings(deadline=None)
@given(fleets())
def test_every_shard_has_one_place_and_what_is_held_stays(
    fleet: tuple[range, dict[int, str], list[Member]],
) -> None:
    shards, owners, everybody = fleet
    plan = place(shards, owners, everybody)
    able = {m.owner for m in everybody if not m.draining}
    if not able:
        assert plan == {}
        return
    assert set(plan) == set(shards)
    assert set(plan.values()) <= able
    for shard, owner in owners.items():
        if owner in able:
            assert plan[shard] == owner


@settings(deadline=None)
@given(fleets())
def test_nothing_new_goes_beyond_the_bound(
    fleet: tuple[range, dict[int, str], list[Member]],
) -> None:
    shards, owners, everybody = fleet
    able = {m.owner for m in everybody if not m.draining}
    held = Counter(o for o in owners.values() if o in able)
    load = Counter(place(shards, owners, everybody).values())
    limit = math.ceil(len(shards) / max(1, len(able)))
    for owner in able:
        assert load[owner] <= max(limit, held[owner])


@settings(deadline=None)
@given(fleets(), st.randoms(use_true_random=False))
def test_everybody_comes_to_the_same_answer(
    fleet: tuple[range, dict[int, str], list[Member]], dice: random.Random
) -> None:
    shards, owners, everybody = fleet
    shuffled = dice.sample(everybody, len(everybody))
    mixed = dict(dice.sample(sorted(owners.items()), len(owners)))
    assert place(shards, mixed, shuffled) == place(shards, owners, everybody)
    assert rebalance(mixed, shuffled) == rebalance(owners, everybody)


@settings(deadline=None)
@given(fleets())
def test_evening_out_ends_and_makes_the_load_even(
    fleet: tuple[range, dict[int, str], list[Member]],
) -> None:
    shards, owners, everybody = fleet
    owners = place(shards, owners, everybody)
    for _ in range(len(shards) + 1):
        move = rebalance(owners, everybody)
        if move is None:
            break
        assert owners[move.shard] == move.giver
        owners = owners | {move.shard: move.receiver}
    else:
        pytest.fail("it never ends")
    able = [m.owner for m in everybody if not m.draining]
    load = [Counter(owners.values())[name] for name in able]
    if load:
        assert max(load) - min(load) <= 1


def test_each_shard_moves_once_per_roll_out() -> None:
    shards = range(8)
    fleet = [Member(f"old-{n}", "old", 0.0) for n in range(3)]
    owners = place(shards, {}, fleet)
    moves: Counter[int] = Counter()
    for step in range(3):
        fleet.append(Member(f"new-{step}", "new", 100.0 + step))
        fleet[0] = replace(fleet[0], draining=True)
        before, owners = owners, place(shards, owners, fleet)
        moves.update(s for s in shards if before[s] != owners[s])
        assert all(owners[s].startswith("new") for s in shards if before[s] != owners[s])
        del fleet[0]
    assert set(moves.values()) == {1}
    assert set(moves) == set(shards)
    assert sorted(Counter(owners.values()).values()) == [2, 3, 3]


def test_a_revision_is_as_new_as_its_oldest_member() -> None:
    crashed_and_back = [
        Member("a", "old", 1.0),
        Member("b", "old", 90.0),
        Member("c", "new", 50.0),
    ]
    assert newest_revision(crashed_and_back) == "new"
    rolled_back = [Member("a", "bad", 50.0), Member("b", "good", 70.0)]
    assert newest_revision(rolled_back) == "good"


def row(number: int, **changes: object) -> Seen:
    base = {
        "row": number,
        "owner": None,
        "epoch": 1,
        "rev": 1,
        "lease_until": None,
        "takeable": True,
        "expires_in": None,
    }
    return Seen(**(base | changes))  # type: ignore[arg-type]


TWO = (Member("me"), Member("you"))


def numbers(rows: tuple[Seen, ...]) -> list[int]:
    return [r.row for r in rows]


def test_two_takers_share_free_rows_without_a_word() -> None:
    rows = [row(n) for n in range(6)]
    mine, yours = to_take(rows, TWO, "me"), to_take(rows, TWO, "you")
    assert sorted(numbers(mine) + numbers(yours)) == list(range(6))
    assert len(mine) == len(yours) == 3


def test_a_released_row_waits_for_its_heir_and_not_for_ever() -> None:
    rows = [row(0, heir="you", free_for=2.9)]
    assert to_take(rows, TWO, "me") == ()
    assert numbers(to_take(rows, TWO, "you")) == [0]
    late = [row(0, heir="you", free_for=3.0)]
    assert numbers(to_take(late, TWO, "me")) == [0]


def test_a_dead_heir_is_not_waited_for() -> None:
    rows = [row(0, heir="gone")]
    assert numbers(to_take(rows, (Member("me"),), "me")) == [0]


def test_who_let_a_lease_expire_gets_nothing_back() -> None:
    rows = [row(0, owner="you", expires_in=-0.1), row(1, owner="me", takeable=False)]
    # Still listed as alive for a moment; by load alone the row would be meant for it.
    assert numbers(to_take(rows, TWO, "me")) == [0]


def test_who_is_draining_or_not_listed_takes_nothing() -> None:
    rows = [row(0, free_for=60.0)]
    assert to_take(rows, (Member("me", draining=True),), "me") == ()
    assert to_take(rows, (Member("you"),), "me") == ()


def test_an_imbalance_must_last() -> None:
    balance = Balance(30.0)
    move = Move(1, "me", "you")
    assert not balance.due(move, TWO, 0.0)
    assert not balance.due(move, TWO, 29.0)
    assert balance.due(move, TWO, 30.0)
    # The next move of the same imbalance follows at once.
    assert balance.due(Move(2, "me", "you"), TWO, 31.0)
    assert not balance.due(None, TWO, 32.0)
    assert not balance.due(move, TWO, 33.0)


def test_a_flapping_member_moves_nothing() -> None:
    balance = Balance(30.0)
    move = Move(1, "me", "you")
    three = (*TWO, Member("third"))
    for moment in range(0, 300, 10):
        fleet = three if moment % 20 else TWO
        assert not balance.due(move, fleet, float(moment))
