"""The configuration file and its environment variables: one typed, closed contract.

The file is YAML; each key is also the variable ``VERTICE_<PATH>`` with ``__`` between levels, and
the variable wins. Secrets are never values here, only paths of files that hold them.
"""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import Annotated, Any, Literal

import discord
import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from vertice_bot.errors import ConfigError

LEASE_MARGIN_SECONDS = 1.0
"""How much earlier than the database an owner lets go; it pays for drifting clocks."""

SECRETS = Path("/var/run/secrets/vertice")
Port = Annotated[int, Field(ge=1, le=65535)]
ListenPort = Annotated[int, Field(ge=0, le=65535)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DiscordSettings(_Section):
    """How to reach Discord and what to ask of it."""

    token_file: Path = SECRETS / "discord-token"
    application_id: int | None = None
    intents: Annotated[tuple[str, ...], NoDecode] = ("guilds", "guild_messages")
    api_base: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    gateway_url: str | None = Field(default=None, pattern=r"^wss?://[^\s]+$")

    @field_validator("intents", mode="before")
    @classmethod
    def _split_intents(cls, value: object) -> object:
        return re.split(r"[,\s]+", value.strip("[] ")) if isinstance(value, str) else value

    @field_validator("intents")
    @classmethod
    def _known_intents(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(value) - set(discord.Intents.VALID_FLAGS))
        if unknown:
            raise ValueError(f"unknown intent {', '.join(unknown)}; use names such as guilds")
        if "guilds" not in value:
            raise ValueError("the intent guilds is missing; without it no server is known")
        return value

    @field_validator("api_base")
    @classmethod
    def _no_trailing_slash(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else None

    def build_intents(self) -> discord.Intents:
        """Give the intents as discord.py wants them."""
        return discord.Intents(**dict.fromkeys(self.intents, True))


class FeatureSettings(_Section):
    """Which groups of modules are on."""

    moderation: bool = True
    analytics: bool = True
    customization: bool = True


class ShardSettings(_Section):
    """How the events of Discord are split; fixed for the life of a bot."""

    count: int = Field(default=1, ge=1, le=4096)
    rebalance_seconds: float = Field(default=30, ge=0, le=3600)
    """How long the load of the replicas has to be uneven before a shard is moved."""


class LeaseSettings(_Section):
    """How long an owner may be silent before another one takes its shards, in seconds."""

    ttl_seconds: float = Field(default=6, ge=3, le=120)
    renew_seconds: float = Field(default=2, ge=0.2, le=30)

    @model_validator(mode="after")
    def _two_tries(self) -> LeaseSettings:
        if self.renew_seconds * 2 > self.ttl_seconds - LEASE_MARGIN_SECONDS:
            raise ValueError(
                "renew_seconds is too long: two renewals must fit into ttl_seconds - 1, "
                "or one lost answer moves every shard"
            )
        return self


class DatabaseSettings(_Section):
    """Where Postgres is; the password is read from its file at each new connection."""

    host: str = "127.0.0.1"
    port: Port = 5432
    name: str = "vertice"
    user: str | None = None
    user_file: Path | None = SECRETS / "database-username"
    password_file: Path | None = SECRETS / "database-password"
    tls: Literal["disable", "require", "verify-full"] = "disable"
    ca_file: Path | None = None
    pool_min: int = Field(default=1, ge=0, le=100)
    pool_max: int = Field(default=5, ge=1, le=100)

    @model_validator(mode="after")
    def _sane(self) -> DatabaseSettings:
        if self.pool_min > self.pool_max:
            raise ValueError("pool_min is greater than pool_max; lower it")
        if self.user is None and self.user_file is None:
            raise ValueError("neither user nor user_file is given; set one")
        return self


class CacheSettings(_Section):
    """Where Redis is, if there is one."""

    host: str
    port: Port = 6379
    tls: bool = False
    ca_file: Path | None = None
    password_file: Path | None = None


class DrainSettings(_Section):
    """How long handlers may finish after SIGTERM, and when the kubelet kills, in seconds."""

    seconds: float = Field(default=30, ge=0, le=3600)
    grace_seconds: float = Field(default=60, ge=1, le=3600)


class ListenSettings(_Section):
    """An address to listen on; port 0 takes a free one (for tests)."""

    host: str = "0.0.0.0"  # noqa: S104 - the kubelet and Prometheus call from outside the pod
    port: ListenPort


class TracingSettings(_Section):
    """Where traces go."""

    endpoint: str
    protocol: Literal["grpc", "http/protobuf"] = "grpc"
    sampling_ratio: float = Field(default=0.1, ge=0, le=1)


class LoggingSettings(_Section):
    """How much is logged, and in which form."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"] = "INFO"
    format: Literal["json", "console"] = "json"

    @field_validator("level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value


class _DiscordEnvironment(PydanticBaseSettingsSource):
    """DISCORD_API_BASE and DISCORD_GATEWAY_URL: the names outside tools know; they win."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError("the source answers as a whole")

    def __call__(self) -> dict[str, Any]:
        pairs = (("api_base", "DISCORD_API_BASE"), ("gateway_url", "DISCORD_GATEWAY_URL"))
        found = {key: os.environ[name] for key, name in pairs if os.environ.get(name)}
        return {"discord": found} if found else {}


class _Environment(EnvSettingsSource):
    """VERTICE_* variables; a whole section may only be given as JSON or ``null``.

    Foreign variables share the prefix (VERTICE_CACHE is the folder for downloads of the
    development tools), so a section variable that holds anything else is not ours.
    """

    def prepare_field_value(
        self, field_name: str, field: FieldInfo, value: Any, value_is_complex: bool
    ) -> Any:
        if isinstance(value, str) and field_name in _SECTIONS and not value.startswith("{"):
            value = None
        return super().prepare_field_value(field_name, field, value, value_is_complex)

    def __call__(self) -> dict[str, Any]:
        """Give what the environment says; ``null`` switches an optional section off."""
        found = super().__call__()
        for name in ("database", "cache", "tracing"):
            if os.environ.get(f"VERTICE_{name.upper()}") == "null":
                found[name] = None
        return found


class Settings(BaseSettings):
    """Everything the bot can be told; unknown keys are refused."""

    model_config = SettingsConfigDict(
        env_prefix="VERTICE_",
        env_nested_delimiter="__",
        env_parse_none_str="null",
        extra="forbid",
        frozen=True,
    )

    bot: str = Field(pattern=r"^[a-z0-9.-]+/[a-z0-9.-]+$")
    revision: str = ""
    replica: str = Field(default_factory=socket.gethostname)
    discord: DiscordSettings = DiscordSettings()
    features: FeatureSettings = FeatureSettings()
    shards: ShardSettings = ShardSettings()
    lease: LeaseSettings = LeaseSettings()
    database: DatabaseSettings | None = None
    cache: CacheSettings | None = None
    drain: DrainSettings = DrainSettings()
    http: ListenSettings = ListenSettings(port=8080)
    metrics: ListenSettings = ListenSettings(port=9090)
    tracing: TracingSettings | None = None
    logging: LoggingSettings = LoggingSettings()
    policy_file: Path | None = None
    dispatch_log: bool = False
    termination_log: Path = Path("/dev/termination-log")

    @model_validator(mode="after")
    def _supported(self) -> Settings:
        if self.drain.seconds + 15 > self.drain.grace_seconds:
            raise ValueError(
                "drain.seconds + 15 is more than drain.grace_seconds; raise grace_seconds"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: Discord's own variables, VERTICE_*, then the file."""
        return (_DiscordEnvironment(settings_cls), _Environment(settings_cls), init_settings)


_SECTIONS = frozenset(
    {"discord", "features", "shards", "lease", "database", "cache"}
    | {"drain", "http", "metrics", "tracing", "logging"}
)


def load_settings(path: Path | None) -> Settings:
    """Read the configuration.

    Parameters
    ----------
    path:
        The YAML file; None takes the environment alone.

    Raises
    ------
    ConfigError
        The file cannot be read, is no mapping, or holds an unknown key or a bad value. The text
        names the key path and says what to do.
    """
    document = _read_document(path) if path else {}
    try:
        return Settings(**document)
    except ValidationError as error:
        raise ConfigError(describe(error, path)) from None


def _read_document(path: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}; check --config") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None
    if document is None:
        return {}
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise ConfigError(f"{path} must hold keys and values; see the bot's README")
    return document


def describe(error: ValidationError, path: Path | None) -> str:
    """Turn pydantic's report into one line with the key path of each problem, never the value."""
    source = str(path) if path else "environment"
    parts = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        where = ".".join(str(item) for item in problem["loc"]) or "configuration"
        if problem["type"] == "extra_forbidden":
            parts.append(f"{where}: unknown key, remove it or correct its name")
        elif problem["type"] == "missing":
            parts.append(f"{where}: required, add it")
        else:
            parts.append(f"{where}: {problem['msg'].removeprefix('Value error, ')}")
    return f"{source}: " + "; ".join(parts)


def read_secret(path: Path, key: str) -> SecretStr:
    """Read a secret from its file, without the final newline.

    Parameters
    ----------
    path:
        The file, usually of a projected volume.
    key:
        Key path of the setting that names the file, for the error text.

    Raises
    ------
    ConfigError
        The file cannot be read or is empty.
    """
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise ConfigError(
            f"{key}: cannot read {path} ({reason}); mount the Secret or correct the path"
        ) from None
    if not value:
        raise ConfigError(f"{key}: {path} is empty; put the value into the Secret")
    return SecretStr(value)
