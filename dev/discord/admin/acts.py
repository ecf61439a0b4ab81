"""Admin: what a user does: talk, react, run commands, press buttons, fill in forms."""

from __future__ import annotations

import asyncio

from aiohttp import web

from dev.discord.admin.routing import Routes, application, path_id
from dev.discord.core import Core
from dev.discord.interactions import users
from dev.discord.interactions.registry import Interaction, State, summary
from dev.discord.interactions.users import CommandUse, NotOfferedError
from dev.discord.wire import Json
from dev.discord.world import messages, payloads
from dev.discord.world.messages import Draft
from dev.discord.world.models import Channel, Message
from dev.discord.world.permissions import Permission
from dev.discord.world.state import MissingError

routes = Routes()

_MAX_BURST = 10_000


def _channel(core: Core, body: Json, needed: Permission) -> Channel:
    channel = core.world.channel(int(body["channel_id"]))
    if needed & ~core.world.permissions(channel, int(body["user_id"])):
        raise NotOfferedError(f"this user lacks {needed.name} in that channel")
    return channel


@routes.add("POST", "/messages")
async def send_message(core: Core, _: web.Request, body: Json) -> Json:
    """Send a message as a user; ``count`` sends it that often, for a burst."""
    channel = _channel(core, body, Permission.SEND_MESSAGES)
    count = min(int(body.get("count", 1)), _MAX_BURST)
    author, content = int(body["user_id"]), str(body["content"])
    if not content.strip():
        raise ValueError("content is empty: write something")
    reply = int(body["reply_to"]) if body.get("reply_to") else None
    made = [
        messages.send(core.world, channel, Draft(author, content, reference=reply))
        for _ in range(count)
    ]
    return {
        **payloads.gateway_message(core.world, made[-1]),
        "ids": [str(message.id) for message in made],
    }


@routes.add("GET", "/channels/{channel_id}/messages")
async def list_messages(core: Core, request: web.Request, _: Json) -> list[Json]:
    """Return every message of a channel, oldest first, ephemeral ones too."""
    channel = core.world.channel(path_id(request, "channel_id"))
    return [payloads.message(core.world, item) for item in channel.messages.values()]


@routes.add("PATCH", "/channels/{channel_id}/messages/{message_id}")
async def edit_message(core: Core, request: web.Request, body: Json) -> Json:
    """Edit a message as its author."""
    message = _message(core, request)
    messages.edit(core.world, message, {"content": str(body["content"])}, [])
    return payloads.message(core.world, message)


@routes.add("DELETE", "/channels/{channel_id}/messages/{message_id}")
async def delete_message(core: Core, request: web.Request, _: Json) -> Json:
    """Delete a message."""
    messages.delete(core.world, _message(core, request))
    return {}


def _message(core: Core, request: web.Request) -> Message:
    return core.world.message(path_id(request, "channel_id"), path_id(request, "message_id"))


@routes.add("POST", "/reactions")
async def react(core: Core, _: web.Request, body: Json) -> Json:
    """Add a reaction as a user, or take it away with ``on: false``."""
    channel = _channel(core, body, Permission.ADD_REACTIONS)
    message = core.world.message(channel.id, int(body["message_id"]))
    on = bool(body.get("on", True))
    user_id, emoji = int(body["user_id"]), str(body["emoji"])
    return {"changed": messages.react(core.world, message, user_id, emoji, on=on)}


@routes.add("POST", "/directs")
async def open_direct(core: Core, _: web.Request, body: Json) -> Json:
    """Open the direct-message channel of a user and a bot."""
    app = application(core, body["bot_id"])
    assert app is not None
    channel = core.world.direct_between(core.world.user(int(body["user_id"])).id, app.user_id)
    return payloads.channel(core.world, channel)


@routes.add("POST", "/commands")
async def run_command(core: Core, _: web.Request, body: Json) -> Json:
    """Run a command as a user, or ask for autocomplete; waits up to ``wait`` seconds."""
    channel = _channel(core, body, Permission.VIEW_CHANNEL)
    name, *path = str(body["command"]).removeprefix("/").split()
    use = CommandUse(
        command=name,
        path=path,
        values=dict(body.get("options") or {}),
        focused=body.get("focused"),
        target_id=int(body["target_id"]) if body.get("target_id") else None,
    )
    app = application(core, body.get("bot_id"))
    who = int(body["user_id"])
    made = users.run_command(core.world, core.interactions, channel, who, use, app)
    return await _outcome(core, made, float(body.get("wait", 0)))


@routes.add("POST", "/components")
async def use_component(core: Core, _: web.Request, body: Json) -> Json:
    """Press a button or choose in a menu as a user; waits up to ``wait`` seconds."""
    channel = _channel(core, body, Permission.VIEW_CHANNEL)
    message = core.world.message(channel.id, int(body["message_id"]))
    who, custom_id = int(body["user_id"]), str(body["custom_id"])
    if message.only_for not in (None, who):
        raise NotOfferedError("this message is only for another user")
    made = users.use_component(
        core.world, core.interactions, message, who, custom_id, body.get("values")
    )
    return await _outcome(core, made, float(body.get("wait", 0)))


@routes.add("POST", "/modals")
async def submit_modal(core: Core, _: web.Request, body: Json) -> Json:
    """Fill in and send the form of an interaction; waits up to ``wait`` seconds."""
    asked = _interaction(core, int(body["interaction_id"]))
    made = users.submit_modal(core.world, core.interactions, asked, dict(body.get("values") or {}))
    return await _outcome(core, made, float(body.get("wait", 0)))


@routes.add("GET", "/interactions/{interaction_id}")
async def get_interaction(core: Core, request: web.Request, _: Json) -> Json:
    """Return how far an interaction is; waits up to ``wait`` seconds for the answer."""
    found = _interaction(core, path_id(request, "interaction_id"))
    return await _outcome(core, found, float(request.query.get("wait", 0)))


def _interaction(core: Core, interaction_id: int) -> Interaction:
    found = core.interactions.get(interaction_id)
    if found is None:
        raise MissingError(10062, "interaction")
    return found


async def _outcome(core: Core, interaction: Interaction, wait: float) -> Json:
    """Wait until the interaction is answered or has failed, and show it with its messages."""
    deadline = core.clock.monotonic() + wait
    while interaction.state in (State.WAITING, State.DEFERRED):
        left = deadline - core.clock.monotonic()
        if left <= 0:
            break
        interaction.changed.clear()
        try:
            await asyncio.wait_for(interaction.changed.wait(), left)
        except TimeoutError:
            break
    shown = summary(interaction)
    channel = core.world.channel(interaction.channel_id)

    def message(message_id: int | None) -> Json | None:
        found = channel.messages.get(message_id) if message_id else None
        return payloads.message(core.world, found) if found else None

    shown["message"] = message(interaction.original)
    shown["followup_messages"] = [message(item) for item in interaction.followups]
    return shown
