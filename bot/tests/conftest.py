"""The bot as users start it: processes against a local Discord and a real Postgres."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
import yaml

from dev.discord.server import LocalDiscord, Options
from dev.discord.settings import GatewaySettings, RestSettings
from dev.discord.settings import Settings as DiscordServerSettings
from dev.testing.postgres import PostgresDatabase
from vertice_bot.db.migrate import migrate

Condition = Callable[[dict[str, Any]], object]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def environment(**extra: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VERTICE_", "DISCORD_"))}
    return kept | extra


class BotProcess:
    """One ``vertice-bot run``."""

    def __init__(self, folder: Path, name: str, config: dict[str, Any]) -> None:
        self.name = name
        self.http = free_port()
        self.metrics = free_port()
        self.log_path = folder / f"{name}.log"
        self.termination_log = folder / f"{name}.termination"
        self.termination_log.touch()
        self.config_path = folder / f"{name}.yaml"
        listen = {
            "http": {"host": "127.0.0.1", "port": self.http},
            "metrics": {"host": "127.0.0.1", "port": self.metrics},
            "termination_log": str(self.termination_log),
        }
        self.config_path.write_text(yaml.safe_dump(config | listen))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> BotProcess:
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "vertice_bot", "run", "-c", str(self.config_path)],
                stdout=log,
                stderr=log,
                env=environment(VERTICE_REPLICA=self.name),
            )
        return self

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    async def get(self, path: str, port: int | None = None) -> tuple[int, str]:
        url = f"http://127.0.0.1:{port or self.http}{path}"
        timeout = aiohttp.ClientTimeout(total=2)
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return answer.status, await answer.text()

    async def status(self) -> dict[str, Any]:
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            document: dict[str, Any] = json.loads((await self.get("/statusz"))[1])
            return document
        return {}

    async def until(self, condition: Condition, seconds: float = 20.0) -> dict[str, Any]:
        """Wait for a status; gives it."""
        deadline = time.monotonic() + seconds
        status: dict[str, Any] = {}
        while time.monotonic() < deadline:
            status = await self.status()
            if status and condition(status):
                return status
            assert self.process is not None
            assert self.process.poll() is None, f"{self.name} ended:\n{self.log[-3000:]}"
            await asyncio.sleep(0.02)
        raise AssertionError(f"{self.name}: condition not met, status {status}\n{self.log[-3000:]}")

    async def until_connected(self, seconds: float = 20.0) -> dict[str, Any]:
        return await self.until(lambda s: s["discord"]["state"] == "connected", seconds)

    async def until_standby(self, seconds: float = 20.0) -> dict[str, Any]:
        def standby(status: dict[str, Any]) -> bool:
            return status["role"] == "standby" and status["schema_version"] is not None

        return await self.until(standby, seconds)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self, seconds: float = 20.0) -> int:
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            code = self.process.poll()
            if code is not None:
                return code
            await asyncio.sleep(0.01)
        raise AssertionError(f"{self.name} is still running:\n{self.log[-3000:]}")

    def destroy(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)


Fleet = Callable[..., BotProcess]


@pytest.fixture
async def discord_server() -> AsyncIterator[LocalDiscord]:
    """A local Discord whose IDENTIFY window is short, so that tests need not wait for it."""
    server = LocalDiscord(
        Options(
            settings=DiscordServerSettings(
                gateway=GatewaySettings(identify_window=0.2),
                rest=RestSettings(rate_limits=False),
            )
        )
    )
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def migrated(fresh_database: PostgresDatabase) -> PostgresDatabase:
    """A database with all migrations applied."""
    connection = await asyncpg.connect(fresh_database.dsn)
    await migrate(connection)
    await connection.close()
    return fresh_database


def database_section(database: PostgresDatabase) -> dict[str, Any]:
    return {
        "host": database.host,
        "port": database.port,
        "name": database.name,
        "user": database.user,
        "user_file": None,
        "password_file": None,
    }


@pytest.fixture
def fleet(tmp_path: Path, discord_server: LocalDiscord) -> Iterator[Fleet]:
    """Make bot processes that share a configuration; all are ended after the test."""
    made: list[BotProcess] = []
    token = tmp_path / "token"
    token.write_text(discord_server.options.token + "\n")

    def make(name: str, database: PostgresDatabase | None = None, **extra: Any) -> BotProcess:
        assert discord_server.addresses is not None
        config = {
            "bot": "demo/my-bot",
            "discord": {
                "token_file": str(token),
                "api_base": discord_server.addresses.api_base,
            },
            "drain": {"seconds": 5, "grace_seconds": 30},
        }
        if database is not None:
            config["database"] = database_section(database)
        bot = BotProcess(tmp_path, name, config | extra)
        made.append(bot)
        return bot

    yield make
    for bot in made:
        bot.destroy()
