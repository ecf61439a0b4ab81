"""What a user does in a client: run a command, use a component, fill in a form."""

from __future__ import annotations

from dataclasses import dataclass, field

from dev.discord.interactions import options
from dev.discord.interactions.options import BadOptionError
from dev.discord.interactions.registry import Interaction, Interactions, InteractionType
from dev.discord.wire import Json
from dev.discord.world import applications, payloads
from dev.discord.world.models import Application, Channel, Message
from dev.discord.world.permissions import Permission
from dev.discord.world.state import World


class NotOfferedError(PermissionError):
    """Something Discord's client would not offer to this user; the text says why."""


@dataclass(frozen=True, slots=True)
class CommandUse:
    """A command as typed: ``/config set`` is command ``config`` with path ``("set",)``."""

    command: str
    path: list[str] = field(default_factory=list)
    values: Json = field(default_factory=dict)
    focused: str | None = None
    target_id: int | None = None
    """Target of a user command (type 2) or message command (type 3)."""


def run_command(
    world: World,
    interactions: Interactions,
    channel: Channel,
    user_id: int,
    use: CommandUse,
    app: Application | None = None,
) -> Interaction:
    """Run a command as ``user_id``, or ask for autocomplete when an option is focused.

    Raises
    ------
    NotOfferedError, BadOptionError
        When the command is unknown, not permitted, or filled in wrongly.
    """
    owner, command = _find(world, channel, use.command, app)
    _check_may_use(world, channel, user_id, command)
    guild = world.guild(channel.guild_id) if channel.guild_id else None
    data: Json = {
        "id": command["id"],
        "name": command["name"],
        "type": command["type"],
    }
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    if use.target_id is not None:
        data |= _target(world, channel, command, use.target_id, owner)
    else:
        data["options"] = options.build(command, use.path, use.values, focused=use.focused)
        data["resolved"] = options.resolve(world, guild, channel, data["options"], owner.user_id)
    kind = InteractionType.AUTOCOMPLETE if use.focused else InteractionType.COMMAND
    label = " ".join(["/" + use.command, *use.path])
    return interactions.create(owner, kind, channel, user_id, data, label=label)


def use_component(
    world: World,
    interactions: Interactions,
    message: Message,
    user_id: int,
    custom_id: str,
    values: list[str] | None = None,
) -> Interaction:
    """Press a button, or choose ``values`` in a select menu."""
    found = next(
        (c for c in _components(message.components) if c.get("custom_id") == custom_id), None
    )
    if found is None:
        raise NotOfferedError(f"message {message.id} has no component {custom_id}")
    if found.get("disabled"):
        raise NotOfferedError(f"component {custom_id} is disabled")
    app = world.applications.get(message.application_id or message.author_id)
    if app is None:
        raise NotOfferedError("only messages of an application have components that work")
    data: Json = {"custom_id": custom_id, "component_type": found["type"], "id": found.get("id", 0)}
    if found["type"] != _BUTTON:
        data["values"] = values or []
    channel = world.channel(message.channel_id)
    label = str(found.get("label") or custom_id)
    kind = InteractionType.COMPONENT
    return interactions.create(
        app, kind, channel, user_id, data, label=label, message_id=message.id
    )


def submit_modal(
    world: World, interactions: Interactions, asked: Interaction, values: dict[str, str]
) -> Interaction:
    """Send the form that ``asked`` was answered with, with ``values`` by custom id."""
    if asked.modal is None:
        raise NotOfferedError("this interaction was not answered with a form")
    app = world.applications[asked.app_id]
    filled = [_fill(item, values) for item in asked.modal.get("components", [])]
    data: Json = {"custom_id": asked.modal["custom_id"], "components": filled}
    channel = world.channel(asked.channel_id)
    label = str(asked.modal.get("title", "form"))
    kind = InteractionType.MODAL_SUBMIT
    return interactions.create(
        app, kind, channel, asked.user_id, data, label=label, message_id=asked.message_id
    )


_BUTTON = 2


def _find(
    world: World, channel: Channel, name: str, app: Application | None
) -> tuple[Application, Json]:
    for candidate in [app] if app else world.applications.values():
        if not _present(world, channel, candidate):
            continue
        for command in applications.usable_commands(candidate, channel.guild_id):
            if command["name"] == name:
                return candidate, command
    raise NotOfferedError(f"no bot here has registered the command {name}")


def _present(world: World, channel: Channel, app: Application) -> bool:
    if channel.guild_id is None:
        return app.user_id in channel.recipients
    return app.user_id in world.guild(channel.guild_id).members


def _check_may_use(world: World, channel: Channel, user_id: int, command: Json) -> None:
    contexts = command.get("contexts")
    in_guild = channel.guild_id is not None
    if contexts is not None and (0 if in_guild else 1) not in contexts:
        raise NotOfferedError(f"/{command['name']} is not offered here")
    bits = world.permissions(channel, user_id)
    if not bits & Permission.USE_APPLICATION_COMMANDS:
        raise NotOfferedError("this user may not use commands in this channel")
    needed = command.get("default_member_permissions")
    if in_guild and needed is not None:
        missing = int(needed) & ~bits
        if missing or needed == "0":
            raise NotOfferedError(
                f"/{command['name']} needs permissions that this user does not have"
            )


def _target(
    world: World, channel: Channel, command: Json, target_id: int, app: Application
) -> Json:
    if command["type"] == 3:
        message = payloads.message(world, world.message(channel.id, target_id))
        return {"target_id": str(target_id), "resolved": {"messages": {str(target_id): message}}}
    guild = world.guild(channel.guild_id) if channel.guild_id else None
    picked = [{"name": "target", "type": 6, "value": str(target_id)}]
    resolved = options.resolve(world, guild, channel, picked, app.user_id)
    return {"target_id": str(target_id), "resolved": resolved}


def _components(items: list[Json]) -> list[Json]:
    found: list[Json] = []
    for item in items:
        found.append(item)
        found.extend(_components(item.get("components") or []))
        if accessory := item.get("accessory"):
            found.append(accessory)
    return found


def _fill(item: Json, values: dict[str, str]) -> Json:
    """Return a component of a form as the client sends it back: filled in."""
    shown: Json = {"type": item["type"], "id": item.get("id", 0)}
    if "components" in item:
        return {**shown, "components": [_fill(inner, values) for inner in item["components"]]}
    if "component" in item:
        return {**shown, "component": _fill(item["component"], values)}
    custom_id = str(item.get("custom_id"))
    if custom_id not in values and item.get("required", True):
        raise BadOptionError(f"the form's field {custom_id} is required")
    return {**shown, "custom_id": custom_id, "value": values.get(custom_id, "")}
