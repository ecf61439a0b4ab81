"""Answers to interactions: the callback, the original answer, follow-ups."""

from __future__ import annotations

from enum import IntEnum

from dev.discord.interactions.registry import Interaction, State, metadata
from dev.discord.rest.body import to_attachments
from dev.discord.rest.errors import ApiError, invalid_form, unknown
from dev.discord.rest.messages import check_content
from dev.discord.rest.ratelimit import Limit
from dev.discord.rest.routing import Call, Routes
from dev.discord.wire import Json
from dev.discord.world import messages, payloads
from dev.discord.world.messages import Draft
from dev.discord.world.models import Message, MessageFlag, MessageType

routes = Routes()

_WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"
_MESSAGE = _WEBHOOK + "/messages/{message_id}"
_LIMIT = Limit(5, 2.0)
_ALLOWED_FLAGS = MessageFlag.EPHEMERAL | MessageFlag.SUPPRESS_EMBEDS | MessageFlag.COMPONENTS_V2


class Callback(IntEnum):
    """Types of callback (docs, interactions/receiving-and-responding)."""

    PONG = 1
    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE_MESSAGE = 7
    AUTOCOMPLETE = 8
    MODAL = 9


@routes.add(
    "POST", "/interactions/{interaction_id}/{interaction_token}/callback", authenticated=False
)
async def callback(call: Call) -> Json | None:
    """Answer an interaction, once and in time."""
    interaction = call.core.interactions.find(
        call.id("interaction_id"), call.request.match_info["interaction_token"]
    )
    if interaction is None or interaction.state is State.FAILED:
        raise unknown(10062, "interaction")
    if interaction.acknowledged:
        call.core.interactions.note(interaction, "acknowledged_again", source=call.source)
        raise ApiError(400, 40060, "Interaction has already been acknowledged.")
    body = call.data()
    kind = _kind(body)
    data: Json = body.get("data") or {}
    message = _apply(call, interaction, kind, data)
    call.effect("interaction_callback", id=str(interaction.id), type=kind.name)
    if call.request.query.get("with_response") not in ("1", "true", "True"):
        return None
    return _resource(call, interaction, kind, message)


def _kind(body: Json) -> Callback:
    try:
        return Callback(int(body.get("type") or 0))
    except ValueError:
        raise invalid_form("type", "BASE_TYPE_CHOICES", "Not a callback type") from None


def _apply(call: Call, interaction: Interaction, kind: Callback, data: Json) -> Message | None:
    """Do what the callback says; the interaction counts as acknowledged only when it is valid."""
    message: Message | None = None
    state = State.ANSWERED
    if kind is Callback.MESSAGE:
        check_content(data, has_files=bool(call.files))
        message = _say(call, interaction, data)
        interaction.original = message.id
        interaction.ephemeral = message.ephemeral
    elif kind is Callback.DEFERRED_MESSAGE:
        flags = int(data.get("flags") or 0) | MessageFlag.LOADING
        message = _say(call, interaction, {"flags": flags}, loading=True)
        interaction.original = message.id
        interaction.ephemeral = message.ephemeral
        state = State.DEFERRED
    elif kind in (Callback.DEFERRED_UPDATE, Callback.UPDATE_MESSAGE):
        message = _update(call, interaction, kind, data)
        state = State.ANSWERED if kind is Callback.UPDATE_MESSAGE else State.DEFERRED
    elif kind is Callback.AUTOCOMPLETE:
        interaction.choices = list(data.get("choices") or [])[:25]
    elif kind is Callback.MODAL:
        interaction.modal = data
    call.core.interactions.acknowledge(interaction, state, source=call.source)
    return message


def _say(call: Call, interaction: Interaction, data: Json, *, loading: bool = False) -> Message:
    world = call.world
    channel = world.channel(interaction.channel_id)
    flags = int(data.get("flags") or 0)
    allowed = _ALLOWED_FLAGS | (MessageFlag.LOADING if loading else 0)
    ephemeral = bool(flags & MessageFlag.EPHEMERAL)
    user = payloads.user(world.user(interaction.user_id))
    draft = Draft(
        author_id=world.applications[interaction.app_id].user_id,
        content=data.get("content") or "",
        embeds=data.get("embeds") or [],
        components=data.get("components") or [],
        attachments=to_attachments(data, call.files, channel.id, world.ids),
        flags=flags & int(allowed),
        tts=bool(data.get("tts")),
        type=MessageType.COMMAND,
        application_id=interaction.app_id,
        interaction=metadata(interaction, user),
        only_for=interaction.user_id if ephemeral else None,
    )
    message = messages.send(world, channel, draft)
    fields = {"channel": str(channel.id), "interaction": str(interaction.id), "loading": loading}
    call.effect("message_create", id=str(message.id), nonce=None, **fields)
    return message


def _update(call: Call, interaction: Interaction, kind: Callback, data: Json) -> Message:
    if interaction.message_id is None:
        raise ApiError(400, 50035, "Invalid Form Body")
    interaction.original = interaction.message_id
    message = call.world.message(interaction.channel_id, interaction.message_id)
    if kind is Callback.UPDATE_MESSAGE:
        _edit(call, message, data)
    return message


def _edit(call: Call, message: Message, data: Json) -> None:
    files = to_attachments(data, call.files, message.channel_id, call.world.ids)
    # Once edited, an answer no longer says "thinking".
    message.flags &= ~MessageFlag.LOADING
    messages.edit(call.world, message, data, files)
    call.effect("message_edit", id=str(message.id))


def _resource(
    call: Call, interaction: Interaction, kind: Callback, message: Message | None
) -> Json:
    shown: Json = {
        "id": str(interaction.id),
        "type": int(interaction.type),
        "channel_id": str(interaction.channel_id),
    }
    if interaction.guild_id is not None:
        shown["guild_id"] = str(interaction.guild_id)
    resource: Json = {"type": int(kind)}
    if message is not None:
        resource["message"] = payloads.message(call.world, message)
        shown |= {
            "response_message_id": str(message.id),
            "response_message_loading": bool(message.flags & MessageFlag.LOADING),
            "response_message_ephemeral": message.ephemeral,
        }
    return {"interaction": shown, "resource": resource}


# ---------------------------------------------------------------------- after the callback


def _interaction(call: Call) -> Interaction:
    token = call.request.match_info["webhook_token"]
    found = call.core.interactions.by_token(call.id("webhook_id"), token)
    if found is None:
        raise ApiError(401, 50027, "Invalid Webhook Token")
    if not found.acknowledged:
        raise unknown(10015, "Webhook")
    return found


def _target(call: Call, interaction: Interaction) -> Message:
    raw = call.request.match_info["message_id"]
    wanted = interaction.original if raw == "@original" else call.id("message_id")
    if wanted is None or wanted not in (interaction.original, *interaction.followups):
        raise unknown(10008, "Message")
    return call.world.message(interaction.channel_id, wanted)


@routes.add("POST", _WEBHOOK, _LIMIT, authenticated=False)
async def follow_up(call: Call) -> Json:
    """Say something more; after a deferral the first follow-up is the answer."""
    interaction = _interaction(call)
    body = call.data()
    check_content(body, has_files=bool(call.files))
    if interaction.state is State.DEFERRED and _is_thinking(call, interaction):
        return await _edit_answer(call, interaction, body)
    message = _say(call, interaction, body)
    interaction.followups.append(message.id)
    call.core.interactions.note(interaction, "followup", source=call.source)
    interaction.changed.set()
    return payloads.message(call.world, message)


def _is_thinking(call: Call, interaction: Interaction) -> bool:
    if interaction.original is None:
        return False
    message = call.world.message(interaction.channel_id, interaction.original)
    return bool(message.flags & MessageFlag.LOADING)


@routes.add("GET", _MESSAGE, authenticated=False)
async def get_answer(call: Call) -> Json:
    """Return the original answer or a follow-up."""
    return payloads.message(call.world, _target(call, _interaction(call)))


@routes.add("PATCH", _MESSAGE, _LIMIT, authenticated=False)
async def edit_answer(call: Call) -> Json:
    """Change the original answer or a follow-up; ends "thinking"."""
    interaction = _interaction(call)
    message = _target(call, interaction)
    if message.id == interaction.original:
        return await _edit_answer(call, interaction, call.data())
    _edit(call, message, call.data())
    return payloads.message(call.world, message)


async def _edit_answer(call: Call, interaction: Interaction, body: Json) -> Json:
    assert interaction.original is not None
    message = call.world.message(interaction.channel_id, interaction.original)
    _edit(call, message, body)
    call.core.interactions.move(interaction, State.ANSWERED, source=call.source)
    return payloads.message(call.world, message)


@routes.add("DELETE", _MESSAGE, _LIMIT, authenticated=False)
async def delete_answer(call: Call) -> None:
    """Delete the original answer or a follow-up."""
    interaction = _interaction(call)
    message = _target(call, interaction)
    messages.delete(call.world, message)
    call.effect("message_delete", id=str(message.id), interaction=str(interaction.id))
