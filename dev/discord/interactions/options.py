"""What a user filled in, turned into the option tree and ``resolved`` of an interaction."""

from __future__ import annotations

from enum import IntEnum

from dev.discord.wire import Json
from dev.discord.world import payloads
from dev.discord.world.models import Channel, Guild
from dev.discord.world.state import MissingError, World


class OptionType(IntEnum):
    """Types of command options (docs, interactions/application-commands)."""

    SUB_COMMAND = 1
    SUB_COMMAND_GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10


_NESTED = (OptionType.SUB_COMMAND, OptionType.SUB_COMMAND_GROUP)
_SNOWFLAKES = (OptionType.USER, OptionType.CHANNEL, OptionType.ROLE, OptionType.MENTIONABLE)
_TRUE = {"true", "yes", "1", "on"}
_FALSE = {"false", "no", "0", "off"}


class BadOptionError(ValueError):
    """What Discord's own client would not let a user send; the text says what to change."""


def build(
    command: Json, path: list[str], values: Json, *, focused: str | None = None
) -> list[Json]:
    """Return the ``options`` of an interaction.

    Parameters
    ----------
    command
        The registered command, or a sub-command while descending.
    path
        Names of sub-command group and sub-command below ``command``.
    values
        Value of each option by name, as text or as JSON values.
    focused
        The option the user is typing in, for autocomplete: it may be unfinished, and required
        options may still be missing.

    Raises
    ------
    BadOptionError
        When the registered command would not accept the values.
    """
    declared: list[Json] = command.get("options") or []
    if path:
        inner = next((item for item in declared if item["name"] == path[0]), None)
        if inner is None or inner["type"] not in _NESTED:
            raise BadOptionError(f"{command['name']} has no sub-command {path[0]}")
        nested = build(inner, path[1:], values, focused=focused)
        return [{"name": inner["name"], "type": inner["type"], "options": nested}]
    if any(item["type"] in _NESTED for item in declared):
        names = ", ".join(item["name"] for item in declared)
        raise BadOptionError(f"{command['name']} needs one of its sub-commands: {names}")
    unknown = set(values) - {item["name"] for item in declared}
    if unknown:
        raise BadOptionError(f"{command['name']} has no option {', '.join(sorted(unknown))}")
    return [
        _option(item, values[item["name"]], focused=focused == item["name"])
        for item in declared
        if _given(item, values, optional=focused is not None)
    ]


def _given(declared: Json, values: Json, *, optional: bool) -> bool:
    name = declared["name"]
    if name in values and values[name] is not None and values[name] != "":
        return True
    if name in values and optional:
        return True
    if declared.get("required") and not optional:
        raise BadOptionError(f"option {name} is required")
    return False


def _option(declared: Json, value: object, *, focused: bool) -> Json:
    kind = OptionType(declared["type"])
    option: Json = {"name": declared["name"], "type": int(kind)}
    if focused:
        return {**option, "value": str(value), "focused": True}
    typed = _typed(kind, declared["name"], value)
    _check_bounds(declared, kind, typed)
    return {**option, "value": typed}


def _typed(kind: OptionType, name: str, value: object) -> str | int | float | bool:
    text = str(value).strip()
    try:
        if kind is OptionType.INTEGER:
            return int(text)
        if kind is OptionType.NUMBER:
            return float(text)
    except ValueError:
        raise BadOptionError(f"option {name} needs a number, not {text!r}") from None
    if kind is OptionType.BOOLEAN:
        if text.lower() not in _TRUE | _FALSE:
            raise BadOptionError(f"option {name} needs true or false, not {text!r}")
        return text.lower() in _TRUE
    if kind in _SNOWFLAKES:
        bare = text.strip("<@!&#>")
        if not bare.isdigit():
            raise BadOptionError(f"option {name} needs an id or a mention, not {text!r}")
        return bare
    return str(value)


def _check_bounds(declared: Json, kind: OptionType, value: object) -> None:
    name = declared["name"]
    choices = declared.get("choices")
    if choices and value not in [choice["value"] for choice in choices]:
        known = ", ".join(str(choice["value"]) for choice in choices)
        raise BadOptionError(f"option {name} must be one of: {known}")
    if kind in (OptionType.INTEGER, OptionType.NUMBER) and isinstance(value, int | float):
        low, high = declared.get("min_value"), declared.get("max_value")
        if (low is not None and value < low) or (high is not None and value > high):
            raise BadOptionError(f"option {name} must be between {low} and {high}")
    if kind is OptionType.STRING and isinstance(value, str):
        shortest, longest = declared.get("min_length") or 0, declared.get("max_length") or 6000
        if not shortest <= len(value) <= longest:
            raise BadOptionError(f"option {name} must have {shortest} to {longest} characters")


def resolve(
    world: World, guild: Guild | None, channel: Channel, options: list[Json], app_user_id: int
) -> Json:
    """Return the ``resolved`` objects for every id among ``options``.

    Raises
    ------
    BadOptionError
        When an id belongs to nothing the user could have picked.
    """
    resolved: dict[str, Json] = {}
    for option in _leaves(options):
        kind = OptionType(option["type"])
        if kind not in _SNOWFLAKES or option.get("focused"):
            continue
        number = int(option["value"])
        if kind is OptionType.CHANNEL:
            _resolve_channel(world, guild, number, resolved, app_user_id)
        elif kind is OptionType.USER or number in world.users:
            _resolve_user(world, guild, channel, number, resolved)
        else:
            _resolve_role(guild, number, resolved)
    return resolved


def _leaves(options: list[Json]) -> list[Json]:
    found: list[Json] = []
    for option in options:
        found.extend(_leaves(option["options"]) if "options" in option else [option])
    return found


def _resolve_user(
    world: World, guild: Guild | None, channel: Channel, number: int, into: dict[str, Json]
) -> None:
    try:
        user = world.user(number)
    except MissingError:
        raise BadOptionError(f"there is no user {number}") from None
    into.setdefault("users", {})[str(number)] = payloads.user(user)
    member = guild.members.get(number) if guild else None
    if guild is not None and member is not None:
        shown = payloads.resolved_member(world, guild, member, channel)
        into.setdefault("members", {})[str(number)] = {
            key: value for key, value in shown.items() if key not in ("deaf", "mute")
        }


def _resolve_channel(
    world: World, guild: Guild | None, number: int, into: dict[str, Json], app_user_id: int
) -> None:
    channel = guild.channels.get(number) if guild else None
    if channel is None:
        raise BadOptionError(f"there is no channel {number} here")
    into.setdefault("channels", {})[str(number)] = {
        "id": str(channel.id),
        "name": channel.name,
        "type": int(channel.type),
        "permissions": str(world.permissions(channel, app_user_id)),
        "app_permissions": str(world.permissions(channel, app_user_id)),
        "parent_id": str(channel.parent_id) if channel.parent_id else None,
        "guild_id": str(channel.guild_id),
        "nsfw": channel.nsfw,
        "flags": 0,
        "position": channel.position,
        "topic": channel.topic,
        "last_message_id": None,
        "rate_limit_per_user": channel.slowmode,
    }


def _resolve_role(guild: Guild | None, number: int, into: dict[str, Json]) -> None:
    role = guild.roles.get(number) if guild else None
    if role is None:
        raise BadOptionError(f"there is no role or user {number} here")
    into.setdefault("roles", {})[str(number)] = payloads.role(role)
