"""What ``vertice-bot check`` prints."""

from __future__ import annotations

import discord

from vertice_bot.errors import ConfigError, ExitCode
from vertice_bot.policy.permissions import (
    enabled,
    invite_url,
    missing_intents,
    required_permissions,
)
from vertice_bot.policy.store import read_policy
from vertice_bot.settings import Settings

PRIVILEGED = ("members", "presences", "message_content")


def print_report(settings: Settings, application_id: int | None) -> int:
    """Validate and print.

    Parameters
    ----------
    settings:
        The configuration, already valid in itself.
    application_id:
        Overrides the configured one.

    Raises
    ------
    ConfigError
        A group of modules lacks an intent, or the policy file cannot be used.
    """
    if settings.policy_file is not None:
        read_policy(settings.policy_file)
    for feature, intents in missing_intents(settings).items():
        raise ConfigError(
            f"features.{feature} needs the intent {', '.join(intents)}; add it to discord.intents "
            f"or switch the feature off"
        )
    for line in report(settings, application_id or settings.discord.application_id):
        print(line)
    return int(ExitCode.OK)


def report(settings: Settings, application_id: int | None) -> list[str]:
    """Give the lines of the report."""
    permissions = required_permissions(settings.features)
    intents = settings.discord.intents
    privileged = [name for name in intents if name in PRIVILEGED]
    lines = [
        f"bot:          {settings.bot}",
        f"features:     {', '.join(enabled(settings.features)) or 'none'}",
        f"shards:       {settings.shards.count}",
        f"database:     {_database(settings)}",
        f"cache:        {_cache(settings)}",
        f"intents:      {', '.join(intents)}",
        f"privileged:   {', '.join(privileged) or 'none'}"
        + (" (switch on in the developer portal, page Bot)" if privileged else ""),
        f"permissions:  {permissions.value} ({_names(permissions)})",
    ]
    if application_id is None:
        lines.append("invite:       give --application-id or discord.application_id to get the URL")
    else:
        lines.append(f"invite:       {invite_url(application_id, settings.features)}")
    return lines


def _database(settings: Settings) -> str:
    database = settings.database
    if database is None:
        return "none: a single process, never run a second one"
    return f"{database.host}:{database.port}/{database.name} (TLS {database.tls})"


def _cache(settings: Settings) -> str:
    return f"{settings.cache.host}:{settings.cache.port}" if settings.cache else "none"


def _names(permissions: discord.Permissions) -> str:
    return ", ".join(name for name, granted in permissions if granted)
