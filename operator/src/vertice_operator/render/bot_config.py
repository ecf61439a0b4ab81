"""The two files that the bot reads: ``config.yaml`` and ``policy.yaml``.

Keys and values are the contract with the bot; every key is written, also where it has the bot's
own default, so that a later version of the bot with another default changes nothing by itself.
"""

from __future__ import annotations

from typing import Any

import yaml

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DatabaseTlsMode, DiscordBot
from vertice_operator.api.v1alpha1.identity import CsiFileName
from vertice_operator.render.choices import shard_count
from vertice_operator.render.csi_files import has_file
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.gateway_intents import intents
from vertice_operator.render.secret_files import (
    FILE_CACHE_CA,
    FILE_DATABASE_CA,
    authorities_dir,
    by_csi,
)

_TLS = {
    DatabaseTlsMode.DISABLE: "disable",
    DatabaseTlsMode.REQUIRE: "require",
    DatabaseTlsMode.VERIFY_FULL: "verify-full",
}
_ACCOUNT_SUFFIX = ".gserviceaccount.com"


def config_yaml(bot: DiscordBot, facts: RenderFacts) -> str:
    """Give the text of ``config.yaml``."""
    return _yaml(config_document(bot, facts))


def policy_yaml(bot: DiscordBot) -> str:
    """Give the text of ``policy.yaml``: the policy as the user wrote it."""
    policy = bot.spec.policy
    return _yaml({"defaults": policy.defaults, "guilds": policy.guilds})


def config_document(bot: DiscordBot, facts: RenderFacts) -> dict[str, Any]:
    """Give the content of ``config.yaml``."""
    spec = bot.spec
    return {
        "bot": f"{bot.metadata.namespace}/{bot.metadata.name}",
        "discord": {
            "token_file": _secret(names.FILE_DISCORD_TOKEN),
            "application_id": spec.discord.application_id,
            "intents": [intent.flag for intent in intents(spec.discord)],
            "api_base": spec.discord.api_base,
            "gateway_url": spec.discord.gateway_url,
        },
        "features": {
            "moderation": spec.discord.features.moderation,
            "analytics": spec.discord.features.analytics,
            "customization": spec.discord.features.customization,
        },
        "shards": {"count": shard_count(bot, facts)},
        "lease": {
            "ttl_seconds": spec.shards.lease_seconds,
            "renew_seconds": spec.shards.renew_seconds,
        },
        "database": database_document(bot),
        "cache": _cache(bot),
        "drain": {
            "seconds": spec.drain.drain_seconds,
            "grace_seconds": spec.drain.grace_period_seconds,
        },
        "http": {"host": "0.0.0.0", "port": names.PORT_HTTP},  # noqa: S104 - the kubelet calls
        "metrics": {"host": "0.0.0.0", "port": names.PORT_METRICS},  # noqa: S104 - so does Prometheus
        "tracing": _tracing(bot),
        "logging": {"level": spec.logging.level.value, "format": spec.logging.format},
        "policy_file": f"{names.CONFIG_DIR}/{names.POLICY_FILE}",
        "dispatch_log": False,
        "termination_log": "/dev/termination-log",
    }


def database_document(bot: DiscordBot) -> dict[str, Any]:
    """Give the section ``database``; the migration Job depends on it as well."""
    database = bot.spec.database
    direct, cloud = database.direct, database.cloud_sql
    ca_file = None
    if direct is not None:
        host, port, tls = direct.host, direct.port, _TLS[direct.tls.mode]
        if direct.tls.ca_secret_ref is not None:
            ca_file = f"{authorities_dir(bot)}/{FILE_DATABASE_CA}"
    else:
        # Plain inside the pod: the proxy encrypts everything that leaves it.
        host, port, tls = "127.0.0.1", cloud.proxy.port if cloud else 5432, "disable"
    return {
        "host": host,
        "port": port,
        "name": database.name,
        **_login(bot),
        "tls": tls,
        "ca_file": ca_file,
        "pool_min": database.pool_min,
        "pool_max": database.pool_max,
    }


def _login(bot: DiscordBot) -> dict[str, str | None]:
    """Give the login. With IAM the proxy supplies the password, and the user name is no secret."""
    account = bot.spec.identity.gcp_service_account
    if bot.spec.database.iam_auth and account is not None:
        return {
            "user": account.removesuffix(_ACCOUNT_SUFFIX),
            "user_file": None,
            "password_file": None,
        }
    return {
        "user": None,
        "user_file": _secret(names.FILE_DATABASE_USERNAME),
        "password_file": _secret(names.FILE_DATABASE_PASSWORD),
    }


def _cache(bot: DiscordBot) -> dict[str, Any] | None:
    cache = bot.spec.cache
    if cache is None:
        return None
    has_password = (
        has_file(bot, CsiFileName.CACHE_PASSWORD) if by_csi(bot) else bool(cache.auth_secret_ref)
    )
    return {
        "host": cache.host,
        "port": cache.port,
        "tls": cache.tls,
        "ca_file": f"{authorities_dir(bot)}/{FILE_CACHE_CA}" if cache.ca_secret_ref else None,
        "password_file": _secret(names.FILE_CACHE_PASSWORD) if has_password else None,
    }


def _tracing(bot: DiscordBot) -> dict[str, Any] | None:
    tracing = bot.spec.tracing
    if tracing is None:
        return None
    return {
        "endpoint": tracing.endpoint,
        "protocol": tracing.protocol,
        "sampling_ratio": float(tracing.sampling_ratio),
    }


def _secret(file: str) -> str:
    return f"{names.SECRETS_DIR}/{file}"


def _yaml(document: dict[str, Any]) -> str:
    # libyaml: five times as fast as the Python dumper, and every reconcile writes this file. No
    # line is ever folded, so that the text does not depend on how either of them does that.
    return str(
        yaml.dump(
            document, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=1 << 20
        )
    )
