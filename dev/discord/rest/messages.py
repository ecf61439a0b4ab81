"""Messages: send with nonce, read, edit, delete, reactions, typing."""

from __future__ import annotations

from dev.discord.rest.body import to_attachments
from dev.discord.rest.errors import ApiError, invalid_form, missing_permissions
from dev.discord.rest.ratelimit import Limit
from dev.discord.rest.routing import Call, Routes
from dev.discord.wire import Json
from dev.discord.world import messages, payloads
from dev.discord.world.messages import Draft
from dev.discord.world.models import Channel, Message, MessageFlag
from dev.discord.world.permissions import Permission

routes = Routes()

_MESSAGES = "/channels/{channel_id}/messages"
_MESSAGE = _MESSAGES + "/{message_id}"
_REACTION = _MESSAGE + "/reactions/{emoji}"
MAX_CONTENT = 2000
MAX_NONCE = 25
_BULK = (2, 100)


def check_content(body: Json, *, has_files: bool) -> None:
    """Raise ``ApiError`` when a new message would be empty or too long."""
    content = body.get("content") or ""
    if len(content) > MAX_CONTENT:
        text = f"Must be {MAX_CONTENT} or fewer in length."
        raise invalid_form("content", "BASE_TYPE_MAX_LENGTH", text)
    if body.get("flags", 0) & MessageFlag.COMPONENTS_V2:
        if content or body.get("embeds"):
            text = "The 'content' and 'embeds' fields cannot be used with components V2."
            raise invalid_form("content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS", text)
        return
    if not (content or body.get("embeds") or body.get("components") or has_files):
        raise ApiError(400, 50006, "Cannot send an empty message")


@routes.add("POST", _MESSAGES, Limit(5, 5.0))
async def create_message(call: Call) -> Json:
    """Send a message; with ``enforce_nonce`` the same nonce gives the same message."""
    channel = call.channel(Permission.SEND_MESSAGES)
    body = call.data()
    check_content(body, has_files=bool(call.files))
    nonce = body.get("nonce")
    if nonce is not None and len(str(nonce)) > MAX_NONCE:
        raise invalid_form("nonce", "NONCE_TYPE_INVALID_LENGTH", "Nonce is too long.")
    if body.get("enforce_nonce") and (known := _with_nonce(call, channel, nonce)):
        call.effect("message_deduplicated", id=str(known.id), nonce=nonce)
        return payloads.message(call.world, known)
    reference = (body.get("message_reference") or {}).get("message_id")
    if reference is not None and int(reference) not in channel.messages:
        raise invalid_form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
    draft = Draft(
        author_id=call.bot.user_id,
        content=body.get("content") or "",
        embeds=body.get("embeds") or [],
        components=body.get("components") or [],
        attachments=to_attachments(body, call.files, channel.id, call.world.ids),
        flags=int(body.get("flags") or 0),
        nonce=nonce,
        tts=bool(body.get("tts")),
        reference=int(reference) if reference is not None else None,
        application_id=call.bot.id,
    )
    message = messages.send(call.world, channel, draft)
    if nonce is not None:
        key = (channel.id, call.bot.user_id, str(nonce))
        call.core.nonces.remember(key, message.id, call.core.clock.monotonic())
    call.effect("message_create", id=str(message.id), nonce=nonce, channel=str(channel.id))
    return payloads.message(call.world, message)


def _with_nonce(call: Call, channel: Channel, nonce: object) -> Message | None:
    """Return the bot's message of the last minutes that has ``nonce``."""
    if nonce is None:
        return None
    key = (channel.id, call.bot.user_id, str(nonce))
    known = call.core.nonces.find(key, call.core.clock.monotonic())
    return channel.messages.get(known) if known else None


@routes.add("GET", _MESSAGES)
async def list_messages(call: Call) -> list[Json]:
    """Return messages, newest first, with before, after, around and limit."""
    channel = call.channel(Permission.READ_MESSAGE_HISTORY)
    query = call.request.query
    limit = min(int(query.get("limit", 50)), 100)
    found = [message for message in channel.messages.values() if not message.ephemeral]
    if "before" in query:
        found = [message for message in found if message.id < int(query["before"])]
    if "after" in query:
        found = [message for message in found if message.id > int(query["after"])][:limit]
    if "around" in query:
        middle = int(query["around"])
        found = sorted(found, key=lambda message: abs(message.id - middle))[:limit]
        found.sort(key=lambda message: message.id)
    return [payloads.message(call.world, message) for message in reversed(found[-limit:])]


def _visible(call: Call) -> Message:
    message = call.world.message(call.id("channel_id"), call.id("message_id"))
    if message.ephemeral:
        raise ApiError(404, 10008, "Unknown Message")
    return message


@routes.add("GET", _MESSAGES + "/pins")
async def list_pins_page(call: Call) -> Json:
    """Return the pinned messages the way the API does since 2025: with the time of pinning."""
    items = [{"pinned_at": item["timestamp"], "message": item} for item in _pinned(call)]
    return {"items": items, "has_more": False}


@routes.add("GET", _MESSAGE)
async def get_message(call: Call) -> Json:
    """Return one message."""
    call.channel(Permission.READ_MESSAGE_HISTORY)
    return payloads.message(call.world, _visible(call))


@routes.add("PATCH", _MESSAGE, Limit(5, 5.0))
async def edit_message(call: Call) -> Json:
    """Change a message of the bot's own."""
    channel = call.channel()
    message = _visible(call)
    if message.author_id != call.bot.user_id:
        raise ApiError(403, 50005, "Cannot edit a message authored by another user")
    body = call.data()
    files = to_attachments(body, call.files, channel.id, call.world.ids)
    messages.edit(call.world, message, body, files)
    call.effect("message_edit", id=str(message.id))
    return payloads.message(call.world, message)


@routes.add("DELETE", _MESSAGE, Limit(5, 1.0))
async def delete_message(call: Call) -> None:
    """Delete a message, someone else's with MANAGE_MESSAGES."""
    channel = call.channel()
    message = _visible(call)
    bits = call.world.permissions(channel, call.bot.user_id)
    if message.author_id != call.bot.user_id and not bits & Permission.MANAGE_MESSAGES:
        raise missing_permissions()
    messages.delete(call.world, message)
    call.effect("message_delete", id=str(message.id), reason=call.reason)


@routes.add("POST", _MESSAGES + "/bulk-delete", Limit(1, 1.0))
async def bulk_delete(call: Call) -> None:
    """Delete 2 to 100 messages at once."""
    channel = call.channel(Permission.MANAGE_MESSAGES)
    ids = [int(item) for item in call.data().get("messages", [])]
    if not _BULK[0] <= len(ids) <= _BULK[1]:
        text = "You can only bulk delete between 2 and 100 messages"
        raise ApiError(400, 50016, text)
    gone = messages.delete_many(call.world, channel, ids)
    call.effect("message_delete_bulk", ids=[str(item) for item in gone], reason=call.reason)


@routes.add("POST", "/channels/{channel_id}/typing")
async def start_typing(call: Call) -> None:
    """Show that the bot is typing."""
    messages.typing(call.world, call.channel(Permission.SEND_MESSAGES), call.bot.user_id)


@routes.add("PUT", _REACTION + "/@me", Limit(1, 0.25))
async def add_reaction(call: Call) -> None:
    """React as the bot."""
    call.channel(Permission.ADD_REACTIONS)
    emoji = call.request.match_info["emoji"]
    if messages.react(call.world, _visible(call), call.bot.user_id, emoji, on=True):
        call.effect("reaction_add", id=str(call.id("message_id")), emoji=emoji)


@routes.add("DELETE", _REACTION + "/{user_id}", Limit(1, 0.25))
async def remove_reaction(call: Call) -> None:
    """Take a reaction away, someone else's with MANAGE_MESSAGES."""
    who = call.id("user_id")
    mine = who == call.bot.user_id
    call.channel(Permission.VIEW_CHANNEL if mine else Permission.MANAGE_MESSAGES)
    emoji = call.request.match_info["emoji"]
    if messages.react(call.world, _visible(call), who, emoji, on=False):
        call.effect("reaction_remove", id=str(call.id("message_id")), emoji=emoji)


@routes.add("GET", "/channels/{channel_id}/pins")
async def list_pins(call: Call) -> list[Json]:
    """Return the pinned messages."""
    return _pinned(call)


def _pinned(call: Call) -> list[Json]:
    channel = call.channel(Permission.READ_MESSAGE_HISTORY)
    pinned = [message for message in channel.messages.values() if message.pinned]
    return [payloads.message(call.world, message) for message in reversed(pinned)]


async def _pin(call: Call, *, on: bool) -> None:
    call.channel(Permission.PIN_MESSAGES)
    message = _visible(call)
    if message.pinned is not on:
        message.pinned = on
        messages.announce_update(call.world, message)
        call.effect("message_pin" if on else "message_unpin", id=str(message.id))


@routes.add("PUT", _MESSAGES + "/pins/{message_id}")
@routes.add("PUT", "/channels/{channel_id}/pins/{message_id}")
async def pin(call: Call) -> None:
    """Pin a message."""
    await _pin(call, on=True)


@routes.add("DELETE", _MESSAGES + "/pins/{message_id}")
@routes.add("DELETE", "/channels/{channel_id}/pins/{message_id}")
async def unpin(call: Call) -> None:
    """Unpin a message."""
    await _pin(call, on=False)


@routes.add("POST", "/users/@me/channels")
async def open_direct(call: Call) -> Json:
    """Open the direct-message channel with a user."""
    other = call.world.user(int(call.data().get("recipient_id") or 0))
    if other.bot:
        raise ApiError(403, 50007, "Cannot send messages to this user")
    channel = call.world.direct_between(call.bot.user_id, other.id)
    return payloads.channel(call.world, channel, call.bot.user_id)
