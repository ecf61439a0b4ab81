"""The message counter and ``/stats``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertice_bot.cogs.activity.cog import ActivityCog

if TYPE_CHECKING:
    from vertice_bot.client import VerticeBot

FEATURE = "analytics"


async def setup(bot: VerticeBot) -> None:
    """Add the listener and the command."""
    await bot.add_cog(ActivityCog(bot))
