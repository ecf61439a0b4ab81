"""Every interaction from its creation to its last follow-up, with Discord's deadlines."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from dev.discord.ledger import Ledger
from dev.discord.settings import RestSettings
from dev.discord.wire import Json
from dev.discord.world import payloads
from dev.discord.world.models import Application, Channel
from dev.discord.world.state import World

_KEPT = 10_000
ATTACHMENT_LIMIT = 10 * 1024 * 1024


class InteractionType(IntEnum):
    """What the user did."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL_SUBMIT = 5


class State(StrEnum):
    """How far the answer is."""

    WAITING = "waiting"
    DEFERRED = "deferred"
    ANSWERED = "answered"
    FAILED = "failed"


@dataclass(slots=True)
class Interaction:
    """One use of a command, a component or a form."""

    id: int
    token: str = field(repr=False)
    app_id: int
    type: InteractionType
    channel_id: int
    guild_id: int | None
    user_id: int
    data: Json
    label: str
    created_at: float
    """Monotonic seconds."""
    state: State = State.WAITING
    message_id: int | None = None
    """The message whose component was used."""
    original: int | None = None
    """The message that is the answer."""
    ephemeral: bool = False
    acknowledged_at: float | None = None
    answered_at: float | None = None
    followups: list[int] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def acknowledged(self) -> bool:
        """Whether a callback was accepted."""
        return self.acknowledged_at is not None


class Interactions:
    """Creates interactions, finds them by token, and lets them expire."""

    def __init__(self, world: World, ledger: Ledger, settings: RestSettings) -> None:
        self._world = world
        self._ledger = ledger
        self._settings = settings
        self._all: dict[int, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}

    def create(
        self,
        app: Application,
        kind: InteractionType,
        channel: Channel,
        user_id: int,
        data: Json,
        *,
        label: str,
        message_id: int | None = None,
    ) -> Interaction:
        """Start an interaction and dispatch INTERACTION_CREATE to the bot.

        ``label`` is what a person would call it, such as ``/ping``.
        """
        interaction = Interaction(
            id=self._world.ids.next(),
            token="aW50ZXJhY3Rpb246" + secrets.token_urlsafe(48),
            app_id=app.id,
            type=kind,
            channel_id=channel.id,
            guild_id=channel.guild_id,
            user_id=user_id,
            data=data,
            label=label,
            created_at=self._world.clock.monotonic(),
            message_id=message_id,
        )
        self._keep(interaction)
        self.note(interaction, "created")
        self._world.emit(
            "INTERACTION_CREATE",
            self._payload(app, interaction, channel),
            guild_id=channel.guild_id,
            channel_id=channel.id,
            only_bot=app.id,
        )
        return interaction

    def find(self, interaction_id: int, token: str) -> Interaction | None:
        """Return the interaction whose id and token both fit."""
        found = self._all.get(interaction_id)
        return found if found is not None and found.token == token else None

    def get(self, interaction_id: int) -> Interaction | None:
        """Return an interaction by its id alone, for scripts."""
        return self._all.get(interaction_id)

    def by_token(self, app_id: int, token: str) -> Interaction | None:
        """Return the interaction of a webhook token that is still valid."""
        found = self._by_token.get(token)
        if found is None or found.app_id != app_id:
            return None
        age = self._world.clock.monotonic() - found.created_at
        return found if age <= self._settings.interaction_token_ttl else None

    def acknowledge(self, interaction: Interaction, state: State, *, source: str) -> None:
        """Accept the first callback: the deadline is met."""
        interaction.acknowledged_at = self._world.clock.monotonic()
        if timer := self._timers.pop(interaction.id, None):
            timer.cancel()
        self.move(interaction, state, source=source)

    def move(self, interaction: Interaction, state: State, *, source: str | None = None) -> None:
        """Put an interaction into ``state`` and wake whoever waits for it."""
        interaction.state = state
        if state is State.ANSWERED and interaction.answered_at is None:
            interaction.answered_at = self._world.clock.monotonic()
        self.note(interaction, str(state), source=source)
        interaction.changed.set()

    def note(self, interaction: Interaction, what: str, *, source: str | None = None) -> None:
        """Write a step of ``interaction`` into the ledger and tell the page."""
        age = self._world.clock.monotonic() - interaction.created_at
        self._ledger.record(
            "interaction",
            id=str(interaction.id),
            type=interaction.type.name,
            label=interaction.label,
            bot=str(interaction.app_id),
            user=str(interaction.user_id),
            what=what,
            age=age,
            source=source,
        )
        self._world.emit("_INTERACTION", {**summary(interaction), "what": what})

    def stop(self) -> None:
        """Cancel every timer, at shut-down."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _keep(self, interaction: Interaction) -> None:
        """Remember the interaction, start its deadline, and forget the oldest of too many."""
        self._all[interaction.id] = interaction
        self._by_token[interaction.token] = interaction
        if len(self._all) > _KEPT:
            oldest = self._all.pop(next(iter(self._all)))
            del self._by_token[oldest.token]
        deadline = self._settings.acknowledge_within
        loop = asyncio.get_running_loop()
        self._timers[interaction.id] = loop.call_later(deadline, self._miss, interaction)

    def _miss(self, interaction: Interaction) -> None:
        self._timers.pop(interaction.id, None)
        if not interaction.acknowledged:
            self.move(interaction, State.FAILED)

    def _payload(self, app: Application, interaction: Interaction, channel: Channel) -> Json:
        world = self._world
        user = payloads.user(world.user(interaction.user_id))
        bits = world.permissions(channel, interaction.user_id)
        body: Json = {
            "id": str(interaction.id),
            "application_id": str(app.id),
            "type": int(interaction.type),
            "token": interaction.token,
            "version": 1,
            "data": interaction.data,
            "channel": {
                **payloads.channel(world, channel, app.user_id),
                "permissions": str(bits),
            },
            "channel_id": str(channel.id),
            "locale": "en-US",
            "app_permissions": str(world.permissions(channel, app.user_id)),
            "entitlements": [],
            "authorizing_integration_owners": {"0": str(channel.guild_id or 0)},
            "context": 0 if channel.guild_id else 1,
            "attachment_size_limit": ATTACHMENT_LIMIT,
        }
        if interaction.message_id is not None:
            message = world.message(channel.id, interaction.message_id)
            body["message"] = payloads.message(world, message)
        if channel.guild_id is None:
            return {**body, "user": user}
        guild = world.guild(channel.guild_id)
        member = payloads.resolved_member(world, guild, guild.members[interaction.user_id], channel)
        return {
            **body,
            "guild_id": str(guild.id),
            "guild": {"id": str(guild.id), "locale": "en-US", "features": []},
            "guild_locale": "en-US",
            "member": {**member, "user": user},
        }


def summary(interaction: Interaction) -> Json:
    """Return what scripts and the page are told of an interaction."""

    def after(moment: float | None) -> float | None:
        return None if moment is None else moment - interaction.created_at

    return {
        "id": str(interaction.id),
        "application_id": str(interaction.app_id),
        "type": interaction.type.name,
        "label": interaction.label,
        "state": str(interaction.state),
        "channel_id": str(interaction.channel_id),
        "user_id": str(interaction.user_id),
        "ephemeral": interaction.ephemeral,
        "original": str(interaction.original) if interaction.original else None,
        "followups": [str(item) for item in interaction.followups],
        "modal": interaction.modal,
        "choices": interaction.choices,
        "acknowledged_after": after(interaction.acknowledged_at),
        "answered_after": after(interaction.answered_at),
    }


def metadata(interaction: Interaction, user: Json) -> Json:
    """Return ``interaction_metadata`` of a message that answers ``interaction``."""
    shown: Json = {
        "id": str(interaction.id),
        "type": int(interaction.type),
        "user": user,
        "authorizing_integration_owners": {"0": str(interaction.guild_id or 0)},
    }
    if interaction.type is InteractionType.COMMAND:
        shown |= {"name": interaction.label.removeprefix("/"), "command_type": 1}
    return shown
