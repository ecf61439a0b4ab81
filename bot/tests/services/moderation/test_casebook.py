from __future__ import annotations

from typing import Any

import pytest

from vertice_bot.db.repos import cases
from vertice_bot.services.moderation.casebook import PAGE_SIZE, CaseBook


async def fill(stage: Any, number: int, member_id: int) -> None:
    for index in range(number):
        new = cases.NewCase(
            stage.bot, 1, cases.CaseKind.WARN, member_id, 3, "x", member_id * 1000 + index
        )
        async with stage.database.transaction() as conn:
            await cases.open_case(conn, new)


async def test_an_empty_book_has_one_empty_page(stage: Any) -> None:
    page = await CaseBook(stage.bot, stage.database).page(1, None, 1)
    assert (page.cases, page.number, page.pages, page.total) == ((), 1, 1, 0)


@pytest.mark.parametrize(
    ("asked", "shown", "first"),
    [(1, 1, 20), (2, 2, 20 - PAGE_SIZE), (3, 3, 20 - 2 * PAGE_SIZE), (99, 3, 4), (-5, 1, 20)],
)
async def test_pages_go_from_newest_to_oldest_and_never_leave_the_book(
    stage: Any, asked: int, shown: int, first: int
) -> None:
    await fill(stage, 20, member_id=5)
    page = await CaseBook(stage.bot, stage.database).page(1, None, asked)
    assert (page.number, page.pages, page.total) == (shown, 3, 20)
    assert page.cases[0].number == first


async def test_one_member_only(stage: Any) -> None:
    await fill(stage, 3, member_id=5)
    await fill(stage, 2, member_id=6)
    page = await CaseBook(stage.bot, stage.database).page(1, 6, 1)
    assert [case.number for case in page.cases] == [5, 4]
    assert page.total == 2
