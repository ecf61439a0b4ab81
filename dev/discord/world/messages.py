"""What happens to messages: sent, edited, deleted, reacted to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dev.discord.wire import Json
from dev.discord.world import payloads
from dev.discord.world.models import Attachment, Channel, Message, MessageType
from dev.discord.world.state import World

KEPT_PER_CHANNEL = 10_000
"""Older messages are forgotten, or a load test would fill the memory."""

_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")


@dataclass(slots=True)
class Draft:
    """A message that is about to be sent."""

    author_id: int
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    flags: int = 0
    nonce: str | int | None = None
    tts: bool = False
    reference: int | None = None
    type: MessageType = MessageType.DEFAULT
    application_id: int | None = None
    interaction: Json | None = None
    only_for: int | None = None


def send(world: World, channel: Channel, draft: Draft) -> Message:
    """Put ``draft`` into ``channel`` and tell everyone who may know.

    Ephemeral messages are kept but told to nobody: Discord sends no gateway event for them.
    """
    message = Message(
        id=world.ids.next(),
        channel_id=channel.id,
        guild_id=channel.guild_id,
        author_id=draft.author_id,
        content=draft.content,
        type=MessageType.REPLY if draft.reference else draft.type,
        flags=draft.flags,
        embeds=draft.embeds,
        attachments=draft.attachments,
        components=draft.components,
        nonce=draft.nonce,
        tts=draft.tts,
        reference=draft.reference,
        application_id=draft.application_id,
        interaction=draft.interaction,
        only_for=draft.only_for,
    )
    find_mentions(world, message)
    _keep(world, channel, message)
    _tell(world, "MESSAGE_CREATE", message)
    return message


def _keep(world: World, channel: Channel, message: Message) -> None:
    channel.messages[message.id] = message
    for file in message.attachments:
        world.attachments[file.id] = file
    if len(channel.messages) > KEPT_PER_CHANNEL:
        oldest = channel.messages.pop(next(iter(channel.messages)))
        for file in oldest.attachments:
            world.attachments.pop(file.id, None)


def edit(world: World, message: Message, changes: Json, files: list[Attachment]) -> Message:
    """Apply the fields of an edit; fields that are not there stay as they are.

    ``changes["attachments"]`` lists the old attachments to keep, as in Discord's API.
    """
    if "content" in changes:
        message.content = changes["content"] or ""
    if "embeds" in changes:
        message.embeds = changes["embeds"] or []
    if "components" in changes:
        message.components = changes["components"] or []
    if changes.get("flags") is not None:
        message.flags = changes["flags"] | (message.flags & ~0b100)
    if "attachments" in changes:
        kept = {str(item.get("id")) for item in changes["attachments"] or []}
        message.attachments = [item for item in message.attachments if str(item.id) in kept]
    message.attachments.extend(files)
    for file in files:
        world.attachments[file.id] = file
    message.edited_at = world.clock.wall()
    find_mentions(world, message)
    _tell(world, "MESSAGE_UPDATE", message)
    return message


def announce_update(world: World, message: Message) -> None:
    """Tell of a change that is no edit, such as a pin or the end of "thinking"."""
    _tell(world, "MESSAGE_UPDATE", message)


def delete(world: World, message: Message) -> None:
    """Remove a message."""
    channel = world.channel(message.channel_id)
    channel.messages.pop(message.id, None)
    if message.ephemeral:
        world.emit("_EPHEMERAL_DELETE", {"id": str(message.id), "channel_id": str(channel.id)})
        return
    data: Json = {"id": str(message.id), "channel_id": str(channel.id)}
    _place(data, channel)
    world.emit("MESSAGE_DELETE", data, guild_id=channel.guild_id, channel_id=channel.id)


def delete_many(world: World, channel: Channel, ids: list[int]) -> list[int]:
    """Remove several messages with one event; returns the ids that were there."""
    gone = [item for item in ids if channel.messages.pop(item, None) is not None]
    data: Json = {"ids": [str(item) for item in gone], "channel_id": str(channel.id)}
    _place(data, channel)
    world.emit("MESSAGE_DELETE_BULK", data, guild_id=channel.guild_id, channel_id=channel.id)
    return gone


def react(world: World, message: Message, user_id: int, emoji: str, *, on: bool) -> bool:
    """Add (``on``) or remove a reaction; False when nothing changed."""
    people = message.reactions.setdefault(emoji, [])
    if (user_id in people) is on:
        return False
    if on:
        people.append(user_id)
    else:
        people.remove(user_id)
    if not people:
        del message.reactions[emoji]
    channel = world.channel(message.channel_id)
    data: Json = {
        "user_id": str(user_id),
        "channel_id": str(channel.id),
        "message_id": str(message.id),
        "emoji": {"id": None, "name": emoji},
        "burst": False,
        "type": 0,
    }
    _place(data, channel)
    if on and channel.guild_id is not None:
        member = world.guild(channel.guild_id).members.get(user_id)
        if member is not None:
            data["member"] = payloads.member(world, member)
    name = "MESSAGE_REACTION_ADD" if on else "MESSAGE_REACTION_REMOVE"
    world.emit(name, data, guild_id=channel.guild_id, channel_id=channel.id)
    return True


def typing(world: World, channel: Channel, user_id: int) -> None:
    """Say that ``user_id`` is typing."""
    data: Json = {
        "channel_id": str(channel.id),
        "user_id": str(user_id),
        "timestamp": int(world.clock.wall()),
    }
    _place(data, channel)
    world.emit("TYPING_START", data, guild_id=channel.guild_id, channel_id=channel.id)


def find_mentions(world: World, message: Message) -> None:
    """Read who is mentioned out of the text."""
    people = [int(found) for found in _USER.findall(message.content)]
    message.mentions = [item for item in dict.fromkeys(people) if item in world.users]
    message.mention_roles = [int(found) for found in _ROLE.findall(message.content)]
    message.mention_everyone = "@everyone" in message.content or "@here" in message.content


def _place(data: Json, channel: Channel) -> None:
    if channel.guild_id is not None:
        data["guild_id"] = str(channel.guild_id)


def _tell(world: World, name: str, message: Message) -> None:
    data = payloads.gateway_message(world, message)
    if message.ephemeral:
        # The page shows them to the one user they are for; no gateway session ever hears of them.
        world.emit(f"_EPHEMERAL_{name}", {**data, "only_for": str(message.only_for)})
        return
    world.emit(name, data, guild_id=message.guild_id, channel_id=message.channel_id)
