"""Admin: guilds, channels, roles, members, users and bots."""

from __future__ import annotations

from aiohttp import web

from dev.discord.admin.routing import Routes, application, path_id
from dev.discord.core import Core
from dev.discord.wire import Json
from dev.discord.world import applications, guilds, payloads
from dev.discord.world.models import ChannelType, Overwrite

routes = Routes()


@routes.add("GET", "/world")
async def world(core: Core, _: web.Request, __: Json) -> Json:
    """Return the ids of everything, by name where a name is unique enough for a script."""
    return {
        "guilds": [
            {
                "id": str(guild.id),
                "name": guild.name,
                "owner_id": str(guild.owner_id),
                "channels": {item.name: str(item.id) for item in guild.channels.values()},
                "roles": {item.name: str(item.id) for item in guild.roles.values()},
                "members": [str(item) for item in guild.members],
            }
            for guild in core.world.guilds.values()
        ],
        "users": {user.name: str(user.id) for user in core.world.users.values()},
        "bots": {app.name: str(app.id) for app in core.world.applications.values()},
    }


@routes.add("POST", "/guilds")
async def create_guild(core: Core, _: web.Request, body: Json) -> Json:
    """Make a guild; every bot named in ``bots`` (all by default) is in it."""
    owner = int(body.get("owner_id") or next(iter(core.world.users)))
    chosen = int(body["id"]) if body.get("id") else None
    if chosen in core.world.guilds:
        raise ValueError(f"there is a guild {chosen} already")
    guild = guilds.create_guild(core.world, str(body["name"]), owner, chosen)
    channel = guilds.create_channel(core.world, guild, str(body.get("channel", "general")))
    for app in core.world.applications.values():
        if body.get("bots") is None or str(app.id) in body["bots"]:
            applications.invite(core.world, app, guild)
    return {"id": str(guild.id), "channel_id": str(channel.id)}


@routes.add("POST", "/guilds/{guild_id}/availability")
async def availability(core: Core, request: web.Request, body: Json) -> Json:
    """Play an outage of a guild, or its end."""
    guild = core.world.guild(path_id(request, "guild_id"))
    guilds.set_available(core.world, guild, available=bool(body["available"]))
    return {"id": str(guild.id), "available": not guild.unavailable}


@routes.add("POST", "/guilds/{guild_id}/channels")
async def create_channel(core: Core, request: web.Request, body: Json) -> Json:
    """Make a channel, with permission overwrites if given."""
    guild = core.world.guild(path_id(request, "guild_id"))
    kind = ChannelType(int(body.get("type", 0)))
    name, topic = str(body["name"]), str(body.get("topic", ""))
    overwrites = [
        Overwrite(int(item["id"]), int(item["type"]), int(item["allow"]), int(item["deny"]))
        for item in body.get("overwrites", [])
    ]
    channel = guilds.create_channel(core.world, guild, name, kind, topic, overwrites)
    return payloads.channel(core.world, channel)


@routes.add("DELETE", "/channels/{channel_id}")
async def delete_channel(core: Core, request: web.Request, _: Json) -> Json:
    """Remove a channel."""
    guilds.delete_channel(core.world, core.world.channel(path_id(request, "channel_id")))
    return {}


@routes.add("POST", "/guilds/{guild_id}/roles")
async def create_role(core: Core, request: web.Request, body: Json) -> Json:
    """Make a role above all others."""
    guild = core.world.guild(path_id(request, "guild_id"))
    bits, color = int(body.get("permissions", 0)), int(body.get("color", 0))
    return payloads.role(
        guilds.create_role(core.world, guild, str(body["name"]), bits, color=color)
    )


@routes.add("POST", "/guilds/{guild_id}/members")
async def join(core: Core, request: web.Request, body: Json) -> Json:
    """Let a user in, made on the spot when only a name is given."""
    guild = core.world.guild(path_id(request, "guild_id"))
    if "user_id" in body:
        user = core.world.user(int(body["user_id"]))
    else:
        user = guilds.create_user(core.world, str(body["name"]))
    roles = [int(item) for item in body.get("roles", [])]
    return payloads.member(core.world, guilds.join(core.world, guild, user.id, roles))


@routes.add("PATCH", "/guilds/{guild_id}/members/{user_id}")
async def edit_member(core: Core, request: web.Request, body: Json) -> Json:
    """Change roles, nick or time-out of a member."""
    guild = core.world.guild(path_id(request, "guild_id"))
    member = guild.members[path_id(request, "user_id")]
    if "roles" in body:
        member.roles = [int(item) for item in body["roles"]]
    if "nick" in body:
        member.nick = body["nick"]
    if "timeout_until" in body:
        member.timeout_until = body["timeout_until"]
    guilds.update_member(core.world, guild, member)
    return payloads.member(core.world, member)


@routes.add("DELETE", "/guilds/{guild_id}/members/{user_id}")
async def leave(core: Core, request: web.Request, _: Json) -> Json:
    """Take a member out."""
    guild = core.world.guild(path_id(request, "guild_id"))
    guilds.leave(core.world, guild, path_id(request, "user_id"))
    return {}


@routes.add("POST", "/users")
async def create_user(core: Core, _: web.Request, body: Json) -> Json:
    """Make a user."""
    return payloads.user(guilds.create_user(core.world, str(body["name"])))


@routes.add("POST", "/bots")
async def create_bot(core: Core, _: web.Request, body: Json) -> Json:
    """Register another bot; it joins the guilds named in ``guilds``, all by default."""
    owner = int(body.get("owner_id") or next(iter(core.world.users)))
    app = applications.register(core.world, str(body["name"]), str(body["token"]), owner)
    app.privileged = int(body.get("privileged", app.privileged))
    for guild in core.world.guilds.values():
        if body.get("guilds") is None or str(guild.id) in body["guilds"]:
            applications.invite(core.world, app, guild)
    return payloads.application(core.world, app)


@routes.add("PATCH", "/bots/{application_id}")
async def edit_bot(core: Core, request: web.Request, body: Json) -> Json:
    """Refuse or accept its token, set privileged intents, or set its permissions in a guild."""
    app = application(core, request.match_info["application_id"])
    assert app is not None
    if "refuse_token" in body:
        app.token_refused = bool(body["refuse_token"])
    if "privileged" in body:
        app.privileged = int(body["privileged"])
    if "permissions" in body:
        guild = core.world.guild(int(body["guild_id"]))
        for role_id in guild.members[app.user_id].roles:
            guild.roles[role_id].permissions = int(body["permissions"])
    return {"id": str(app.id), "token_refused": app.token_refused, "privileged": app.privileged}
