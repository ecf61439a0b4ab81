"""Guilds and roles."""

from __future__ import annotations

from dev.discord.rest.errors import ApiError, missing_permissions, unknown
from dev.discord.rest.routing import Call, Routes
from dev.discord.wire import Json
from dev.discord.world import guilds, payloads, permissions
from dev.discord.world.models import Role
from dev.discord.world.permissions import Permission

routes = Routes()

_ROLES = "/guilds/{guild_id}/roles"


@routes.add("GET", "/guilds/{guild_id}")
async def get_guild(call: Call) -> Json:
    """Return a guild, with counts when asked."""
    guild = call.guild()
    shown = payloads.guild(guild)
    if call.request.query.get("with_counts") in ("1", "true", "True"):
        shown["approximate_member_count"] = len(guild.members)
        shown["approximate_presence_count"] = len(guild.members)
    return shown


@routes.add("GET", "/users/@me/guilds")
async def my_guilds(call: Call) -> list[Json]:
    """Return the guilds that the bot is in."""
    me = call.bot.user_id
    return [
        {
            "id": str(guild.id),
            "name": guild.name,
            "icon": None,
            "owner": guild.owner_id == me,
            "permissions": str(permissions.in_guild(guild, guild.members[me])),
            "features": [],
        }
        for guild in call.world.member_of(me)
    ]


@routes.add("DELETE", "/users/@me/guilds/{guild_id}")
async def leave_guild(call: Call) -> None:
    """Leave a guild."""
    guild = call.guild()
    guilds.leave(call.world, guild, call.bot.user_id)
    call.effect("guild_leave", guild=str(guild.id))


@routes.add("GET", _ROLES)
async def list_roles(call: Call) -> list[Json]:
    """Return all roles."""
    return [payloads.role(item) for item in call.guild().roles.values()]


@routes.add("POST", _ROLES)
async def create_role(call: Call) -> Json:
    """Make a role below the bot's own."""
    guild, body = call.guild(), call.data()
    call.needs(Permission.MANAGE_ROLES)
    bits = int(body.get("permissions") or 0)
    name = str(body.get("name") or "new role")
    role = guilds.create_role(call.world, guild, name, bits, color=int(body.get("color") or 0))
    role.position = 1
    call.effect("role_create", guild=str(guild.id), id=str(role.id), reason=call.reason)
    return payloads.role(role)


def _role(call: Call) -> Role:
    guild = call.guild()
    call.needs(Permission.MANAGE_ROLES)
    role = guild.roles.get(call.id("role_id"))
    if role is None:
        raise unknown(10011, "Role")
    if role.position >= permissions.rank(guild, call.bot.user_id):
        raise missing_permissions()
    return role


@routes.add("PATCH", _ROLES + "/{role_id}")
async def edit_role(call: Call) -> Json:
    """Change a role."""
    role, body = _role(call), call.data()
    role.name = body.get("name", role.name)
    role.permissions = int(body.get("permissions", role.permissions))
    role.color = int(body.get("color", role.color))
    guild_id = call.id("guild_id")
    data = {"guild_id": str(guild_id), "role": payloads.role(role)}
    call.world.emit("GUILD_ROLE_UPDATE", data, guild_id=guild_id)
    call.effect("role_edit", id=str(role.id), reason=call.reason)
    return payloads.role(role)


@routes.add("DELETE", _ROLES + "/{role_id}")
async def delete_role(call: Call) -> None:
    """Remove a role."""
    role = _role(call)
    if role.id == call.id("guild_id"):
        raise ApiError(400, 50028, "Invalid role")
    guilds.delete_role(call.world, call.guild(), role.id)
    call.effect("role_delete", id=str(role.id), reason=call.reason)
