from hypothesis import given
from hypothesis import strategies as st

from vertice_operator.cluster.tokens import Claim, TokenRegistry

BOTS = [("ns", f"bot-{number}") for number in range(4)]
CLAIMS = [Claim(f"2026-01-0{number + 1}", f"uid-{number}", bot) for number, bot in enumerate(BOTS)]


@given(
    st.lists(
        st.tuples(st.sampled_from(CLAIMS), st.sampled_from(["a", "b", None])), max_size=30
    )
)  # fmt: skip
def test_exactly_the_oldest_of_each_token_is_free(steps: list[tuple[Claim, str | None]]) -> None:
    registry, truth = TokenRegistry(), dict[Claim, str]()
    for claim, token in steps:
        before = {each.bot: registry.holder(each.bot) for each in CLAIMS}
        told = set(registry.claim(token, claim))
        truth.pop(claim, None)
        if token is not None:
            truth[claim] = token
        for each in CLAIMS:
            rivals = [c for c, held in truth.items() if held == truth.get(each)]
            expected = min(rivals).bot if each in truth and min(rivals) != each else None
            assert registry.holder(each.bot) == expected
            changed = before[each.bot] != expected and each != claim
            assert not changed or each.bot in told, "whoever is concerned is told"


def test_a_released_token_wakes_those_behind_it() -> None:
    registry = TokenRegistry()
    registry.claim("a", CLAIMS[0])
    registry.claim("a", CLAIMS[1])
    assert registry.holder(BOTS[1]) == BOTS[0]
    assert set(registry.release(BOTS[0])) == {BOTS[1]}
    assert registry.holder(BOTS[1]) is None
    assert registry.release(BOTS[0]) == ()
