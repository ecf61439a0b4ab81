"""Commands of moderators."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from vertice_bot.cogs.answering import think
from vertice_bot.cogs.moderation import pages, render, texts
from vertice_bot.cogs.moderation.voice import DiscordVoice
from vertice_bot.effects import Fenced
from vertice_bot.errors import Unavailable, UserError
from vertice_bot.services.moderation.hierarchy import Standing, refusal
from vertice_bot.services.moderation.warnings import WarnRequest
from vertice_bot.services.periodic import every

if TYPE_CHECKING:
    from vertice_bot.client import VerticeBot

SWEEP_SECONDS = 30.0
_Reason = app_commands.Range[str, 1, 512]
_Page = app_commands.Range[int, 1, 100_000]


class Moderation(commands.Cog):
    """``/warn`` and ``/cases``, and the sweep that settles cases left open by a crash."""

    def __init__(self, bot: VerticeBot) -> None:
        self._bot = bot
        self._voice = DiscordVoice(bot)
        self._sweeping: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Start the sweep; on a standby it does nothing."""
        self._sweeping = asyncio.create_task(
            every(SWEEP_SECONDS, "settle abandoned cases", self._sweep)
        )

    async def cog_unload(self) -> None:
        """Stop the sweep."""
        if self._sweeping is not None:
            self._sweeping.cancel()

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Settle at once what another instance left behind, now that this one is the owner."""
        with contextlib.suppress(Unavailable, Fenced):
            await self._sweep()

    async def _sweep(self) -> None:
        # Only an owner may settle; and before there is one, even the tables may be missing.
        if self._bot.runners:
            await self._bot.services.warnings.settle_abandoned(self._voice)

    @app_commands.command(name="warn", description=texts.WARN_DESCRIPTION)
    @app_commands.describe(
        member=texts.WARN_MEMBER, reason=texts.WARN_REASON, public=texts.WARN_PUBLIC
    )
    @app_commands.guild_only()
    @app_commands.default_permissions(moderate_members=True)
    async def warn(
        self,
        interaction: discord.Interaction[VerticeBot],
        member: discord.User,
        reason: _Reason,
        public: bool = False,
    ) -> None:
        """Check the ranks, give the warning, tell the moderator what came of it."""
        await think(interaction, ephemeral=True)
        guild = _require_rank(interaction, member)
        request = WarnRequest(
            guild_id=guild.id,
            member_id=member.id,
            moderator_id=interaction.user.id,
            reason=reason,
            interaction_id=interaction.id,
        )
        result = await self._bot.services.warnings.warn(request, self._voice)
        await interaction.edit_original_response(embed=render.outcome(result))
        if public and result.opened:
            note = texts.PUBLIC_NOTE.format(member=member.mention, number=result.case.number)
            await interaction.followup.send(note, allowed_mentions=discord.AllowedMentions.none())

    @app_commands.command(name="cases", description=texts.CASES_DESCRIPTION)
    @app_commands.describe(member=texts.CASES_MEMBER, page=texts.CASES_PAGE)
    @app_commands.guild_only()
    @app_commands.default_permissions(moderate_members=True)
    async def cases(
        self,
        interaction: discord.Interaction[VerticeBot],
        member: discord.User | None = None,
        page: _Page = 1,
    ) -> None:
        """Show a page of the case book; a member who left can be asked for too."""
        await think(interaction, ephemeral=True)
        await pages.show(interaction, None if member is None else member.id, page)


def _require_rank(
    interaction: discord.Interaction[VerticeBot], target: discord.User | discord.Member
) -> discord.Guild:
    """Return the server when nothing forbids the warning, else say why not."""
    guild, actor = interaction.guild, interaction.user
    me = guild.me if guild is not None else None
    if guild is None or me is None or not isinstance(actor, discord.Member):
        raise UserError(texts.STILL_LOADING)
    if not isinstance(target, discord.Member):
        raise UserError(texts.NOT_HERE.format(member=target.mention))
    why = refusal(_standing(actor), _standing(target), _standing(me), bot_acts=False)
    if why is not None:
        raise UserError(texts.REFUSALS[why].format(member=target.mention))
    return guild


def _standing(member: discord.Member) -> Standing:
    top = member.top_role
    return Standing(
        member_id=member.id,
        top_role=(top.position, -top.id),
        owns_guild=member.guild.owner_id == member.id,
        is_bot=member.bot,
    )
