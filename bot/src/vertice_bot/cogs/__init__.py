"""Commands and listeners: each defers, calls a service and renders the answer.

``MODULES`` declares what each needs, and intents, permissions and the invite link follow from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import discord

from vertice_bot.settings import FeatureSettings


@dataclass(frozen=True, slots=True)
class Module:
    """One extension.

    Attributes
    ----------
    extension:
        Its Python module; it has ``async def setup(bot)``.
    feature:
        The switch in the settings, or None when it is always on.
    intents:
        discord.py's names of the intents without which it does not work.
    permissions:
        discord.py's names of what the bot itself must be allowed in a server.
    """

    extension: str
    feature: str | None
    intents: frozenset[str]
    permissions: frozenset[str] = frozenset()

    def enabled(self, features: FeatureSettings) -> bool:
        """Tell whether the settings switch it on."""
        return self.feature is None or bool(getattr(features, self.feature))


MODULES = (
    Module("vertice_bot.cogs.about", None, frozenset({"guilds"})),
    Module("vertice_bot.cogs.moderation", "moderation", frozenset({"guilds"})),
    Module(
        "vertice_bot.cogs.activity",
        "analytics",
        frozenset({"guilds", "guild_messages"}),
        # Messages of a channel that the bot cannot see are not sent to it.
        frozenset({"view_channel"}),
    ),
)

EXTENSIONS = tuple(module.extension for module in MODULES)


def permissions_of(modules: Iterable[Module]) -> discord.Permissions:
    """Return the least permissions with which these modules work."""
    names = {name for module in modules for name in module.permissions}
    return discord.Permissions(**dict.fromkeys(names, True))


def enabled(features: FeatureSettings) -> tuple[Module, ...]:
    """Return the modules that the settings switch on."""
    return tuple(module for module in MODULES if module.enabled(features))
