"""The caller itself: user, application, gateway address, commands."""

from __future__ import annotations

import re

from dev.discord.rest.errors import ApiError, invalid_form, unknown
from dev.discord.rest.ratelimit import Limit
from dev.discord.rest.routing import Call, Routes
from dev.discord.wire import Json
from dev.discord.world import applications, payloads

routes = Routes()

_NAME = re.compile(r"^[-_'\w]{1,32}$")
_COMMANDS = "/applications/{application_id}/commands"
_GUILD_COMMANDS = "/applications/{application_id}/guilds/{guild_id}/commands"
_MAX_CHAT, _MAX_CONTEXT = 100, 15


def gateway_url(call: Call) -> str:
    """Return the WebSocket address: of ``--public-url``, else of the Host header asked with."""
    base = call.core.settings.public_url or f"{call.request.scheme}://{call.request.host}"
    return "ws" + base.removeprefix("http")


@routes.add("GET", "/gateway", authenticated=False)
async def get_gateway(call: Call) -> Json:
    """Return where the gateway is."""
    return {"url": gateway_url(call)}


@routes.add("GET", "/gateway/bot")
async def get_gateway_bot(call: Call) -> Json:
    """Return where the gateway is, how many shards to use, and the IDENTIFY budget."""
    now = call.core.clock.monotonic()
    _, budget = call.core.hub.identify_limits(call.bot.id)
    settings = call.core.settings.gateway
    guilds = len(call.world.member_of(call.bot.user_id))
    return {
        "url": gateway_url(call),
        "shards": 1 + guilds // 1000,
        "session_start_limit": {
            "total": budget.total,
            "remaining": budget.remaining(now),
            "reset_after": int(budget.reset_after(now) * 1000),
            "max_concurrency": settings.max_concurrency,
        },
    }


@routes.add("GET", "/users/@me")
async def get_me(call: Call) -> Json:
    """Return the bot's own user."""
    me = payloads.user(call.world.user(call.bot.user_id))
    return {**me, "verified": True, "mfa_enabled": True, "locale": "en-US", "flags": 0}


@routes.add("GET", "/users/{user_id}")
async def get_user(call: Call) -> Json:
    """Return any user."""
    return payloads.user(call.world.user(call.id("user_id")))


@routes.add("GET", "/oauth2/applications/@me")
async def get_oauth_application(call: Call) -> Json:
    """Return the application of the token."""
    return payloads.application(call.world, call.bot)


@routes.add("GET", "/applications/@me")
async def get_application(call: Call) -> Json:
    """Return the application of the token."""
    return payloads.application(call.world, call.bot)


@routes.add("GET", "/applications/{application_id}/emojis")
async def list_emojis(call: Call) -> Json:
    """Return the application's own emoji: none."""
    _check_owner(call)
    return {"items": []}


def _check_owner(call: Call) -> int | None:
    """Check that the application is the caller's; return the guild of the path, if any."""
    if call.id("application_id") != call.bot.id:
        raise ApiError(
            403, 20012, "You are not authorized to perform this action on this application"
        )
    if "guild_id" not in call.request.match_info:
        return None
    return call.guild().id


def _check_command(command: object) -> Json:
    if not isinstance(command, dict):
        raise ApiError(400, 50035, "Invalid Form Body")
    kind = int(command.get("type") or 1)
    name = str(command.get("name") or "")
    if kind == 1 and (not _NAME.match(name) or name != name.lower()):
        raise invalid_form("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    description = str(command.get("description") or "")
    if kind == 1 and not 1 <= len(description) <= 100:
        text = "Must be between 1 and 100 in length."
        raise invalid_form("description", "BASE_TYPE_BAD_LENGTH", text)
    if len(command.get("options") or []) > 25:
        text = "Must be 25 or fewer in length."
        raise invalid_form("options", "BASE_TYPE_MAX_LENGTH", text)
    return command


def _check_count(commands: list[Json]) -> None:
    by_kind: dict[int, list[str]] = {}
    for command in commands:
        by_kind.setdefault(int(command.get("type") or 1), []).append(command["name"])
    for kind, names in by_kind.items():
        if len(names) != len(set(names)):
            text = "Application command names must be unique"
            raise invalid_form("name", "APPLICATION_COMMANDS_DUPLICATE_NAME", text)
        if len(names) > (_MAX_CHAT if kind == 1 else _MAX_CONTEXT):
            text = "Maximum number of application commands reached"
            raise ApiError(400, 30032, text)


async def _list(call: Call) -> list[Json]:
    scope = applications.commands_of(call.bot, _check_owner(call))
    return list(scope.values())


async def _overwrite(call: Call) -> list[Json]:
    guild_id = _check_owner(call)
    wanted = [_check_command(item) for item in call.body or []]
    _check_count(wanted)
    call.effect("commands", guild=str(guild_id) if guild_id else None, count=len(wanted))
    return applications.overwrite_commands(call.world, call.bot, wanted, guild_id)


async def _create(call: Call) -> Json:
    guild_id = _check_owner(call)
    wanted = _check_command(call.body)
    scope = applications.commands_of(call.bot, guild_id)
    key = (int(wanted.get("type") or 1), wanted["name"])
    same = [number for number, item in scope.items() if (item["type"], item["name"]) == key]
    _check_count([item for number, item in scope.items() if number not in same] + [wanted])
    call.status = 200 if same else 201
    command_id = same[0] if same else call.world.ids.next()
    return applications.put_command(call.world, call.bot, wanted, guild_id, command_id)


async def _delete(call: Call) -> None:
    scope = applications.commands_of(call.bot, _check_owner(call))
    if scope.pop(call.id("command_id"), None) is None:
        raise unknown(10063, "application command")


async def _get(call: Call) -> Json:
    command = applications.commands_of(call.bot, _check_owner(call)).get(call.id("command_id"))
    if command is None:
        raise unknown(10063, "application command")
    return command


for _base in (_COMMANDS, _GUILD_COMMANDS):
    routes.add("GET", _base)(_list)
    routes.add("PUT", _base, Limit(2, 1.0))(_overwrite)
    routes.add("POST", _base)(_create)
    routes.add("GET", _base + "/{command_id}")(_get)
    routes.add("DELETE", _base + "/{command_id}")(_delete)
