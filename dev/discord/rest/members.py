"""Members and bans: read, change, time out, kick, ban."""

from __future__ import annotations

from dev.discord.rest.errors import ApiError, missing_permissions, unknown
from dev.discord.rest.routing import Call, Routes
from dev.discord.wire import Json
from dev.discord.world import guilds, payloads, permissions
from dev.discord.world.models import Guild, Member
from dev.discord.world.permissions import Permission

routes = Routes()

_MEMBERS = "/guilds/{guild_id}/members"
_MEMBER = _MEMBERS + "/{user_id}"
_BAN = "/guilds/{guild_id}/bans/{user_id}"
_KICK, _PRUNE_BAN, _UNBAN, _UPDATE, _ROLES = 20, 22, 23, 24, 25
"""Audit log event types (docs, resources/audit-log)."""


def _member(call: Call, guild: Guild) -> Member:
    user_id = call.id("user_id")
    call.world.user(user_id)
    member = guild.members.get(user_id)
    if member is None:
        raise unknown(10007, "Member")
    return member


def _must_outrank(call: Call, guild: Guild, target: int) -> None:
    if target == call.bot.user_id:
        return
    if permissions.rank(guild, call.bot.user_id) <= permissions.rank(guild, target):
        raise missing_permissions()


def _audit(call: Call, guild: Guild, action: int, target: int) -> None:
    guilds.audit(call.world, guild, action, call.bot.user_id, target, call.reason)


@routes.add("GET", _MEMBERS)
async def list_members(call: Call) -> list[Json]:
    """Return members in order of their id, from ``after`` on."""
    guild = call.guild()
    after, limit = int(call.request.query.get("after", 0)), int(call.request.query.get("limit", 1))
    found = [guild.members[key] for key in sorted(guild.members) if key > after]
    return [payloads.member(call.world, item) for item in found[:limit]]


@routes.add("GET", _MEMBERS + "/search")
async def search_members(call: Call) -> list[Json]:
    """Return members whose name begins with ``query``."""
    guild, query = call.guild(), call.request.query
    text, limit = query.get("query", "").lower(), int(query.get("limit", 1))
    found = [
        item
        for item in guild.members.values()
        if call.world.user(item.user_id).name.lower().startswith(text)
    ]
    return [payloads.member(call.world, item) for item in found[:limit]]


@routes.add("GET", _MEMBER)
async def get_member(call: Call) -> Json:
    """Return one member."""
    return payloads.member(call.world, _member(call, call.guild()))


@routes.add("PATCH", _MEMBER)
async def edit_member(call: Call) -> Json:
    """Change nick and roles, or set and lift a time-out."""
    guild, body = call.guild(), call.data()
    member = _member(call, guild)
    if "communication_disabled_until" in body:
        _time_out(call, guild, member, body["communication_disabled_until"])
    if "nick" in body:
        call.needs(Permission.MANAGE_NICKNAMES)
        member.nick = body["nick"] or None
    if "roles" in body:
        call.needs(Permission.MANAGE_ROLES)
        member.roles = [int(item) for item in body["roles"] or []]
    guilds.update_member(call.world, guild, member)
    _audit(call, guild, _UPDATE, member.user_id)
    user_id = str(member.user_id)
    call.effect("member_edit", guild=str(guild.id), user=user_id, changes=body, reason=call.reason)
    return payloads.member(call.world, member)


def _time_out(call: Call, guild: Guild, member: Member, until: str | None) -> None:
    call.needs(Permission.MODERATE_MEMBERS)
    _must_outrank(call, guild, member.user_id)
    target = permissions.in_guild(guild, member)
    if until is not None and target & Permission.ADMINISTRATOR:
        raise missing_permissions()
    member.timeout_until = until


@routes.add("DELETE", _MEMBER)
async def kick(call: Call) -> None:
    """Kick a member."""
    guild = call.guild()
    member = _member(call, guild)
    call.needs(Permission.KICK_MEMBERS)
    _must_outrank(call, guild, member.user_id)
    guilds.leave(call.world, guild, member.user_id)
    _audit(call, guild, _KICK, member.user_id)
    user_id = str(member.user_id)
    call.effect("member_kick", guild=str(guild.id), user=user_id, reason=call.reason)


@routes.add("PUT", _MEMBER + "/roles/{role_id}")
async def add_role(call: Call) -> None:
    """Give a member a role."""
    _change_role(call, add=True)


@routes.add("DELETE", _MEMBER + "/roles/{role_id}")
async def remove_role(call: Call) -> None:
    """Take a role from a member."""
    _change_role(call, add=False)


def _change_role(call: Call, *, add: bool) -> None:
    guild = call.guild()
    member, role = _member(call, guild), guild.roles.get(call.id("role_id"))
    if role is None:
        raise unknown(10011, "Role")
    call.needs(Permission.MANAGE_ROLES)
    if role.position >= permissions.rank(guild, call.bot.user_id):
        raise missing_permissions()
    if (role.id in member.roles) is add:
        return
    if add:
        member.roles.append(role.id)
    else:
        member.roles.remove(role.id)
    guilds.update_member(call.world, guild, member)
    _audit(call, guild, _ROLES, member.user_id)
    what = "role_add" if add else "role_remove"
    call.effect(what, guild=str(guild.id), user=str(member.user_id), role=str(role.id))


@routes.add("GET", "/guilds/{guild_id}/bans")
async def list_bans(call: Call) -> list[Json]:
    """Return all bans."""
    guild = call.guild()
    call.needs(Permission.BAN_MEMBERS)
    return [_ban(call, user_id, reason) for user_id, reason in guild.bans.items()]


@routes.add("GET", _BAN)
async def get_ban(call: Call) -> Json:
    """Return one ban."""
    guild, user_id = call.guild(), call.id("user_id")
    call.needs(Permission.BAN_MEMBERS)
    if user_id not in guild.bans:
        raise unknown(10026, "Ban")
    return _ban(call, user_id, guild.bans[user_id])


def _ban(call: Call, user_id: int, reason: str | None) -> Json:
    return {"reason": reason, "user": payloads.user(call.world.user(user_id))}


@routes.add("PUT", _BAN)
async def ban(call: Call) -> None:
    """Ban a user, member or not. A second ban changes nothing."""
    guild, user_id = call.guild(), call.id("user_id")
    call.world.user(user_id)
    call.needs(Permission.BAN_MEMBERS)
    _must_outrank(call, guild, user_id)
    seconds = int(call.data().get("delete_message_seconds") or 0)
    fields = {"guild": str(guild.id), "user": str(user_id), "reason": call.reason}
    call.effect("ban", **fields, again=user_id in guild.bans, delete_message_seconds=seconds)
    if user_id not in guild.bans:
        guilds.ban(call.world, guild, user_id, call.reason)
        _audit(call, guild, _PRUNE_BAN, user_id)


@routes.add("DELETE", _BAN)
async def unban(call: Call) -> None:
    """Lift a ban."""
    guild, user_id = call.guild(), call.id("user_id")
    call.needs(Permission.BAN_MEMBERS)
    guilds.unban(call.world, guild, user_id)
    _audit(call, guild, _UNBAN, user_id)
    call.effect("unban", guild=str(guild.id), user=str(user_id), reason=call.reason)


@routes.add("PATCH", "/guilds/{guild_id}/members/@me")
async def edit_me(call: Call) -> Json:
    """Change the bot's own nick."""
    guild = call.guild()
    member = guild.members.get(call.bot.user_id)
    if member is None:
        raise ApiError(404, 10007, "Unknown Member")
    member.nick = call.data().get("nick") or None
    guilds.update_member(call.world, guild, member)
    return payloads.member(call.world, member)
