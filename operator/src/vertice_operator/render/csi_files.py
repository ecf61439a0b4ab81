"""Secrets that a CSI driver mounts, straight from the store."""

from __future__ import annotations

from typing import Any, Final

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot, Migrations
from vertice_operator.api.v1alpha1.identity import CsiFile, CsiFileName

_DRIVERS: Final = {"gcp": "secrets-store.csi.k8s.io", "gke": "secrets-store-gke.csi.k8s.io"}
_LOGIN: Final = (CsiFileName.DATABASE_USERNAME, CsiFileName.DATABASE_PASSWORD)


def all_files(bot: DiscordBot) -> tuple[CsiFile, ...]:
    """Give what the driver mounts into the bot's pods; nothing with another provider."""
    csi = bot.spec.secrets.csi
    return csi.files if csi is not None else ()


def login_files(bot: DiscordBot) -> tuple[CsiFile, ...]:
    """Give the files of the database login."""
    return tuple(each for each in all_files(bot) if each.file in _LOGIN)


def migration_files(bot: DiscordBot) -> tuple[CsiFile, ...]:
    """Give what the driver mounts into the migration's pod."""
    return login_files(bot) if bot.spec.database.migrations is Migrations.JOB else ()


def has_file(bot: DiscordBot, name: CsiFileName) -> bool:
    """Whether the driver mounts this file."""
    return any(each.file is name for each in all_files(bot))


def csi_volume(bot: DiscordBot, volume: str, provider_class: str) -> dict[str, Any]:
    """Give the volume that a class fills."""
    csi = bot.spec.secrets.csi
    assert csi is not None
    return {
        "name": volume,
        "csi": {
            "driver": _DRIVERS[csi.provider],
            "readOnly": True,
            "volumeAttributes": {"secretProviderClass": provider_class},
        },
    }


def pod_class(bot: DiscordBot) -> str:
    """Name of the class of the bot's pods."""
    return bot.metadata.name


def migration_class(bot: DiscordBot) -> str:
    """Name of the class of the migration's pod."""
    return names.migration_secrets(bot.metadata.name)
