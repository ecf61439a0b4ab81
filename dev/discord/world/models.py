"""What the world is made of. These are the server's own mutable records, not wire objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag

from dev.discord.wire import Json


class ChannelType(IntEnum):
    """Kinds of channel that the server knows."""

    TEXT = 0
    DM = 1
    VOICE = 2
    CATEGORY = 4


class MessageType(IntEnum):
    """Kinds of message that the server makes."""

    DEFAULT = 0
    JOIN = 7
    REPLY = 19
    COMMAND = 20


class MessageFlag(IntFlag):
    """Bits of ``message.flags`` that change how the server acts."""

    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    COMPONENTS_V2 = 1 << 15


_EPHEMERAL = MessageFlag.EPHEMERAL.value


@dataclass(slots=True)
class User:
    """An account, of a person or of a bot."""

    id: int
    name: str
    display_name: str
    bot: bool = False


@dataclass(slots=True)
class Role:
    """A role of a guild; the one with the guild's own id is @everyone."""

    id: int
    name: str
    permissions: int
    position: int
    color: int = 0
    hoist: bool = False
    managed: bool = False
    mentionable: bool = False


@dataclass(slots=True)
class Member:
    """A user in a guild."""

    user_id: int
    joined_at: float
    roles: list[int] = field(default_factory=list)
    nick: str | None = None
    timeout_until: str | None = None


@dataclass(slots=True)
class Overwrite:
    """A change of permissions in one channel for a role (type 0) or a member (type 1)."""

    id: int
    type: int
    allow: int
    deny: int


@dataclass(slots=True)
class Channel:
    """A place with messages, in a guild or between two users."""

    id: int
    type: ChannelType
    name: str
    guild_id: int | None = None
    topic: str | None = None
    position: int = 0
    parent_id: int | None = None
    slowmode: int = 0
    nsfw: bool = False
    overwrites: list[Overwrite] = field(default_factory=list)
    recipients: tuple[int, ...] = ()
    messages: dict[int, Message] = field(default_factory=dict)


@dataclass(slots=True)
class Guild:
    """A server, in the words of Discord's people."""

    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    bans: dict[int, str | None] = field(default_factory=dict)
    unavailable: bool = False


@dataclass(slots=True)
class Attachment:
    """A file of a message, with its bytes."""

    id: int
    channel_id: int
    filename: str
    content_type: str
    data: bytes
    description: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(slots=True)
class Message:
    """Something said in a channel."""

    id: int
    channel_id: int
    guild_id: int | None
    author_id: int
    content: str
    type: MessageType = MessageType.DEFAULT
    flags: int = 0
    embeds: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    mentions: list[int] = field(default_factory=list)
    mention_roles: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    nonce: str | int | None = None
    tts: bool = False
    pinned: bool = False
    edited_at: float | None = None
    reference: int | None = None
    application_id: int | None = None
    interaction: Json | None = None
    """``interaction_metadata`` plus the command's name, when an interaction caused it."""
    only_for: int | None = None
    """The one user who sees it, for ephemeral messages."""
    reactions: dict[str, list[int]] = field(default_factory=dict)

    @property
    def ephemeral(self) -> bool:
        """Whether only one user sees the message."""
        return bool(self.flags & _EPHEMERAL)


@dataclass(slots=True)
class Application:
    """An application with its bot user, as the developer portal would know it."""

    id: int
    name: str
    token: str = field(repr=False)
    owner_id: int
    privileged: int
    """Privileged intents that are switched on in the portal."""
    token_refused: bool = False
    commands: dict[int, Json] = field(default_factory=dict)
    guild_commands: dict[int, dict[int, Json]] = field(default_factory=dict)

    @property
    def user_id(self) -> int:
        """Id of the bot user: the same as the application's, as for every new application."""
        return self.id
