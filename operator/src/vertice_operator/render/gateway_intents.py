"""Gateway intents: those the user asks for and those that the enabled features need."""

from __future__ import annotations

from typing import Final

from vertice_operator.api.v1alpha1 import DiscordSpec, Intent

BASE: Final = (Intent.GUILDS,)
MODERATION: Final = (
    Intent.GUILD_MESSAGES,
    Intent.MODERATION,
    Intent.AUTO_MODERATION_CONFIGURATION,
    Intent.AUTO_MODERATION_EXECUTION,
)
ANALYTICS: Final = (Intent.GUILD_MESSAGES, Intent.GUILD_REACTIONS, Intent.VOICE_STATES)
CUSTOMIZATION: Final = (Intent.GUILD_MESSAGES, Intent.GUILD_REACTIONS, Intent.VOICE_STATES)


def intents(discord: DiscordSpec) -> tuple[Intent, ...]:
    """Give the intents to ask for, in the order of the enumeration.

    Privileged intents (members, presences, messageContent) are never added: Discord closes the
    gateway for good (4014) when one is asked for that is not switched on in the developer portal.
    """
    features = discord.features
    wanted = {*BASE, *discord.intents}
    if features.moderation:
        wanted.update(MODERATION)
    if features.analytics:
        wanted.update(ANALYTICS)
    if features.customization:
        wanted.update(CUSTOMIZATION)
    return tuple(intent for intent in Intent if intent in wanted)
