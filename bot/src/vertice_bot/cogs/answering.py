"""The first thing a command does: say within three seconds that it is at work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
import structlog

if TYPE_CHECKING:
    from vertice_bot.client import VerticeBot

_log = structlog.get_logger(__name__)

_ALREADY_ACKNOWLEDGED = 40060


async def think(interaction: discord.Interaction[VerticeBot], *, ephemeral: bool) -> None:
    """Acknowledge a command; call it before the first query.

    Discord accepts one acknowledgement. A second one, after an event was replayed to a new owner,
    is refused, and that is fine: the work is guarded by the ledger of effects, and the answer is
    an edit of the same message.
    """
    try:
        await interaction.response.defer(ephemeral=ephemeral, thinking=True)
    except discord.HTTPException as error:
        if error.code != _ALREADY_ACKNOWLEDGED:
            raise
        _log.info("interaction was acknowledged before", interaction=interaction.id)


async def keep(interaction: discord.Interaction[VerticeBot]) -> None:
    """Acknowledge a button whose message is about to be edited."""
    try:
        await interaction.response.defer()
    except discord.HTTPException as error:
        if error.code != _ALREADY_ACKNOWLEDGED:
            raise
        _log.info("interaction was acknowledged before", interaction=interaction.id)
