"""A report as a message. Pure: from values to an embed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

import discord

from vertice_bot.cogs.activity import texts
from vertice_bot.db.repos.message_counts import Ranked
from vertice_bot.services.activity.periods import Period
from vertice_bot.services.activity.report import TOP, Report

_ACCENT = discord.Colour.blurple()


def report(
    found: Report, period: Period, channel_id: int | None, shown: Callable[[int], bool]
) -> discord.Embed:
    """Show a report; ``shown`` says which channels the person may know of."""
    embed = discord.Embed(title=texts.TITLE.format(period=texts.PERIODS[period]), colour=_ACCENT)
    if found.totals.messages == 0:
        embed.description = texts.EMPTY
        return embed
    embed.description = _total(found, channel_id) + _change(found.change)
    visible = (each for each in found.top_channels if shown(each.id))
    channels = ranking(islice(visible, TOP), "<#{}>")
    members = ranking(found.top_members, "<@{}>")
    if channels:
        embed.add_field(name=texts.TOP_CHANNELS, value=channels)
    if members:
        embed.add_field(name=texts.TOP_MEMBERS, value=members)
    return embed


def ranking(entries: Iterable[Ranked], form: str) -> str:
    """Return lines with rank, mention and number."""
    return "\n".join(
        texts.RANK.format(rank=rank, who=form.format(entry.id), messages=f"{entry.messages:,}")
        for rank, entry in enumerate(entries, start=1)
    )


def _total(found: Report, channel_id: int | None) -> str:
    totals = found.totals
    return texts.TOTAL.format(
        messages=_counted(totals.messages, texts.MESSAGES),
        members=_counted(totals.members, texts.MEMBERS),
        channels=(
            _counted(totals.channels, texts.CHANNELS) if channel_id is None else f"<#{channel_id}>"
        ),
    )


def _counted(number: int, forms: tuple[str, str]) -> str:
    one, many = forms
    return (one if number == 1 else many).format(n=f"{number:,}")


def _change(change: float | None) -> str:
    if change is None:
        return ""
    arrow = "▲" if change >= 0 else "▼"
    return texts.CHANGE.format(change=f"{arrow} {abs(change):.0%}")
