"""Warnings on a real Postgres: written ahead, numbered, done once, settled after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from vertice_bot.db.repos import cases
from vertice_bot.db.repos.cases import Case, CaseStatus, Notice
from vertice_bot.effects import Fenced
from vertice_bot.errors import Unavailable
from vertice_bot.services.moderation.warnings import Warnings, WarnRequest


def request(interaction_id: int, guild_id: int = 1) -> WarnRequest:
    return WarnRequest(guild_id, 20, 30, "spam", interaction_id)


def service(stage: Any) -> Warnings:
    return Warnings(stage.bot, stage.database, stage.effects, stage.metrics)


class Told:
    """Remembers who was told, and answers as it is told to."""

    def __init__(self, answer: Notice | Exception = Notice.SENT) -> None:
        self.answer = answer
        self.cases: list[Case] = []
        self.logged: list[tuple[int, Notice]] = []
        self.before: Callable[[Case], Awaitable[None]] | None = None

    async def log(self, case: Case, notice: Notice) -> None:
        self.logged.append((case.number, notice))

    async def tell(self, case: Case) -> Notice:
        self.cases.append(case)
        if self.before is not None:
            await self.before(case)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def stored(stage: Any, interaction_id: int) -> Case:
    case = await cases.by_interaction(stage.database, interaction_id)
    assert case is not None
    return case


async def make_old(stage: Any, seconds: int) -> None:
    await stage.database.execute(
        "UPDATE vertice.moderation_case SET created_at = now() - $1 * interval '1 second'",
        seconds,
    )


async def test_the_case_is_written_before_the_member_is_told(stage: Any) -> None:
    told = Told()
    seen: list[CaseStatus] = []

    async def look(case: Case) -> None:
        seen.append((await stored(stage, case.interaction_id)).status)

    told.before = look
    outcome = await service(stage).warn(request(100), told)
    assert seen == [CaseStatus.PENDING]
    assert outcome.opened
    assert outcome.case.status is CaseStatus.APPLIED
    assert outcome.case == await stored(stage, 100)
    assert outcome.case.settled_at is not None


@pytest.mark.parametrize("notice", [Notice.REFUSED, Notice.FAILED])
async def test_a_message_that_does_not_arrive_does_not_undo_the_case(
    stage: Any, notice: Notice
) -> None:
    outcome = await service(stage).warn(request(100), Told(notice))
    assert (outcome.case.status, outcome.case.notice) == (CaseStatus.APPLIED, notice)


async def test_the_log_learns_what_became_of_the_message(stage: Any) -> None:
    told = Told(Notice.REFUSED)
    await service(stage).warn(request(100), told)
    await service(stage).warn(request(100), told)
    assert told.logged == [(1, Notice.REFUSED)]


async def test_a_fault_of_ours_leaves_a_failed_case_not_none(stage: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        await service(stage).warn(request(100), Told(ZeroDivisionError("bug")))
    case = await stored(stage, 100)
    assert (case.status, case.failure) == (CaseStatus.FAILED, "ZeroDivisionError")


async def test_a_replayed_interaction_does_nothing_twice(stage: Any) -> None:
    told = Told()
    first = await service(stage).warn(request(100), told)
    again = await service(stage).warn(request(100), told)
    assert (first.opened, again.opened) == (True, False)
    assert again.case == first.case
    assert len(told.cases) == 1


async def test_the_same_interaction_at_once_on_two_replicas_opens_one_case(stage: Any) -> None:
    told = Told()
    outcomes = await asyncio.gather(*(service(stage).warn(request(100), told) for _ in range(5)))
    assert sorted(outcome.opened for outcome in outcomes) == [False] * 4 + [True]
    assert {outcome.case.number for outcome in outcomes} == {1}
    assert len(told.cases) == 1


async def test_numbers_are_gapless_under_concurrency_and_per_guild(stage: Any) -> None:
    warn = service(stage).warn
    told = Told()
    requests = [request(1000 + n, guild_id=1 + n % 3) for n in range(90)]
    outcomes = await asyncio.gather(*(warn(each, told) for each in requests))
    for guild in (1, 2, 3):
        numbers = sorted(o.case.number for o in outcomes if o.case.guild_id == guild)
        assert numbers == list(range(1, 31))


async def test_another_bot_in_the_same_database_has_numbers_of_its_own(stage: Any) -> None:
    await service(stage).warn(request(1), Told())
    other = cases.NewCase("demo/other", 1, cases.CaseKind.WARN, 2, 3, "x", 2)
    async with stage.database.transaction() as conn:
        assert (await cases.open_case(conn, other)).number == 1


async def test_a_replaced_owner_writes_nothing_and_tells_nobody(stage: Any) -> None:
    await stage.take_over()
    told = Told()
    with pytest.raises(Fenced):
        await service(stage).warn(request(100), told)
    assert told.cases == []
    assert await cases.by_interaction(stage.database, 100) is None


async def test_a_case_of_a_replaced_owner_stays_pending_for_the_next(stage: Any) -> None:
    told = Told()

    async def lose(_: Case) -> None:
        await stage.take_over()

    told.before = lose
    outcome = await service(stage).warn(request(100), told)
    assert outcome.opened
    assert outcome.case.status is CaseStatus.PENDING
    assert (await stored(stage, 100)).status is CaseStatus.PENDING


async def crash_between(stage: Any, interaction_id: int) -> None:
    """Leave a case as a process does that dies after writing it ahead."""

    async def die(_: Case) -> None:
        raise asyncio.CancelledError

    told = Told()
    told.before = die
    with pytest.raises(asyncio.CancelledError):
        await service(stage).warn(request(interaction_id), told)
    assert (await stored(stage, interaction_id)).status is CaseStatus.PENDING


async def test_the_sweep_leaves_a_young_case_to_its_handler(stage: Any) -> None:
    await crash_between(stage, 100)
    told = Told()
    assert await service(stage).settle_abandoned(told) == 0
    assert told.cases == []


async def test_the_sweep_tells_again_while_discord_drops_repetitions(stage: Any) -> None:
    await crash_between(stage, 100)
    await make_old(stage, 90)
    told = Told()
    assert await service(stage).settle_abandoned(told) == 1
    case = await stored(stage, 100)
    assert (case.status, case.notice) == (CaseStatus.APPLIED, Notice.SENT)
    assert [each.interaction_id for each in told.cases] == [100]
    assert told.logged == [(1, Notice.SENT)]


async def test_the_sweep_tells_nobody_when_a_repetition_would_be_delivered(stage: Any) -> None:
    await crash_between(stage, 100)
    await make_old(stage, 600)
    told = Told()
    assert await service(stage).settle_abandoned(told) == 1
    case = await stored(stage, 100)
    assert (case.status, case.notice) == (CaseStatus.APPLIED, Notice.UNKNOWN)
    assert (told.cases, told.logged) == ([], [])


async def test_a_settled_case_never_changes_again(stage: Any) -> None:
    outcome = await service(stage).warn(request(100), Told(Notice.REFUSED))
    async with stage.database.transaction() as conn:
        assert await cases.settle(conn, outcome.case, CaseStatus.FAILED, Notice.FAILED, "x") is None
    assert (await stored(stage, 100)).status is CaseStatus.APPLIED


async def test_a_standby_sweeps_nothing(stage: Any) -> None:
    await crash_between(stage, 100)
    await make_old(stage, 600)
    stage.lease.held = None
    with pytest.raises(Fenced):
        await service(stage).settle_abandoned(Told())
    assert (await stored(stage, 100)).status is CaseStatus.PENDING


async def test_without_the_database_nobody_is_told(stage: Any) -> None:
    await stage.database.close()
    told = Told()
    with pytest.raises(Unavailable):
        await service(stage).warn(request(100), told)
    assert told.cases == []


async def test_cases_are_counted_by_outcome(stage: Any) -> None:
    await service(stage).warn(request(100), Told())
    await service(stage).warn(request(100), Told())
    sample = stage.metrics.registry.get_sample_value(
        "vertice_moderation_cases_total", {"action": "warn", "outcome": "applied"}
    )
    assert sample == 1
