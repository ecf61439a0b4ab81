"""Counts messages and shows what was counted."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Literal

import discord
import structlog
from discord import app_commands
from discord.ext import commands

from vertice_bot.charts import ChartUnavailable
from vertice_bot.cogs.activity import render, texts
from vertice_bot.cogs.answering import think
from vertice_bot.errors import UserError
from vertice_bot.services.activity.counter import FLUSH_SECONDS
from vertice_bot.services.activity.periods import Period
from vertice_bot.services.activity.report import Report
from vertice_bot.services.periodic import every

if TYPE_CHECKING:
    from vertice_bot.client import VerticeBot

_log = structlog.get_logger(__name__)

_PICTURE = "activity.png"
_Channel = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


class ActivityCog(commands.Cog, name="Activity"):
    """The listener that counts, and ``/stats``."""

    def __init__(self, bot: VerticeBot) -> None:
        self._bot = bot
        self._flushing: asyncio.Task[None] | None = None

    async def cog_load(self) -> None:
        """Start writing counts every few seconds."""
        self._flushing = asyncio.create_task(
            every(FLUSH_SECONDS, "flush counts", self._bot.services.counter.flush)
        )

    async def cog_unload(self) -> None:
        """Stop writing; the application closes the services, which writes the rest."""
        if self._flushing is not None:
            self._flushing.cancel()

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Count what a person wrote in a server; nothing of the content is looked at."""
        author = message.author
        if message.guild is None or author.bot or message.webhook_id or message.is_system():
            return
        self._bot.services.counter.count(
            message.id, message.guild.id, message.channel.id, author.id
        )

    @app_commands.command(name="stats", description=texts.STATS_DESCRIPTION)
    @app_commands.describe(period=texts.STATS_PERIOD, channel=texts.STATS_CHANNEL)
    @app_commands.guild_only()
    async def stats(
        self,
        interaction: discord.Interaction[VerticeBot],
        period: Literal["24h", "7d", "30d"] = "24h",
        channel: _Channel | None = None,
    ) -> None:
        """Show totals, rankings and a chart."""
        await think(interaction, ephemeral=False)
        if interaction.guild_id is None or (channel and not _visible(interaction, channel.id)):
            raise UserError(texts.HIDDEN)
        span = Period(period)
        channel_id = None if channel is None else channel.id
        found = await self._bot.services.activity.report(interaction.guild_id, channel_id, span)
        embed = render.report(found, span, channel_id, lambda one: _visible(interaction, one))
        picture = await self._picture(found, span, embed)
        await interaction.edit_original_response(
            embed=embed, attachments=[] if picture is None else [picture]
        )

    async def _picture(
        self, found: Report, period: Period, embed: discord.Embed
    ) -> discord.File | None:
        """Draw the chart and put it into the embed; None when there is nothing to draw."""
        if found.totals.messages == 0:
            return None
        title = texts.CHART_TITLES[period]
        note = texts.CHART_NOTE.format(period=texts.PERIODS[period])
        try:
            data = await self._bot.services.painter.draw(found.chart(title, note))
        except ChartUnavailable as error:
            _log.warning("chart left out", reason=error.reason)
            embed.set_footer(text=texts.NO_CHART)
            return None
        embed.set_image(url=f"attachment://{_PICTURE}")
        said = texts.PICTURE_TEXT.format(title=title, period=texts.PERIODS[period])
        return discord.File(io.BytesIO(data), filename=_PICTURE, description=said)


def _visible(interaction: discord.Interaction[VerticeBot], channel_id: int) -> bool:
    """Tell whether the person who asked may see a channel; a deleted one is not shown."""
    guild, member = interaction.guild, interaction.user
    if guild is None or not isinstance(member, discord.Member):
        return False
    place = guild.get_channel_or_thread(channel_id)
    return place is not None and place.permissions_for(member).view_channel
