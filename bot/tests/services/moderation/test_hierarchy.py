import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_bot.services.moderation.hierarchy import Refusal, Standing, refusal


def who(member_id: int, role: int = 0, *, owner: bool = False, bot: bool = False) -> Standing:
    return Standing(member_id, (role, -100 - role), owns_guild=owner, is_bot=bot)


ME = who(9, 5, bot=True)
LOW_ME = who(9, 0, bot=True)


@pytest.mark.parametrize(
    ("actor", "target", "bot", "bot_acts", "expected"),
    [
        pytest.param(who(1, 3), who(2, 1), ME, True, None, id="higher acts on lower"),
        pytest.param(who(1, 3), who(1, 3), ME, True, Refusal.YOURSELF, id="self"),
        pytest.param(who(1, 3, owner=True), who(1, 3, owner=True), ME, True, Refusal.YOURSELF,
                     id="the owner is no exception for self"),
        pytest.param(who(1, 9), ME, ME, True, Refusal.THIS_BOT, id="this bot"),
        pytest.param(who(1, 9), who(2, 1, bot=True), ME, True, Refusal.A_BOT, id="another bot"),
        pytest.param(who(1, 9), who(2, 1, owner=True), ME, True, Refusal.OWNER,
                     id="owner with a low role is still the owner"),
        pytest.param(who(1, 3), who(2, 3), ME, True, Refusal.ABOVE_YOU, id="equal roles"),
        pytest.param(who(1, 2), who(2, 3), ME, True, Refusal.ABOVE_YOU, id="lower on higher"),
        pytest.param(who(1, 0, owner=True), who(2, 4), ME, True, None, id="owner needs no role"),
        pytest.param(who(1, 9), who(2, 5), ME, True, Refusal.ABOVE_THE_BOT, id="bot equal"),
        pytest.param(who(1, 9), who(2, 6), ME, True, Refusal.ABOVE_THE_BOT, id="bot lower"),
        pytest.param(who(1, 9), who(2, 6), ME, False, None, id="a warning needs no rank"),
        pytest.param(who(1, 9, owner=True), who(2, 6), ME, True, Refusal.ABOVE_THE_BOT,
                     id="the owner cannot lend the bot a rank"),
        pytest.param(who(1, 2), who(2, 0), LOW_ME, False, None, id="plain member"),
    ],
)  # fmt: skip
def test_table(
    actor: Standing, target: Standing, bot: Standing, bot_acts: bool, expected: Refusal | None
) -> None:
    assert refusal(actor, target, bot, bot_acts=bot_acts) is expected


def test_of_two_roles_in_one_position_the_older_is_higher() -> None:
    older, newer = Standing(1, (3, -100)), Standing(2, (3, -200))
    assert refusal(older, newer, ME, bot_acts=False) is None
    assert refusal(newer, older, ME, bot_acts=False) is Refusal.ABOVE_YOU


standings = st.builds(
    Standing,
    member_id=st.integers(1, 4),
    top_role=st.tuples(st.integers(0, 3), st.integers(-3, -1)),
    owns_guild=st.booleans(),
    is_bot=st.booleans(),
)


@given(standings, standings, standings)
def test_two_members_can_never_act_on_each_other(a: Standing, b: Standing, me: Standing) -> None:
    both = (refusal(a, b, me, bot_acts=False), refusal(b, a, me, bot_acts=False))
    assert both != (None, None)


@given(standings, standings, standings)
def test_needing_the_bots_rank_only_takes_away(a: Standing, b: Standing, me: Standing) -> None:
    if refusal(a, b, me, bot_acts=True) is None:
        assert refusal(a, b, me, bot_acts=False) is None
