"""Applications, their bot users, and the commands they register."""

from __future__ import annotations

import base64

from dev.discord.gateway.intents import PRIVILEGED
from dev.discord.wire import Json
from dev.discord.world import guilds
from dev.discord.world.models import Application, Guild, User
from dev.discord.world.state import World

BOT_ROLE_BITS = 8
"""ADMINISTRATOR: a bot that is invited by hand usually gets what it asks for."""


def register(
    world: World, name: str, token: str, owner_id: int, privileged: int = int(PRIVILEGED)
) -> Application:
    """Make an application and its bot user. Raises ``ValueError`` when the token is in use.

    Its id is the one that the token names, or a new one.
    """
    if world.application_by_token(token) is not None:
        raise ValueError("this token belongs to another application of this server")
    named = id_in_token(token)
    app_id = world.ids.next() if named is None or named in world.users else named
    app = Application(app_id, name, token, owner_id, privileged)
    world.users[app.id] = User(app.id, name, name, bot=True)
    world.applications[app.id] = app
    return app


def id_in_token(token: str) -> int | None:
    """Return the application id in the first part of a token, None when it has no such part."""
    first = token.partition(".")[0]
    try:
        digits = base64.b64decode(first + "=" * (-len(first) % 4), validate=True).decode()
    except ValueError:
        return None
    return int(digits) if digits.isascii() and digits.isdigit() and int(digits) < 1 << 63 else None


def invite(world: World, app: Application, guild: Guild, bits: int = BOT_ROLE_BITS) -> None:
    """Add the bot to ``guild`` with a managed role that has the permissions ``bits``."""
    role = guilds.create_role(world, guild, app.name, bits, color=0x5865F2, managed=True)
    guilds.join(world, guild, app.user_id, [role.id])


def overwrite_commands(
    world: World, app: Application, wanted: list[Json], guild_id: int | None
) -> list[Json]:
    """Replace all commands of a scope; a command that keeps its name keeps its id."""
    scope = commands_of(app, guild_id)
    ids = {_key(item): number for number, item in scope.items()}
    scope.clear()
    return [
        put_command(world, app, item, guild_id, ids.get(_key(item), world.ids.next()))
        for item in wanted
    ]


def put_command(
    world: World, app: Application, body: Json, guild_id: int | None, command_id: int
) -> Json:
    """Store one command under ``command_id`` and return it as the API shows it."""
    stored: Json = {
        "description": "",
        "options": [],
        "nsfw": False,
        "default_member_permissions": None,
        "dm_permission": True,
        "contexts": None,
        "integration_types": [0],
        "name_localizations": None,
        "description_localizations": None,
        "type": 1,
        **body,
        "id": str(command_id),
        "application_id": str(app.id),
        "version": str(world.ids.next()),
    }
    if guild_id is not None:
        stored["guild_id"] = str(guild_id)
    commands_of(app, guild_id)[command_id] = stored
    world.emit("_COMMANDS", {"application_id": str(app.id)})
    return stored


def commands_of(app: Application, guild_id: int | None) -> dict[int, Json]:
    """Return the commands of a scope by id: the global ones, or those of one guild."""
    if guild_id is None:
        return app.commands
    return app.guild_commands.setdefault(guild_id, {})


def usable_commands(app: Application, guild_id: int | None) -> list[Json]:
    """Return the commands a user sees in a guild: its own ones hide global ones of that name."""
    visible = {_key(item): item for item in app.commands.values()}
    if guild_id is not None:
        visible |= {_key(item): item for item in app.guild_commands.get(guild_id, {}).values()}
    return list(visible.values())


def _key(command: Json) -> tuple[int, str]:
    return int(command.get("type", 1)), str(command["name"])
