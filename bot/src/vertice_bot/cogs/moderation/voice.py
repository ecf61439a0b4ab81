"""What a case says on Discord: to the member, and in the moderators' log channel."""

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

# Each message of a case has a number, which makes its nonce differ from the other's.
_TO_MEMBER, _TO_LOG = 0, 1


class DiscordVoice:
    """Sends the messages of a case, each with a nonce made from the case's interaction."""

    def __init__(self, bot: VerticeBot) -> None:
        self._bot = bot

    async def tell(self, case: Case) -> Notice:
        """Send the direct message; what goes wrong on the way is a value.

        Raises
        ------
        Fenced
            This replica may not act at the moment.
        """
        guild = self._bot.get_guild(case.guild_id)
        embed = render.notice(case, guild.name if guild else texts.SOME_SERVER)
        try:
            channel = await self._bot.create_dm(discord.Object(case.member_id))
            await self._bot.effects.send(
                channel, event_id=case.interaction_id, index=_TO_MEMBER, embed=embed
            )
        except (discord.Forbidden, discord.NotFound):
            return Notice.REFUSED
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
            _log.warning("direct message failed", case=case.number, error=type(error).__name__)
            return Notice.FAILED
        return Notice.SENT

    async def log(self, case: Case, notice: Notice) -> None:
        """Send the entry to the channel that the policy names as ``mod_log_channel``.

        Raises
        ------
        Fenced
            This replica may not act at the moment.
        """
        channel_id = self._bot.policy.for_guild(case.guild_id).mod_log_channel
        if channel_id is None:
            return
        channel = self._bot.get_partial_messageable(channel_id, guild_id=case.guild_id)
        try:
            await self._bot.effects.send(
                channel,
                event_id=case.interaction_id,
                index=_TO_LOG,
                embed=render.log_entry(case, notice),
                allowed_mentions=discord.AllowedMentions.none(),
            )
        except (discord.HTTPException, aiohttp.ClientError, TimeoutError) as error:
            _log.warning(
                "log entry failed; check mod_log_channel and my permissions there",
                guild=case.guild_id,
                case=case.number,
                error=type(error).__name__,
            )
