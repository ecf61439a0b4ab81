"""Embeds stay within Discord's limits whatever people write, and say what there is to say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_bot.cogs.activity import render as activity
from vertice_bot.cogs.moderation import render, texts
from vertice_bot.cogs.moderation.pages import CasesPage, buttons
from vertice_bot.db.repos.cases import Case, CaseKind, CaseStatus, Notice
from vertice_bot.db.repos.message_counts import Ranked, Totals
from vertice_bot.services.activity.periods import Period, window
from vertice_bot.services.activity.report import CANDIDATES, TOP, Report
from vertice_bot.services.moderation.casebook import PAGE_SIZE, Page
from vertice_bot.services.moderation.hierarchy import Refusal
from vertice_bot.services.moderation.warnings import WarnOutcome

NOW = datetime(2026, 11, 25, 13, tzinfo=UTC)
ID = 2**63 - 1


def case(
    reason: str = "spam",
    status: CaseStatus = CaseStatus.APPLIED,
    notice: Notice = Notice.SENT,
    number: int = 12,
) -> Case:
    return Case(
        "demo/bot", ID, number, CaseKind.WARN, status, ID, ID, reason, ID, notice, None, NOW, NOW
    )


def within_limits(embed: discord.Embed) -> bool:
    """Discord's documentation, resources/message, "Embed Limits"."""
    assert len(embed.title or "") <= 256
    assert len(embed.description or "") <= 4096
    assert len(embed.footer.text or "") <= 2048
    assert len(embed.fields) <= 25
    assert all(len(field.value or "") <= 1024 for field in embed.fields)
    assert all(len(field.value or "") >= 1 for field in embed.fields)
    return len(embed) <= 6000


reasons = st.text(min_size=1, max_size=512)


@given(reasons, st.text(min_size=1, max_size=100))
def test_a_notice_holds_the_whole_reason(reason: str, guild: str) -> None:
    embed = render.notice(case(reason), guild)
    assert within_limits(embed)
    assert reason in (embed.description or "")
    assert within_limits(render.log_entry(case(reason), Notice.REFUSED))


@given(st.lists(reasons, min_size=1, max_size=PAGE_SIZE), st.booleans())
def test_a_full_page_of_long_cases_fits(found: list[str], one_member: bool) -> None:
    cases = tuple(case(reason, number=2**31 - 1 - n) for n, reason in enumerate(found))
    embed = render.book(Page(cases, 1, 10**6, 10**7), ID if one_member else None)
    assert within_limits(embed)
    assert (embed.description or "").count("\n> ") == len(found)


@given(reasons, st.integers(1, 200))
def test_shortening_gives_one_line_within_the_limit(text: str, limit: int) -> None:
    short = render.shorten(text, limit)
    assert len(short) <= limit
    assert "\n" not in short


@pytest.mark.parametrize(
    ("status", "opened", "notice", "text"),
    [
        (CaseStatus.APPLIED, True, Notice.SENT, "They got a direct message"),
        (CaseStatus.APPLIED, True, Notice.REFUSED, "please tell them yourself"),
        (CaseStatus.APPLIED, True, Notice.FAILED, "please tell them yourself"),
        (CaseStatus.APPLIED, False, Notice.SENT, "in the book already, as case #12"),
        (CaseStatus.PENDING, True, Notice.WAITING, "settles itself within two minutes"),
        (CaseStatus.PENDING, False, Notice.WAITING, "settles itself within two minutes"),
    ],
)
def test_the_moderator_learns_what_came_of_it(
    status: CaseStatus, opened: bool, notice: Notice, text: str
) -> None:
    embed = render.outcome(WarnOutcome(case(status=status, notice=notice), opened))
    assert text in (embed.description or "")


def test_every_value_has_a_text() -> None:
    assert set(texts.REFUSALS) == set(Refusal)
    assert set(texts.NOTICES) == set(texts.LOG_NOTICES) == set(Notice)
    assert set(texts.KINDS) == set(CaseKind)
    assert set(texts.MARKS) == set(texts.STATUSES) == set(CaseStatus)


@pytest.mark.parametrize("number", [1, 2, 99_999])
async def test_buttons_carry_what_they_need_and_differ(number: int) -> None:
    view = buttons(Page((), number, 100_000, 1), ID)
    assert view is not None
    pattern = CasesPage.__discord_ui_compiled_template__
    ids = [item.custom_id for item in view.children if isinstance(item, CasesPage)]
    assert len(set(ids)) == 2
    for custom_id, page in zip(ids, (number - 1, number + 1), strict=True):
        match = pattern.fullmatch(custom_id)
        assert match is not None
        assert (int(match["member"]), int(match["page"])) == (ID, page)
        assert len(custom_id) <= 100


async def test_one_page_needs_no_buttons() -> None:
    assert buttons(Page((), 1, 1, 1), None) is None


def report(messages: int = 10**9, previous: int = 10**9, ranks: int = CANDIDATES) -> Report:
    ranked = tuple(Ranked(ID - n, 10**9) for n in range(ranks))
    shown = window(Period.DAY, NOW)
    totals = Totals(messages, 10**6, 500)
    return Report(shown, totals, previous, (1,) * 24, (1,) * 24, ranked, ranked[:TOP])


def test_the_largest_report_fits() -> None:
    embed = activity.report(report(), Period.MONTH, None, lambda _: True)
    assert within_limits(embed)
    assert all((field.value or "").count("\n") == TOP - 1 for field in embed.fields)


def test_hidden_channels_are_left_out_and_the_next_ones_move_up() -> None:
    embed = activity.report(report(), Period.DAY, None, lambda one: one < ID - 2)
    channels = embed.fields[0].value or ""
    assert channels.startswith(f"`1` <#{ID - 3}>")
    assert channels.count("\n") == TOP - 1


def test_no_visible_channel_gives_no_empty_field() -> None:
    embed = activity.report(report(), Period.DAY, None, lambda _: False)
    assert [field.name for field in embed.fields] == ["Most active members"]


@pytest.mark.parametrize(
    ("messages", "previous", "text"),
    [(150, 100, "▲ 50%"), (50, 100, "▼ 50%"), (100, 100, "▲ 0%")],
)
def test_the_change_against_the_period_before(messages: int, previous: int, text: str) -> None:
    embed = activity.report(report(messages, previous), Period.DAY, None, lambda _: True)
    assert text in (embed.description or "")


def test_without_a_period_before_there_is_no_change() -> None:
    embed = activity.report(report(5, 0), Period.DAY, None, lambda _: True)
    assert "against" not in (embed.description or "")
    assert timedelta(days=1) == window(Period.DAY, NOW).end - window(Period.DAY, NOW).start
