"""The world itself: everything that exists, how to look it up, and how a change is announced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dev.discord.clock import Clock
from dev.discord.snowflake import Snowflakes
from dev.discord.wire import Json
from dev.discord.world import permissions
from dev.discord.world.models import (
    Application,
    Attachment,
    Channel,
    ChannelType,
    Guild,
    Message,
    User,
)


class MissingError(LookupError):
    """Something asked for does not exist.

    Parameters
    ----------
    code
        Discord's JSON error code, for example 10003 for a channel.
    what
        Its name in Discord's own message: ``Unknown <what>``.
    """

    def __init__(self, code: int, what: str) -> None:
        super().__init__(f"Unknown {what}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Event:
    """A change that gateway sessions are told about."""

    id: int
    name: str
    data: Json
    guild_id: int | None = None
    channel_id: int | None = None
    only_bot: int | None = None
    """Application id of the one bot that is told, for interactions and direct messages."""
    about_user: int | None = None
    """The user it is about: a bot always hears about itself, whatever its intents."""


@dataclass(slots=True)
class World:
    """All state, with lookups that fail the way Discord's API fails."""

    clock: Clock
    ids: Snowflakes
    base: str = ""
    """Address under which the server itself is reached, for links to files."""
    users: dict[int, User] = field(default_factory=dict)
    guilds: dict[int, Guild] = field(default_factory=dict)
    directs: dict[int, Channel] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    """Every channel by id, of guilds and direct ones."""
    applications: dict[int, Application] = field(default_factory=dict)
    attachments: dict[int, Attachment] = field(default_factory=dict)
    listeners: list[Callable[[Event], None]] = field(default_factory=list)
    _event_ids: int = 0

    def emit(
        self,
        name: str,
        data: Json,
        *,
        guild_id: int | None = None,
        channel_id: int | None = None,
        only_bot: int | None = None,
        about_user: int | None = None,
    ) -> Event:
        """Announce a change to every listener, at once and in order."""
        self._event_ids += 1
        event = Event(self._event_ids, name, data, guild_id, channel_id, only_bot, about_user)
        for listener in self.listeners:
            listener(event)
        return event

    def guild(self, guild_id: int) -> Guild:
        """Return a guild or raise ``MissingError``."""
        guild = self.guilds.get(guild_id)
        if guild is None:
            raise MissingError(10004, "Guild")
        return guild

    def channel(self, channel_id: int) -> Channel:
        """Return a channel of any kind or raise ``MissingError``."""
        channel = self.channels.get(channel_id)
        if channel is None:
            raise MissingError(10003, "Channel")
        return channel

    def user(self, user_id: int) -> User:
        """Return a user or raise ``MissingError``."""
        user = self.users.get(user_id)
        if user is None:
            raise MissingError(10013, "User")
        return user

    def message(self, channel_id: int, message_id: int) -> Message:
        """Return a message of a channel or raise ``MissingError``."""
        message = self.channel(channel_id).messages.get(message_id)
        if message is None:
            raise MissingError(10008, "Message")
        return message

    def application_by_token(self, token: str) -> Application | None:
        """Return the application whose bot token is ``token``."""
        return next((app for app in self.applications.values() if app.token == token), None)

    def direct_between(self, one: int, other: int) -> Channel:
        """Return the direct-message channel of two users, made on first use."""
        pair = tuple(sorted((one, other)))
        for channel in self.directs.values():
            if channel.recipients == pair:
                return channel
        channel = Channel(self.ids.next(), ChannelType.DM, "", recipients=pair)
        self.directs[channel.id] = self.channels[channel.id] = channel
        return channel

    def permissions(self, channel: Channel, user_id: int) -> int:
        """Return what ``user_id`` may do in ``channel``, 0 for a stranger."""
        if channel.guild_id is None:
            return permissions.EVERYTHING if user_id in channel.recipients else 0
        guild = self.guild(channel.guild_id)
        member = guild.members.get(user_id)
        return permissions.in_channel(guild, channel, member) if member else 0

    def member_of(self, user_id: int) -> list[Guild]:
        """Return the guilds that ``user_id`` is in, oldest first."""
        return [guild for guild in self.guilds.values() if user_id in guild.members]
