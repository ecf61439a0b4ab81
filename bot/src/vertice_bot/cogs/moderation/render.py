"""Cases as messages. Pure: from values to embeds."""

from __future__ import annotations

from datetime import datetime

import discord

from vertice_bot.cogs.moderation import texts
from vertice_bot.db.repos.cases import Case, CaseStatus, Notice
from vertice_bot.services.moderation.casebook import Page
from vertice_bot.services.moderation.warnings import WarnOutcome

REASON_IN_LIST = 140
_YELLOW = discord.Colour(0xF0B232)
_GREY = discord.Colour(0x80848E)


def mention(member_id: int) -> str:
    """Return the text that Discord shows as a member's name."""
    return f"<@{member_id}>"


def outcome(result: WarnOutcome) -> discord.Embed:
    """Tell the moderator what came of a warning."""
    case = result.case
    if case.status is CaseStatus.PENDING:
        text, colour = texts.PENDING.format(number=case.number), _GREY
    elif not result.opened:
        text, colour = texts.WARNED_BEFORE.format(number=case.number), _GREY
    else:
        said = texts.WARNED.format(number=case.number, member=mention(case.member_id))
        text, colour = f"{said}\n{texts.NOTICES[case.notice]}", _YELLOW
    return discord.Embed(description=text, colour=colour)


def notice(case: Case, guild_name: str) -> discord.Embed:
    """Tell the member that they were warned."""
    embed = discord.Embed(
        title=texts.NOTICE_TITLE.format(guild=guild_name)[:256],
        description=texts.NOTICE_TEXT.format(reason=case.reason),
        colour=_YELLOW,
        timestamp=case.created_at,
    )
    embed.set_footer(text=texts.NOTICE_FOOTER.format(number=case.number))
    return embed


def log_entry(case: Case, notice: Notice) -> discord.Embed:
    """Tell the moderators' log channel about a case."""
    embed = discord.Embed(
        title=texts.LOG_TITLE.format(number=case.number, kind=texts.KINDS[case.kind]),
        description=case.reason,
        colour=_YELLOW,
        timestamp=case.created_at,
    )
    embed.add_field(name=texts.LOG_MEMBER, value=mention(case.member_id))
    embed.add_field(name=texts.LOG_MODERATOR, value=mention(case.moderator_id))
    embed.add_field(name=texts.LOG_NOTICE, value=texts.LOG_NOTICES[notice])
    return embed


def book(page: Page, member_id: int | None) -> discord.Embed:
    """Show one page of the case book."""
    embed = discord.Embed(title=texts.BOOK_TITLE, colour=_YELLOW)
    if member_id is not None:
        embed.title = None
    lines = [line(case) for case in page.cases]
    heading = [texts.BOOK_OF.format(member=mention(member_id))] if member_id is not None else []
    if not lines:
        empty = texts.BOOK_EMPTY
        if member_id is not None:
            empty = texts.BOOK_EMPTY_OF.format(member=mention(member_id))
        embed.description = empty
        return embed
    embed.description = "\n".join([*heading, *lines])
    total = texts.CASES.get(page.total, texts.CASES_MANY).format(total=page.total)
    embed.set_footer(text=texts.BOOK_FOOTER.format(page=page.number, pages=page.pages, total=total))
    return embed


def line(case: Case) -> str:
    """Return a case as one line with its reason quoted below."""
    return texts.BOOK_LINE.format(
        mark=texts.MARKS[case.status],
        number=case.number,
        kind=texts.KINDS[case.kind],
        member=mention(case.member_id),
        moderator=mention(case.moderator_id),
        time=_relative(case.created_at),
        state=texts.STATUSES[case.status] + texts.BOOK_NOTICES.get(case.notice, ""),
        reason=shorten(case.reason, REASON_IN_LIST),
    )


def shorten(text: str, limit: int) -> str:
    """Put a text on one line of at most ``limit`` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def _relative(moment: datetime) -> str:
    return discord.utils.format_dt(moment, "R")
