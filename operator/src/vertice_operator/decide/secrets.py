"""Which Secrets a bot refers to, and what it means when one is missing."""

from collections.abc import Mapping

from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.api.v1alpha1.identity import SecretsProvider


def references(bot: DiscordBot) -> Mapping[str, frozenset[str]]:
    """Return name to needed keys of every Secret whose content reaches the pods.

    With the CSI driver no Secret exists and nothing is read. Registry credentials are the
    kubelet's business.
    """
    if bot.spec.secrets.provider is SecretsProvider.SECRETS_STORE_CSI:
        pairs = _certificates(bot)
    else:
        pairs = [*_token(bot), *_database(bot), *_cache(bot), *_certificates(bot)]
    wanted: dict[str, set[str]] = {}
    for name, key in pairs:
        wanted.setdefault(name, set()).add(key)
    return {name: frozenset(keys) for name, keys in sorted(wanted.items())}


def token_reference(bot: DiscordBot) -> tuple[str, str] | None:
    """Return Secret name and key of the bot token, or None with the CSI driver."""
    if bot.spec.secrets.provider is SecretsProvider.SECRETS_STORE_CSI:
        return None
    return next(iter(_token(bot)), None)


def _token(bot: DiscordBot) -> list[tuple[str, str]]:
    ref = bot.spec.discord.token_secret_ref
    return [(ref.name, ref.key)] if ref else []


def _database(bot: DiscordBot) -> list[tuple[str, str]]:
    ref = bot.spec.database.credentials_secret_ref
    if ref is None or bot.spec.database.iam_auth:
        return []
    return [(ref.name, ref.username_key), (ref.name, ref.password_key)]


def _cache(bot: DiscordBot) -> list[tuple[str, str]]:
    ref = bot.spec.cache.auth_secret_ref if bot.spec.cache else None
    return [(ref.name, ref.key)] if ref else []


def _certificates(bot: DiscordBot) -> list[tuple[str, str]]:
    database, cache = bot.spec.database, bot.spec.cache
    found = [
        database.direct.tls.ca_secret_ref if database.direct else None,
        cache.ca_secret_ref if cache else None,
        database.cloud_sql.proxy.credentials_secret_ref if database.cloud_sql else None,
    ]
    return [(ref.name, ref.key) for ref in found if ref is not None]
