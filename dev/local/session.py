"""`make dev` as one unit: Postgres, the local Discord, the bot, and its reload on change."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from watchfiles import DefaultFilter, awatch

from dev.local.child import Child
from dev.local.postgres import Postgres
from dev.local.settings import (
    LOCAL_TOKEN,
    LOOPBACK,
    Layout,
    Ports,
    bot_config,
    database_password,
    write_files,
)

ROOT = Path(__file__).resolve().parents[2]
BOT_SOURCES = ROOT / "bot" / "src"
_STOP_SECONDS = 15.0
_READY_SECONDS = 45.0


class StartError(RuntimeError):
    """Something needed does not start; the text says what to do."""


class SourceFilter(DefaultFilter):
    """Python and SQL sources: what a change of calls for a restart."""

    def __call__(self, change: object, path: str) -> bool:
        """Whether the changed file is a source."""
        return path.endswith((".py", ".sql")) and super().__call__(change, path)  # type: ignore[arg-type]


@dataclass
class Session:
    """One run of `make dev`.

    Attributes:
        layout: Where its state is.
        ports: Where its parts listen.
        token_file: Token for the real Discord; None starts the local one.
        say: Prints a line.
        sources: Watched: a change in it starts the bot again.
        started: When the run began, monotonic seconds.
    """

    layout: Layout
    ports: Ports
    token_file: Path | None
    say: Callable[[str], None] = print
    sources: Path = BOT_SOURCES
    started: float = field(default_factory=time.monotonic)

    async def run(self, stop: asyncio.Event) -> None:
        """Start everything, keep the bot current until ``stop``, and stop everything.

        Raises:
            StartError: A part does not start.
            PostgresError: The database does not start.
        """
        check_ports(self.ports if self.token_file is None else Ports(0, *_bot_ports(self.ports)))
        self.layout.state.mkdir(parents=True, exist_ok=True)
        password = database_password(self.layout)
        postgres = Postgres(self.layout.database, password)
        await asyncio.to_thread(postgres.start)
        self._note(f"Postgres is up ({self.layout.database})")
        try:
            token = None if self.token_file else LOCAL_TOKEN
            config = bot_config(self.layout, self.ports, postgres.port, self.token_file)
            write_files(self.layout, config, token)
            async with self._discord():
                await self._keep_bot(stop)
        finally:
            await asyncio.to_thread(postgres.stop)
            self.say("all stopped")

    def _note(self, text: str) -> None:
        self.say(f"[{time.monotonic() - self.started:5.1f} s] {text}")

    async def _start(self, name: str, *command: str) -> Child:
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        return await Child.start(name, [sys.executable, *command], environment, self.say)

    @contextlib.asynccontextmanager
    async def _discord(self) -> AsyncIterator[None]:
        if self.token_file is not None:
            yield
            return
        child = await self._start("discord", *discord_command(self.layout, self.ports))
        try:
            await self._answers(child, f"http://{LOOPBACK}:{self.ports.discord}/")
            self._note("the local Discord is up")
            yield
        finally:
            await child.stop(_STOP_SECONDS)

    async def _answers(self, child: Child, url: str) -> None:
        """Wait until ``url`` answers 200; a child that ends first is an error."""
        deadline = time.monotonic() + _READY_SECONDS
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(2)) as http:
            while True:
                if child.status is not None:
                    raise StartError(f"{child.name} ended with {child.status}: see its lines above")
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(url) as answer:
                        if answer.status == 200:
                            return
                if time.monotonic() > deadline:
                    raise StartError(
                        f"{child.name}: {url} does not answer after {_READY_SECONDS} s"
                    )
                await asyncio.sleep(0.1)

    async def _keep_bot(self, stop: asyncio.Event) -> None:
        """Run the bot; start it again at each change of its sources."""
        first = True
        changes = awatch(self.sources, watch_filter=SourceFilter(), stop_event=stop, debounce=300)
        changed = asyncio.ensure_future(anext(changes, None))
        while not stop.is_set():
            bot = await self._bot()
            if bot is not None:
                welcome = asyncio.create_task(self._welcome(bot, first=first))
                first = False
                ended = asyncio.create_task(bot.wait())
                await asyncio.wait({ended, changed}, return_when=asyncio.FIRST_COMPLETED)
                welcome.cancel()
                if not changed.done():
                    self.say(f"the bot ended with {bot.status}: save a source file to start again")
            await asyncio.wait({changed})
            files = changed.result()
            if bot is not None:
                await bot.stop(_STOP_SECONDS)
            if files is None:
                return
            self._note("changed: " + ", ".join(sorted({Path(path).name for _, path in files})))
            changed = asyncio.ensure_future(anext(changes, None))

    async def _bot(self) -> Child | None:
        """Migrate and start the bot; None when the migration fails."""
        config = str(self.layout.config)
        migration = await self._start("migrate", *bot_command("migrate", config))
        if status := await migration.wait():
            self.say(f"the migration ended with {status}: save a source file to try again")
            return None
        return await self._start("bot", *bot_command("run", config))

    async def _welcome(self, bot: Child, *, first: bool) -> None:
        """Wait until the bot is ready; the first time, say what to do with it."""
        try:
            await self._answers(bot, f"http://{LOOPBACK}:{self.ports.http}/readyz")
        except StartError as error:
            self.say(str(error))
            return
        self._note("the bot is ready")
        if first:
            self.say(banner(self.layout, self.ports, local=self.token_file is None))


def bot_command(action: str, config: str) -> list[str]:
    """Return the arguments for this Python that run a command of the bot."""
    return [str(Path(sys.executable).with_name("vertice-bot")), action, "--config", config]


def discord_command(layout: Layout, ports: Ports) -> list[str]:
    """Return the arguments for this Python that run the local Discord."""
    status = f"http://{LOOPBACK}:{ports.http}/statusz"
    listen = ["--host", LOOPBACK, "--port", str(ports.discord)]
    token = ["--token-file", str(layout.token)]
    return ["-m", "dev.discord", "serve", *listen, *token, "--statusz", status]


def _bot_ports(ports: Ports) -> tuple[int, int]:
    return ports.http, ports.metrics


def check_ports(ports: Ports) -> None:
    """Fail early, with the option that helps, when a port is taken; port 0 is not checked.

    Raises:
        StartError: With the port.
    """
    for option, port in (
        ("--port", ports.discord),
        ("--http-port", ports.http),
        ("--metrics-port", ports.metrics),
    ):
        if not port:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError as error:
                raise StartError(
                    f"port {port} is in use: stop what listens there (another `make dev`?) "
                    f"or choose another one with {option}"
                ) from error


def banner(layout: Layout, ports: Ports, *, local: bool) -> str:
    """Return what a person sees when everything is up."""
    place = f"http://{LOOPBACK}:{ports.discord}/" if local else "your Discord server"
    return f"""
  The bot is up. Talk to it: {place}

  Three things to try:
    1. /ping in #bot-commands, then /about
    2. /warn on a member, then /cases to see it recorded
    3. write some messages, then /stats for the chart

  Guild settings as code: {layout.policy} (read again when saved)
  State and metrics: http://{LOOPBACK}:{ports.http}/statusz  http://{LOOPBACK}:{ports.metrics}/metrics
  Edit bot/src and save: the bot starts again. Ctrl-C stops everything; the database is kept
  in {layout.state} (delete that folder to start over).
"""
