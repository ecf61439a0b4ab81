"""Commands that need neither the database nor any permission."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from vertice_bot import __version__
from vertice_bot.cogs.about import texts
from vertice_bot.policy.permissions import invite_url

if TYPE_CHECKING:
    from vertice_bot.client import VerticeBot

_ACCENT = discord.Colour.blurple()


class About(commands.Cog):
    """Shows which instance answers."""

    def __init__(self, bot: VerticeBot) -> None:
        self._bot = bot
        self._started = datetime.now(UTC)

    @app_commands.command(name="ping", description=texts.PING_DESCRIPTION)
    async def ping(self, interaction: discord.Interaction[VerticeBot]) -> None:
        """Answer at once; there is nothing to wait for."""
        shard = self._shard(interaction)
        text = texts.PONG.format(
            latency=self._latency(shard), replica=self._bot.settings.replica, shard=shard
        )
        await interaction.response.send_message(text, ephemeral=True)

    @app_commands.command(name="about", description=texts.ABOUT_DESCRIPTION)
    async def about(self, interaction: discord.Interaction[VerticeBot]) -> None:
        """Answer at once; there is nothing to wait for."""
        settings = self._bot.settings
        shard = self._shard(interaction)
        epoch = self._bot.core.epoch(shard)
        place = texts.SHARD_VALUE.format(shard=shard, count=settings.shards.count)
        embed = discord.Embed(
            title=texts.TITLE.format(version=__version__),
            description=texts.SUMMARY,
            colour=_ACCENT,
        )
        for name, value in (
            (texts.UPTIME, discord.utils.format_dt(self._started, "R")),
            (texts.LATENCY_NAME, self._latency(shard)),
            (texts.SHARD, place),
            (texts.REPLICA, f"`{settings.replica}`"),
            (texts.REVISION, f"`{settings.revision}`" if settings.revision else texts.NONE),
            (texts.EPOCH, texts.NONE if epoch is None else str(epoch)),
        ):
            embed.add_field(name=name, value=value)
        await interaction.response.send_message(embed=embed, view=self._links(), ephemeral=True)

    def _shard(self, interaction: discord.Interaction[VerticeBot]) -> int:
        # Discord's rule; a direct message belongs to shard 0 (its gateway page, "Sharding").
        return ((interaction.guild_id or 0) >> 22) % self._bot.settings.shards.count

    def _latency(self, shard: int) -> str:
        seconds = dict(self._bot.latencies).get(shard, math.nan)
        if not math.isfinite(seconds):
            return texts.LATENCY_UNKNOWN
        return texts.LATENCY.format(milliseconds=round(seconds * 1000))

    def _links(self) -> discord.ui.View:
        application = self._bot.application_id
        view = discord.ui.View(timeout=None)
        if application is not None:
            url = invite_url(application, self._bot.settings.features)
            view.add_item(discord.ui.Button(label=texts.INVITE, url=url))
        return view
