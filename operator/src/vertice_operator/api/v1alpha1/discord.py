"""What the bot is on Discord: its application, its token, its intents and features."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from vertice_operator.api.rule import Rule
from vertice_operator.api.v1alpha1.base import (
    ApiModel,
    Bool,
    HttpURL,
    ObjectName,
    SecretKey,
    WebSocketURL,
)


class Intent(StrEnum):
    """A gateway intent, under discord.py's name for it in camelCase."""

    GUILDS = "guilds"
    MEMBERS = "members"
    MODERATION = "moderation"
    EXPRESSIONS = "expressions"
    INTEGRATIONS = "integrations"
    WEBHOOKS = "webhooks"
    INVITES = "invites"
    VOICE_STATES = "voiceStates"
    PRESENCES = "presences"
    GUILD_MESSAGES = "guildMessages"
    DM_MESSAGES = "dmMessages"
    GUILD_REACTIONS = "guildReactions"
    DM_REACTIONS = "dmReactions"
    GUILD_TYPING = "guildTyping"
    DM_TYPING = "dmTyping"
    MESSAGE_CONTENT = "messageContent"
    GUILD_SCHEDULED_EVENTS = "guildScheduledEvents"
    AUTO_MODERATION_CONFIGURATION = "autoModerationConfiguration"
    AUTO_MODERATION_EXECUTION = "autoModerationExecution"
    GUILD_POLLS = "guildPolls"
    DM_POLLS = "dmPolls"

    @property
    def flag(self) -> str:
        """Name of the flag in discord.py and in the bot's configuration (snake_case)."""
        return self.name.lower()

    @property
    def privileged(self) -> bool:
        """Whether it must be switched on in Discord's developer portal before a bot may ask."""
        return self in {Intent.MEMBERS, Intent.PRESENCES, Intent.MESSAGE_CONTENT}


class TokenSecretRef(ApiModel):
    """The Secret that holds the bot token."""

    name: ObjectName
    """Name of the Secret."""
    key: SecretKey = "token"
    """Key inside the Secret."""


class FeaturesSpec(ApiModel):
    """Groups of modules. What is off needs no intents and no permissions."""

    moderation: Bool = True
    """Moderation commands, cases and AutoMod."""
    analytics: Bool = True
    """Counters, statistics and charts."""
    customization: Bool = True
    """Custom commands, roles, levels and welcome messages."""


class DiscordSpec(ApiModel):
    """The bot's application on Discord."""

    application_id: Annotated[str, Field(max_length=20, pattern=r"^[0-9]{17,20}$")] | None = None
    """Application id. Once set it can neither change nor go, because shard leases hang on it."""
    token_secret_ref: TokenSecretRef | None = None
    """Where the bot token is. Required unless secrets.provider is SecretsStoreCSI."""
    intents: Annotated[
        tuple[Intent, ...],
        Field(max_length=25, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = (Intent.GUILDS, Intent.GUILD_MESSAGES)
    """Gateway intents to ask for, besides those that the enabled features need. members,
    presences and messageContent must first be switched on in Discord's developer portal."""
    features: FeaturesSpec = FeaturesSpec()
    """Groups of modules to run."""
    api_base: HttpURL | None = None
    """Base URL of another Discord-compatible REST API, such as http://host:port/api/v10.
    Absent: Discord."""
    gateway_url: Annotated[WebSocketURL | None, Field(alias="gatewayURL")] = None
    """WebSocket URL of another Discord-compatible gateway. Absent: what the REST API names."""

    RULES: ClassVar = (
        Rule(
            name="discord-application-id-immutable",
            cel=(
                "!has(oldSelf.applicationId) || "
                "(has(self.applicationId) && self.applicationId == oldSelf.applicationId)"
            ),
            message="applicationId cannot change or go once set; make a new resource instead",
            holds=None,
            field=".applicationId",
        ),
    )
