"""Turning pages by buttons that carry all they need, so any replica can answer them at any time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

import discord
from discord.ui import Button, DynamicItem, Item, View

from vertice_bot.cogs.answering import keep
from vertice_bot.cogs.moderation import render, texts
from vertice_bot.errors import UserError
from vertice_bot.services.moderation.casebook import Page

if TYPE_CHECKING:
    from vertice_bot.client import VerticeBot


class CasesPage(
    DynamicItem[Button[View]], template=r"vertice:cases:(?P<member>\d{1,20}):(?P<page>\d{1,6})"
):
    """A button that shows another page; member 0 stands for everybody."""

    def __init__(self, member_id: int | None, page: int, label: str, *, disabled: bool) -> None:
        custom_id = f"vertice:cases:{member_id or 0}:{page}"
        super().__init__(Button(label=label, custom_id=custom_id, disabled=disabled))
        self.member_id = member_id
        self.page = page

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """Make the button again from what Discord sends back."""
        return cls(int(match["member"]) or None, int(match["page"]), "", disabled=False)

    async def callback(self, interaction: discord.Interaction[VerticeBot]) -> None:  # type: ignore[override]
        """Show the page in the place of the current one.

        Who may run ``/cases`` is up to the server, and only the person who ran it sees its answer.
        Should a page ever stand where others see it, the permission itself is asked for.
        """
        await keep(interaction)
        message = interaction.message
        alone = message is not None and message.flags.ephemeral
        if not alone and not interaction.permissions.moderate_members:
            raise UserError(texts.NOT_A_MODERATOR)
        await show(interaction, self.member_id, self.page)


async def show(
    interaction: discord.Interaction[VerticeBot], member_id: int | None, number: int
) -> None:
    """Answer an acknowledged interaction with a page of the case book."""
    if interaction.guild_id is None:
        raise UserError(texts.NOT_A_MODERATOR)
    casebook = interaction.client.services.casebook
    page = await casebook.page(interaction.guild_id, member_id, number)
    await interaction.edit_original_response(
        embed=render.book(page, member_id), view=buttons(page, member_id)
    )


def buttons(page: Page, member_id: int | None) -> View | None:
    """Return the buttons of a page; None when there is only one."""
    if page.pages == 1:
        return None
    view = View(timeout=None)
    newer, older = page.number - 1, page.number + 1
    view.add_item(CasesPage(member_id, newer, texts.NEWER, disabled=newer < 1))
    view.add_item(CasesPage(member_id, older, texts.OLDER, disabled=older > page.pages))
    return view
