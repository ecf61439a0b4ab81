"""Channels of a guild."""

from __future__ import annotations

from dev.discord.rest.routing import Call, Routes
from dev.discord.wire import Json
from dev.discord.world import guilds, payloads
from dev.discord.world.models import Channel, ChannelType, Overwrite
from dev.discord.world.permissions import Permission

routes = Routes()

_CHANNEL = "/channels/{channel_id}"


@routes.add("GET", _CHANNEL)
async def get_channel(call: Call) -> Json:
    """Return a channel."""
    return payloads.channel(call.world, call.channel(), call.bot.user_id)


@routes.add("GET", "/guilds/{guild_id}/channels")
async def list_channels(call: Call) -> list[Json]:
    """Return all channels of a guild."""
    return [payloads.channel(call.world, item) for item in call.guild().channels.values()]


@routes.add("POST", "/guilds/{guild_id}/channels")
async def create_channel(call: Call) -> Json:
    """Make a channel."""
    guild, body = call.guild(), call.data()
    call.needs(Permission.MANAGE_CHANNELS)
    kind = ChannelType(int(body.get("type") or 0))
    channel = guilds.create_channel(
        call.world,
        guild,
        str(call.required("name")),
        kind,
        body.get("topic") or "",
        [_overwrite(item) for item in body.get("permission_overwrites") or []],
    )
    call.effect("channel_create", id=str(channel.id), reason=call.reason)
    call.status = 201
    return payloads.channel(call.world, channel)


@routes.add("PATCH", _CHANNEL)
async def edit_channel(call: Call) -> Json:
    """Change name, topic, slow mode or permissions."""
    channel, body = call.channel(Permission.MANAGE_CHANNELS), call.data()
    channel.name = body.get("name", channel.name)
    channel.topic = body.get("topic", channel.topic)
    channel.nsfw = bool(body.get("nsfw", channel.nsfw))
    channel.slowmode = int(body.get("rate_limit_per_user", channel.slowmode) or 0)
    if "permission_overwrites" in body:
        channel.overwrites = [_overwrite(item) for item in body["permission_overwrites"] or []]
    guilds.update_channel(call.world, channel)
    call.effect("channel_edit", id=str(channel.id), changes=body, reason=call.reason)
    return payloads.channel(call.world, channel)


@routes.add("DELETE", _CHANNEL)
async def delete_channel(call: Call) -> Json:
    """Remove a channel."""
    channel = call.channel(Permission.MANAGE_CHANNELS)
    shown = payloads.channel(call.world, channel)
    guilds.delete_channel(call.world, channel)
    call.effect("channel_delete", id=str(channel.id), reason=call.reason)
    return shown


@routes.add("PUT", _CHANNEL + "/permissions/{target_id}")
async def put_overwrite(call: Call) -> None:
    """Set the permissions of a role or a member in a channel."""
    channel = call.channel(Permission.MANAGE_ROLES)
    wanted = _overwrite({**call.data(), "id": call.id("target_id")})
    _replace_overwrite(call, channel, wanted.id, wanted)


@routes.add("DELETE", _CHANNEL + "/permissions/{target_id}")
async def delete_overwrite(call: Call) -> None:
    """Remove the permissions of a role or a member from a channel."""
    channel = call.channel(Permission.MANAGE_ROLES)
    _replace_overwrite(call, channel, call.id("target_id"), None)


def _replace_overwrite(call: Call, channel: Channel, target: int, by: Overwrite | None) -> None:
    kept = [item for item in channel.overwrites if item.id != target]
    channel.overwrites = [*kept, by] if by else kept
    guilds.update_channel(call.world, channel)
    call.effect("overwrite", id=str(channel.id), target=str(target), reason=call.reason)


def _overwrite(item: Json) -> Overwrite:
    allow, deny = int(item.get("allow") or 0), int(item.get("deny") or 0)
    return Overwrite(int(item["id"]), int(item.get("type") or 0), allow, deny)
