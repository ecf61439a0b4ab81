"""What happens to guilds, their channels, roles and members."""

from __future__ import annotations

from dev.discord.wire import Json
from dev.discord.world import payloads, permissions
from dev.discord.world.models import Channel, ChannelType, Guild, Member, Overwrite, Role, User
from dev.discord.world.state import MissingError, World


def create_user(
    world: World, name: str, display_name: str | None = None, *, bot: bool = False
) -> User:
    """Make an account."""
    user = User(world.ids.next(), name, display_name or name, bot)
    world.users[user.id] = user
    return user


def create_guild(world: World, name: str, owner_id: int, guild_id: int | None = None) -> Guild:
    """Make a guild with its @everyone role and its owner in it.

    ``guild_id`` can be chosen, so that a test can decide which shard the guild is on.
    """
    guild = Guild(guild_id or world.ids.next(), name, owner_id)
    guild.roles[guild.id] = Role(guild.id, "@everyone", permissions.EVERYONE_DEFAULT, 0)
    world.guilds[guild.id] = guild
    join(world, guild, owner_id)
    return guild


def create_role(
    world: World, guild: Guild, name: str, bits: int = 0, *, color: int = 0, managed: bool = False
) -> Role:
    """Make a role above all others of ``guild``."""
    position = max(role.position for role in guild.roles.values()) + 1
    role = Role(world.ids.next(), name, bits, position, color, hoist=True, managed=managed)
    guild.roles[role.id] = role
    data = {"guild_id": str(guild.id), "role": payloads.role(role)}
    world.emit("GUILD_ROLE_CREATE", data, guild_id=guild.id)
    return role


def delete_role(world: World, guild: Guild, role_id: int) -> None:
    """Remove a role from the guild and from everyone who has it."""
    if guild.roles.pop(role_id, None) is None:
        raise MissingError(10011, "Role")
    for member in guild.members.values():
        if role_id in member.roles:
            member.roles.remove(role_id)
    data = {"guild_id": str(guild.id), "role_id": str(role_id)}
    world.emit("GUILD_ROLE_DELETE", data, guild_id=guild.id)


def create_channel(
    world: World,
    guild: Guild,
    name: str,
    kind: ChannelType = ChannelType.TEXT,
    topic: str = "",
    overwrites: list[Overwrite] | None = None,
) -> Channel:
    """Make a channel at the end of the guild's list."""
    channel = Channel(
        world.ids.next(), kind, name, guild.id, topic or None, position=len(guild.channels)
    )
    channel.overwrites = overwrites or []
    guild.channels[channel.id] = world.channels[channel.id] = channel
    data = payloads.channel(world, channel)
    world.emit("CHANNEL_CREATE", data, guild_id=guild.id, channel_id=channel.id)
    return channel


def update_channel(world: World, channel: Channel) -> None:
    """Tell that a channel's fields changed."""
    data = payloads.channel(world, channel)
    world.emit("CHANNEL_UPDATE", data, guild_id=channel.guild_id, channel_id=channel.id)


def delete_channel(world: World, channel: Channel) -> None:
    """Remove a channel of a guild; everyone who could see it hears of it first."""
    if channel.guild_id is None:
        raise MissingError(10003, "Channel")
    data = payloads.channel(world, channel)
    world.emit("CHANNEL_DELETE", data, guild_id=channel.guild_id, channel_id=channel.id)
    del world.guild(channel.guild_id).channels[channel.id], world.channels[channel.id]


def join(world: World, guild: Guild, user_id: int, roles: list[int] | None = None) -> Member:
    """Let a user in. A bot's own joining shows as GUILD_CREATE, made by the gateway."""
    member = Member(user_id, world.clock.wall(), roles or [])
    guild.members[user_id] = member
    data: Json = {"guild_id": str(guild.id), **payloads.member(world, member)}
    if user_id in world.applications:
        world.emit("_BOT_JOIN", {}, guild_id=guild.id, only_bot=user_id)
    world.emit("GUILD_MEMBER_ADD", data, guild_id=guild.id)
    return member


def leave(world: World, guild: Guild, user_id: int) -> None:
    """Take a user out, however it came about. A bot hears of its own end as GUILD_DELETE."""
    if guild.members.get(user_id) is None:
        raise MissingError(10007, "Member")
    data = {"guild_id": str(guild.id), "user": payloads.user(world.user(user_id))}
    if user_id in world.applications:
        gone = {"id": str(guild.id)}
        world.emit("GUILD_DELETE", gone, guild_id=guild.id, only_bot=user_id)
    del guild.members[user_id]
    world.emit("GUILD_MEMBER_REMOVE", data, guild_id=guild.id)


def update_member(world: World, guild: Guild, member: Member) -> None:
    """Tell that a member's fields changed."""
    data = {"guild_id": str(guild.id), **payloads.member(world, member)}
    world.emit("GUILD_MEMBER_UPDATE", data, guild_id=guild.id, about_user=member.user_id)


def ban(world: World, guild: Guild, user_id: int, reason: str | None) -> None:
    """Ban a user, who need not be a member."""
    guild.bans[user_id] = reason
    data = {"guild_id": str(guild.id), "user": payloads.user(world.user(user_id))}
    if user_id in guild.members:
        leave(world, guild, user_id)
    world.emit("GUILD_BAN_ADD", data, guild_id=guild.id)


def unban(world: World, guild: Guild, user_id: int) -> None:
    """Lift a ban."""
    if user_id not in guild.bans:
        raise MissingError(10026, "Ban")
    del guild.bans[user_id]
    data = {"guild_id": str(guild.id), "user": payloads.user(world.user(user_id))}
    world.emit("GUILD_BAN_REMOVE", data, guild_id=guild.id)


def audit(
    world: World, guild: Guild, action: int, actor: int, target: int | None, reason: str | None
) -> None:
    """Write an audit log entry, as every moderating act does."""
    data: Json = {
        "id": str(world.ids.next()),
        "guild_id": str(guild.id),
        "action_type": action,
        "user_id": str(actor),
        "target_id": str(target) if target else None,
        "changes": [],
    }
    if reason:
        data["reason"] = reason
    world.emit("GUILD_AUDIT_LOG_ENTRY_CREATE", data, guild_id=guild.id)


def set_available(world: World, guild: Guild, *, available: bool) -> None:
    """Take a guild away as an outage does, or bring it back."""
    guild.unavailable = not available
    if available:
        for user_id in guild.members:
            if user_id in world.applications:
                world.emit("_BOT_JOIN", {}, guild_id=guild.id, only_bot=user_id)
        return
    data = {"id": str(guild.id), "unavailable": True}
    world.emit("GUILD_DELETE", data, guild_id=guild.id)
