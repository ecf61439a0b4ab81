"""The direct message about a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import discord
import structlog

from vertice_bot.cogs.moderation import render, texts
from vertice_bot.db.repos.cases import Case, Notice

if TYPE_CHECKING:
    from vertice_bot.client import VerticeBot

_log = structlog.get_logger(__name__)


class DirectNotices:
    """Tells members about their cases; what goes wrong on the way is a value."""

    def __init__(self, bot: VerticeBot) -> None:
        self._bot = bot

    async def __call__(self, case: Case) -> Notice:
        """Send the message with a nonce made from the case's interaction.

        Raises
        ------
        Fenced
            This replica may not act at the moment.
        """
        guild = self._bot.get_guild(case.guild_id)
        embed = render.notice(case, guild.name if guild else texts.SOME_SERVER)
        try:
            channel = await self._bot.create_dm(discord.Object(case.member_id))
            await self._bot.effects.send(channel, event_id=case.interaction_id, embed=embed)
        except (discord.Forbidden, discord.NotFound):
            return Notice.REFUSED
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
            _log.warning("direct message failed", case=case.number, error=type(error).__name__)
            return Notice.FAILED
        return Notice.SENT
