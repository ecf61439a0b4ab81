"""Which keys of which Secrets become which files in a pod. Values are never read here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot, SecretsProvider
from vertice_operator.render.csi_files import (
    all_files,
    migration_class,
    migration_files,
    pod_class,
)

FILE_DATABASE_CA: Final = "database-ca.crt"
FILE_CACHE_CA: Final = "cache-ca.crt"
GOOGLE_KEY_DIR: Final = "/var/run/secrets/cloud-sql-proxy"
GOOGLE_KEY_FILE: Final = "credentials.json"

MODE: Final = 0o440
"""Readable for the owner (root) and the pod's group, which is the bot's own."""


@dataclass(frozen=True)
class SecretFile:
    """One key of a Secret and the name of the file it becomes."""

    secret: str
    key: str
    file: str


@dataclass(frozen=True)
class PodSecrets:
    """What is mounted into one pod.

    Args:
        files: keys of Secrets. Where a CSI driver mounts the rest, only certificate authorities.
        provider_class: SecretProviderClass of the CSI driver; None where there is none.
    """

    files: tuple[SecretFile, ...]
    provider_class: str | None = None


def bot_secrets(bot: DiscordBot) -> PodSecrets:
    """Give what the bot's pods mount."""
    return PodSecrets(bot_files(bot), pod_class(bot) if all_files(bot) else None)


def migration_secrets(bot: DiscordBot) -> PodSecrets:
    """Give what the migration's pod mounts: the token stays out of it."""
    provider_class = migration_class(bot) if migration_files(bot) else None
    return PodSecrets(database_files(bot), provider_class)


def authorities_dir(bot: DiscordBot) -> str:
    """Directory of the certificate authorities; the same in every pod of the bot."""
    return names.AUTHORITIES_DIR if by_csi(bot) else names.SECRETS_DIR


def by_csi(bot: DiscordBot) -> bool:
    """Whether a CSI driver mounts the token and the logins."""
    return bot.spec.secrets.provider is SecretsProvider.SECRETS_STORE_CSI


def database_files(bot: DiscordBot) -> tuple[SecretFile, ...]:
    """Give the files of the database login and its certificate authority."""
    database = bot.spec.database
    files: list[SecretFile] = []
    login = database.credentials_secret_ref
    if login is not None and not database.iam_auth and not by_csi(bot):
        files += [
            SecretFile(login.name, login.username_key, names.FILE_DATABASE_USERNAME),
            SecretFile(login.name, login.password_key, names.FILE_DATABASE_PASSWORD),
        ]
    if database.direct is not None and database.direct.tls.ca_secret_ref is not None:
        ca = database.direct.tls.ca_secret_ref
        files.append(SecretFile(ca.name, ca.key, FILE_DATABASE_CA))
    return tuple(files)


def google_key_files(bot: DiscordBot) -> tuple[SecretFile, ...]:
    """Give the key file of a Google service account for the proxy, where one is named."""
    cloud = bot.spec.database.cloud_sql
    if cloud is None or cloud.proxy.credentials_secret_ref is None:
        return ()
    reference = cloud.proxy.credentials_secret_ref
    return (SecretFile(reference.name, reference.key, GOOGLE_KEY_FILE),)


def bot_files(bot: DiscordBot) -> tuple[SecretFile, ...]:
    """Give all files that the bot container reads."""
    files: list[SecretFile] = []
    token = bot.spec.discord.token_secret_ref
    if token is not None and not by_csi(bot):
        files.append(SecretFile(token.name, token.key, names.FILE_DISCORD_TOKEN))
    files += database_files(bot)
    cache = bot.spec.cache
    if cache is not None and cache.auth_secret_ref is not None and not by_csi(bot):
        reference = cache.auth_secret_ref
        files.append(SecretFile(reference.name, reference.key, names.FILE_CACHE_PASSWORD))
    if cache is not None and cache.ca_secret_ref is not None:
        files.append(SecretFile(cache.ca_secret_ref.name, cache.ca_secret_ref.key, FILE_CACHE_CA))
    return tuple(files)


def referenced_secrets(bot: DiscordBot) -> tuple[SecretFile, ...]:
    """Give every key that the pods of the bot depend on: what ``secret_hash`` is made from."""
    return (*bot_files(bot), *google_key_files(bot))


def secret_volume(name: str, files: Iterable[SecretFile]) -> dict[str, Any]:
    """Give a projected volume with one source per Secret, in the order of the files."""
    sources: dict[str, list[dict[str, str]]] = {}
    for each in files:
        sources.setdefault(each.secret, []).append({"key": each.key, "path": each.file})
    return {
        "name": name,
        "projected": {
            "defaultMode": MODE,
            "sources": [
                {"secret": {"name": secret, "items": items}} for secret, items in sources.items()
            ],
        },
    }
