"""Least privilege, computed: what each group of modules needs, and the invite URL from it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

import discord

from vertice_bot.settings import FeatureSettings, Settings

_BASE_PERMISSIONS = ("view_channel", "send_messages", "embed_links")


@dataclass(frozen=True, slots=True)
class FeatureNeeds:
    """What one group of modules needs; it grows with the modules and never runs ahead of them.

    Attributes
    ----------
    permissions:
        Names of discord.py's permission flags, beside those that every bot needs.
    intents:
        Intents without which the group does not work; none of them is privileged.
    """

    permissions: tuple[str, ...]
    intents: tuple[str, ...]


NEEDS: dict[str, FeatureNeeds] = {
    "moderation": FeatureNeeds(permissions=(), intents=("guilds",)),
    "analytics": FeatureNeeds(permissions=("attach_files",), intents=("guilds", "guild_messages")),
    "customization": FeatureNeeds(permissions=(), intents=("guilds",)),
}


def enabled(features: FeatureSettings) -> tuple[str, ...]:
    """Give the names of the groups that are on."""
    return tuple(name for name in NEEDS if getattr(features, name))


def required_permissions(features: FeatureSettings) -> discord.Permissions:
    """Add up the permissions of the groups that are on; never Administrator."""
    names = set(_BASE_PERMISSIONS)
    for feature in enabled(features):
        names.update(NEEDS[feature].permissions)
    return discord.Permissions(**dict.fromkeys(sorted(names), True))


def missing_intents(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Give, per group that is on, the intents that it needs and does not have."""
    have = set(settings.discord.intents)
    found = {}
    for feature in enabled(settings.features):
        missing = tuple(i for i in NEEDS[feature].intents if i not in have)
        if missing:
            found[feature] = missing
    return found


def invite_url(application_id: int, features: FeatureSettings) -> str:
    """Make the link that adds the bot to a server with exactly the permissions it needs."""
    query = {
        "client_id": str(application_id),
        "scope": "bot applications.commands",
        "permissions": str(required_permissions(features).value),
    }
    return f"https://discord.com/oauth2/authorize?{urlencode(query)}"
