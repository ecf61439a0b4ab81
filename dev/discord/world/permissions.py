"""Permission bits and how they add up in a guild and in a channel."""

from __future__ import annotations

from enum import IntFlag

from dev.discord.world.models import Channel, Guild, Member


class Permission(IntFlag):
    """The bits the server itself asks for (docs, topics/permissions)."""

    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_AUDIT_LOG = 1 << 7
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    MANAGE_NICKNAMES = 1 << 27
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    USE_APPLICATION_COMMANDS = 1 << 31
    MODERATE_MEMBERS = 1 << 40
    PIN_MESSAGES = 1 << 51


EVERYTHING = (1 << 53) - 1
EVERYONE_DEFAULT = int(
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.ADD_REACTIONS
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.USE_APPLICATION_COMMANDS
)
MODERATOR = int(
    Permission.KICK_MEMBERS
    | Permission.BAN_MEMBERS
    | Permission.MANAGE_MESSAGES
    | Permission.MANAGE_CHANNELS
    | Permission.MODERATE_MEMBERS
    | Permission.VIEW_AUDIT_LOG
    | Permission.MANAGE_NICKNAMES
)
_ADMINISTRATOR = Permission.ADMINISTRATOR.value
_VIEW = Permission.VIEW_CHANNEL.value
_TIMED_OUT_KEEPS = int(Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY)


def in_guild(guild: Guild, member: Member) -> int:
    """Return the permissions of ``member`` before any channel has its say."""
    if member.user_id == guild.owner_id:
        return EVERYTHING
    bits = guild.roles[guild.id].permissions
    for role_id in member.roles:
        if role := guild.roles.get(role_id):
            bits |= role.permissions
    if bits & _ADMINISTRATOR:
        return EVERYTHING
    return bits


def in_channel(guild: Guild, channel: Channel, member: Member) -> int:
    """Return the permissions of ``member`` in ``channel``: @everyone, then roles, then the member.

    A member in a time-out keeps only seeing and reading, unless it is an administrator (docs,
    topics/permissions, "Permissions for Timed Out Members").
    """
    bits = in_guild(guild, member)
    if bits == EVERYTHING:
        return bits
    allow = deny = 0
    own: tuple[int, int] = (0, 0)
    for overwrite in channel.overwrites:
        if overwrite.id == guild.id:
            bits = (bits & ~overwrite.deny) | overwrite.allow
        elif overwrite.type == 0 and overwrite.id in member.roles:
            allow |= overwrite.allow
            deny |= overwrite.deny
        elif overwrite.type == 1 and overwrite.id == member.user_id:
            own = (overwrite.allow, overwrite.deny)
    bits = (bits & ~deny) | allow
    bits = (bits & ~own[1]) | own[0]
    if not bits & _VIEW:
        return 0
    return bits & _TIMED_OUT_KEEPS if member.timeout_until else bits


def rank(guild: Guild, user_id: int) -> int:
    """Return the position of the highest role of ``user_id``; the owner is above every role."""
    if user_id == guild.owner_id:
        return 1 << 31
    member = guild.members.get(user_id)
    if member is None:
        return -1
    return max((guild.roles[r].position for r in member.roles if r in guild.roles), default=0)
