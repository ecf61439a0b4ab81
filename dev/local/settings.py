"""Where `make dev` keeps things, and the files that it writes for the bot."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LOOPBACK = "127.0.0.1"
LOCAL_TOKEN = "local.discord.token-not-a-secret"  # noqa: S105 - says so itself
"""The bot's token on the local Discord, of no use anywhere else.

It names no application id, so that each start of the local Discord, whose world lives in memory,
makes an application with an id of its own. The bot remembers by application what commands it has
registered: under the same id it would take those of an earlier world to be there still.
"""


@dataclass(frozen=True)
class Ports:
    """Fixed ports of the loopback interface, so that addresses stay the same between runs.

    Attributes:
        discord: Page, REST and gateway of the local Discord.
        http: The bot's probes and ``/statusz``.
        metrics: The bot's ``/metrics``.
    """

    discord: int = 8420
    http: int = 8430
    metrics: int = 8431


@dataclass(frozen=True)
class Layout:
    """The files under the state directory.

    Attributes:
        state: The directory; removing it starts over.
    """

    state: Path

    @property
    def config(self) -> Path:
        """The bot's configuration, written anew at each start."""
        return self.state / "config.yaml"

    @property
    def policy(self) -> Path:
        """Guild configuration as code: edit it while the bot runs."""
        return self.state / "policy.yaml"

    @property
    def token(self) -> Path:
        """The bot's token for the local Discord."""
        return self.state / "discord-token"

    @property
    def password(self) -> Path:
        """The password of the embedded Postgres, made once."""
        return self.state / "database-password"

    @property
    def database(self) -> Path:
        """The data directory of Postgres."""
        return self.state / "postgres"


def database_password(layout: Layout) -> str:
    """Return the password of the embedded database, making it at the first start."""
    if not layout.password.exists():
        write_secret(layout.password, secrets.token_urlsafe(24))
    return layout.password.read_text().strip()


def write_secret(path: Path, value: str) -> None:
    """Write a file that only its owner reads."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(value)


def bot_config(
    layout: Layout, ports: Ports, database_port: int, token_file: Path | None
) -> dict[str, Any]:
    """Return the bot's configuration.

    Args:
        layout: Where its files are.
        ports: Where it listens, and where the local Discord is.
        database_port: Port of the embedded Postgres.
        token_file: Token of the real Discord; None means the local one.
    """
    api = None if token_file else f"http://{LOOPBACK}:{ports.discord}/api/v10"
    return {
        "bot": "local/vertice",
        "discord": {
            "token_file": str(token_file or layout.token),
            "intents": ["guilds", "guild_messages"],
            "api_base": api,
        },
        "database": {
            "host": LOOPBACK,
            "port": database_port,
            "name": "vertice",
            "user": "vertice",
            "user_file": None,
            "password_file": str(layout.password),
        },
        # A reload should not wait as long as a roll-out in production may.
        "drain": {"seconds": 5, "grace_seconds": 20},
        "http": {"host": LOOPBACK, "port": ports.http},
        "metrics": {"host": LOOPBACK, "port": ports.metrics},
        "logging": {"level": "INFO", "format": "console"},
        "policy_file": str(layout.policy),
    }


def write_files(layout: Layout, config: dict[str, Any], token: str | None) -> None:
    """Write the configuration, the token, and a policy when there is none yet."""
    layout.config.write_text(yaml.safe_dump(config, sort_keys=False))
    if token is not None:
        write_secret(layout.token, token)
    if not layout.policy.exists():
        layout.policy.write_text("defaults: {}\nguilds: {}\n")
