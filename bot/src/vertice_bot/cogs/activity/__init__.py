"""The message counter and ``/stats``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertice_bot.cogs.activity.cog import ActivityCog

if TYPE_CHECKING:
    from vertice_bot.client import VerticeBot


async def setup(bot: VerticeBot) -> None:
    """Add the listener and the command when the feature is on."""
    if bot.settings.features.analytics:
        await bot.add_cog(ActivityCog(bot))
