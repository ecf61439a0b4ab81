"""Which events and which parts of a message a session may see, by its intents."""

from __future__ import annotations

from enum import IntFlag

from dev.discord.wire import Json


class Intents(IntFlag):
    """Bits of the ``intents`` field of IDENTIFY (docs, events/gateway, "List of Intents")."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MODERATION = 1 << 2
    GUILD_EXPRESSIONS = 1 << 3
    GUILD_INTEGRATIONS = 1 << 4
    GUILD_WEBHOOKS = 1 << 5
    GUILD_INVITES = 1 << 6
    GUILD_VOICE_STATES = 1 << 7
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15
    GUILD_SCHEDULED_EVENTS = 1 << 16
    AUTO_MODERATION_CONFIGURATION = 1 << 20
    AUTO_MODERATION_EXECUTION = 1 << 21
    GUILD_MESSAGE_POLLS = 1 << 24
    DIRECT_MESSAGE_POLLS = 1 << 25


ALL = sum(intent.value for intent in Intents)
PRIVILEGED = Intents.GUILD_MEMBERS | Intents.GUILD_PRESENCES | Intents.MESSAGE_CONTENT

_PREFIXES: tuple[tuple[str, Intents, Intents | None], ...] = (
    # event prefix, intent in a guild, intent in a direct message; first match wins
    ("MESSAGE_REACTION_", Intents.GUILD_MESSAGE_REACTIONS, Intents.DIRECT_MESSAGE_REACTIONS),
    ("MESSAGE_POLL_", Intents.GUILD_MESSAGE_POLLS, Intents.DIRECT_MESSAGE_POLLS),
    ("MESSAGE_", Intents.GUILD_MESSAGES, Intents.DIRECT_MESSAGES),
    ("TYPING_START", Intents.GUILD_MESSAGE_TYPING, Intents.DIRECT_MESSAGE_TYPING),
    ("CHANNEL_PINS_UPDATE", Intents.GUILDS, Intents.DIRECT_MESSAGES),
    ("GUILD_MEMBER_", Intents.GUILD_MEMBERS, None),
    ("GUILD_BAN_", Intents.GUILD_MODERATION, None),
    ("GUILD_AUDIT_LOG_", Intents.GUILD_MODERATION, None),
    ("GUILD_EMOJIS_", Intents.GUILD_EXPRESSIONS, None),
    ("GUILD_STICKERS_", Intents.GUILD_EXPRESSIONS, None),
    ("GUILD_INTEGRATIONS_", Intents.GUILD_INTEGRATIONS, None),
    ("INTEGRATION_", Intents.GUILD_INTEGRATIONS, None),
    ("WEBHOOKS_", Intents.GUILD_WEBHOOKS, None),
    ("INVITE_", Intents.GUILD_INVITES, None),
    ("VOICE_STATE_", Intents.GUILD_VOICE_STATES, None),
    ("PRESENCE_", Intents.GUILD_PRESENCES, None),
    ("GUILD_SCHEDULED_EVENT_", Intents.GUILD_SCHEDULED_EVENTS, None),
    ("AUTO_MODERATION_RULE_", Intents.AUTO_MODERATION_CONFIGURATION, None),
    ("AUTO_MODERATION_ACTION_", Intents.AUTO_MODERATION_EXECUTION, None),
    ("THREAD_", Intents.GUILDS, None),
    ("STAGE_", Intents.GUILDS, None),
    ("CHANNEL_", Intents.GUILDS, None),
    ("GUILD_", Intents.GUILDS, None),
)
# Plain numbers: operators of IntFlag cost a microsecond each, and these are asked per event.
_CONTENT = Intents.MESSAGE_CONTENT.value
_CONTENT_FIELDS = ("embeds", "attachments", "components")


def required_intent(event: str, *, in_guild: bool) -> Intents | None:
    """Return the intent that gates ``event``, or None for events every session gets.

    READY, RESUMED, INTERACTION_CREATE and USER_UPDATE are never gated. A guild-only event outside
    a guild is gated by nothing, because it cannot happen.
    """
    if event == "GUILD_MEMBERS_CHUNK":  # the answer to a request, not a subscription
        return None
    for prefix, guild, direct in _PREFIXES:
        if event.startswith(prefix):
            return guild if in_guild else direct
    return None


def wants(event: str, intents: int, *, in_guild: bool) -> bool:
    """Say whether a session with ``intents`` is sent ``event``."""
    needed = required_intent(event, in_guild=in_guild)
    return needed is None or bool(needed.value & intents)


def may_read_content(message: Json, intents: int, bot_user_id: int) -> bool:
    """Say whether a session sees the text of ``message``.

    Without MESSAGE_CONTENT an app sees it in its own messages, in direct messages and where it is
    mentioned (docs, events/gateway, "Message Content Intent").
    """
    if intents & _CONTENT or message.get("guild_id") is None:
        return True
    me = str(bot_user_id)
    if message.get("author", {}).get("id") == me:
        return True
    return any(user.get("id") == me for user in message.get("mentions", ()))


def without_content(message: Json) -> Json:
    """Return a copy of ``message`` as a session without the content intent gets it."""
    stripped = {**message, "content": ""}
    for name in _CONTENT_FIELDS:
        if name in stripped:
            stripped[name] = []
    stripped.pop("poll", None)
    return stripped
