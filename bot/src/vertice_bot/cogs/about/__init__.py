"""``/ping`` and ``/about``: is it alive, and which instance answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vertice_bot.cogs.about.cog import About

if TYPE_CHECKING:
    from vertice_bot.client import VerticeBot

FEATURE = None


async def setup(bot: VerticeBot) -> None:
    """Add the commands."""
    await bot.add_cog(About(bot))
