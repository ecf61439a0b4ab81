"""A whole bot in this process, on a real Postgres and the local Discord over a real websocket."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import yaml

from dev.discord.script import Answer, Home, Script
from dev.discord.thread import DiscordThread
from dev.testing.postgres import PostgresDatabase
from vertice_bot.app import Application
from vertice_bot.db.migrate import migrate
from vertice_bot.settings import Settings

START_SECONDS = 30.0


@dataclass
class Live:
    """A running bot, the community it serves, and its database."""

    app: Application
    script: Script
    home: Home
    database: PostgresDatabase
    running: asyncio.Task[None]

    @property
    def channel(self) -> str:
        return self.home.channel("general")

    async def run(self, user: str, command: str, **options: object) -> Answer:
        """Run a slash command as a user of the seeded community."""
        return await self.script.run_command(
            self.channel, self.home.user(user), command, dict(options), wait=20.0
        )

    async def stop(self) -> None:
        """End in order, as on SIGTERM."""
        self.app.request_stop()
        await self.running


async def until(condition: Callable[[], Awaitable[bool] | bool], seconds: float = 20.0) -> None:
    """Wait for a condition; fail after a deadline."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)


def settings_for(
    discord: DiscordThread, database: PostgresDatabase, folder: Path, **changes: object
) -> Settings:
    token = folder / "token"
    token.write_text(discord.token)
    document: dict[str, object] = {
        "bot": "demo/bot",
        "replica": "replica-a",
        "revision": "rev1",
        "discord": {"token_file": str(token), "api_base": discord.api_base},
        "database": {
            "host": database.host,
            "port": database.port,
            "name": database.name,
            "user": database.user,
            "user_file": None,
            "password_file": None,
        },
        "lease": {"ttl_seconds": 3, "renew_seconds": 0.5},
        "http": {"host": "127.0.0.1", "port": 0},
        "metrics": {"host": "127.0.0.1", "port": 0},
        "drain": {"seconds": 5, "grace_seconds": 30},
    }
    return Settings(**{**document, **changes})  # type: ignore[arg-type]


StartBot = Callable[..., Awaitable[Live]]


@pytest.fixture
async def start_bot(
    discord: DiscordThread, fresh_database: PostgresDatabase, tmp_path: Path
) -> AsyncIterator[StartBot]:
    """Give a function that starts a bot and waits until Discord knows its commands."""
    started: list[Live] = []

    async def start(database: PostgresDatabase = fresh_database, **changes: object) -> Live:
        connection = await asyncpg.connect(database.dsn)
        await migrate(connection)
        await connection.close()
        app = Application(settings_for(discord, database, tmp_path, **changes))
        running = asyncio.create_task(app.run())
        home = await discord.script.home()
        live = Live(app, discord.script, home, database, running)
        started.append(live)

        def ready() -> bool:
            if running.done():
                running.result()
            tasks = {task.get_name() for task in app._tasks}
            return app.bot.live() and "sync" not in tasks

        await until(ready, START_SECONDS)
        return live

    yield start
    for live in started:
        if not live.running.done():
            await live.stop()


@pytest.fixture
async def killable_bot(
    discord: DiscordThread, fresh_database: PostgresDatabase, tmp_path: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Give a bot in a process of its own, connected to Discord, for a test that kills it."""
    connection = await asyncpg.connect(fresh_database.dsn)
    await migrate(connection)
    await connection.close()
    settings = settings_for(discord, fresh_database, tmp_path, replica="replica-killed")
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(settings.model_dump(mode="json", exclude={"termination_log"})))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vertice_bot", "run", "--config", str(config)
    )
    try:
        await discord.script.wait_connected()
        await discord.script.until(
            lambda: discord.script.ledger("rest", method="PUT"), "commands", within=START_SECONDS
        )
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def live(start_bot: StartBot) -> Live:
    return await start_bot()


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Awaitable[None]]:
    return until
