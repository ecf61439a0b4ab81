"""``/warn`` and ``/cases``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertice_bot.cogs.moderation.cog import Moderation
from vertice_bot.cogs.moderation.pages import CasesPage

if TYPE_CHECKING:
    from vertice_bot.client import VerticeBot

FEATURE = "moderation"


async def setup(bot: VerticeBot) -> None:
    """Add the commands and the buttons."""
    bot.add_dynamic_items(CasesPage)
    await bot.add_cog(Moderation(bot))
