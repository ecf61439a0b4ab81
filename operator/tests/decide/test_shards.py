from hypothesis import given
from hypothesis import strategies as st

from vertice_operator.decide.facts import PodFact, Report, ShardReport
from vertice_operator.decide.shards import coverage


def pod(name: str, ready: bool = True) -> PodFact:
    return PodFact(name, name, "bot", "r", "", "10.0.0.1", True, ready, False, None, ())


def report(name: str, *shards: tuple[int, str], count: int = 4) -> Report:
    return Report(name, True, count, tuple(ShardReport(i, state, 1) for i, state in shards))


def test_owned_ready_and_unowned() -> None:
    seen = coverage(4, [pod("a"), pod("b")], [report("a", (0, "LIVE"), (1, "RESUMING")),
                                              report("b", (3, "LIVE"))])  # fmt: skip
    assert (seen.owned, seen.ready, seen.unowned) == ({0, 1, 3}, {0, 3}, (2,))
    assert seen.silent == ()


def test_shards_of_another_number_do_not_count() -> None:
    """While a bot is re-sharded, shard 0 of 2 is not shard 0 of 4."""
    seen = coverage(4, [pod("old"), pod("new")], [report("old", (0, "LIVE"), (1, "LIVE"), count=2),
                                                  report("new", (2, "LIVE"))])  # fmt: skip
    assert seen.owned == {2}


def test_a_ready_pod_that_does_not_answer_is_named_and_a_starting_one_is_not() -> None:
    pods = [pod("silent"), pod("starting", ready=False), pod("unasked")]
    seen = coverage(2, pods, [Report("silent", reachable=False)])
    assert seen.silent == ("silent", "unasked")


@given(st.integers(1, 12), st.lists(st.sets(st.integers(0, 11)), max_size=4))
def test_owned_and_unowned_are_all_there_is(configured: int, owners: list[set[int]]) -> None:
    owners = [{shard for shard in owned if shard < configured} for owned in owners]
    pods = [pod(f"p{n}") for n in range(len(owners))]
    reports = [
        report(f"p{n}", *((shard, "LIVE") for shard in owned), count=configured)
        for n, owned in enumerate(owners)
    ]
    seen = coverage(configured, pods, reports)
    assert seen.owned | set(seen.unowned) == set(range(configured))
    assert not seen.owned & set(seen.unowned)
    assert set().union(*owners) == seen.owned
