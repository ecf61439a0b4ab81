"""What a policy may say about a guild. Every key is optional; None means "not set here"."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class GuildPolicy(BaseModel):
    """Settings of one guild, or the defaults of all.

    Attributes
    ----------
    locale:
        Language of answers, for example ``en-US`` or ``pt-BR``.
    mod_log_channel:
        Channel id for moderation cases.
    muted:
        The bot stays silent in this guild apart from answers to commands.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    locale: str | None = Field(default=None, pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    mod_log_channel: int | None = Field(default=None, gt=0)
    muted: bool | None = None

    def get(self, key: str) -> Any:
        """Give the value of any key, also of one this module does not know; None if not set."""
        return getattr(self, key, None)

    def owned_keys(self) -> frozenset[str]:
        """Give the keys that are set here and so may not be changed by a command."""
        return frozenset(key for key in self.model_fields_set if self.get(key) is not None)


class PolicyDocument(BaseModel):
    """The file: defaults and one entry per guild id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    defaults: GuildPolicy = GuildPolicy()
    guilds: dict[int, GuildPolicy] = Field(default_factory=dict)

    @field_validator("guilds")
    @classmethod
    def _snowflakes(cls, value: dict[int, GuildPolicy]) -> dict[int, GuildPolicy]:
        for guild_id in value:
            if guild_id <= 0:
                raise ValueError(f"{guild_id} is not a guild id")
        return value

    def for_guild(self, guild_id: int) -> GuildPolicy:
        """Merge the defaults with the entry of a guild, key by key."""
        entry = self.guilds.get(guild_id)
        if entry is None:
            return self.defaults
        own = {key: entry.get(key) for key in entry.owned_keys()}
        return GuildPolicy.model_validate(self.defaults.model_dump(exclude_none=True) | own)
