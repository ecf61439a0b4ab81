"""`make dev` as a whole: the real bot on the local Discord, reloaded on change, gone after it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from dev.local.__main__ import main
from dev.local.postgres import free_port
from dev.local.session import Session, StartError, check_ports
from dev.local.settings import Layout, Ports

pytestmark = [pytest.mark.postgres, pytest.mark.processes]


@dataclass
class Run:
    """A running session and what it said."""

    session: Session
    lines: list[str]
    others: frozenset[psutil.Process]
    """Children that the test session had before."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def said(self, text: str, seconds: float = 45) -> None:
        async with asyncio.timeout(seconds):
            while not any(text in line for line in self.lines):  # noqa: ASYNC110 - has a deadline
                await asyncio.sleep(0.02)

    async def get(self, url: str) -> Any:
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            return await answer.json()

    async def process_start(self) -> str:
        status = await self.get(f"http://127.0.0.1:{self.session.ports.http}/statusz")
        return str(status["owner"])

    async def command(self, name: str) -> dict[str, Any]:
        admin = f"http://127.0.0.1:{self.session.ports.discord}/_admin"
        world = await self.get(f"{admin}/world")
        (guild,) = world["guilds"]
        body = {
            "channel_id": guild["channels"]["bot-commands"],
            "user_id": world["users"]["nina"],
            "command": name,
            "wait": 10,
        }
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{admin}/commands", json=body) as answer,
        ):
            return dict(await answer.json())


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    sources = tmp_path / "src"
    sources.mkdir()
    lines: list[str] = []
    ports = Ports(free_port(), free_port(), free_port())
    session = Session(Layout(tmp_path / "state"), ports, None, lines.append, sources=sources)
    running = Run(session, lines, frozenset(psutil.Process().children(recursive=True)))
    work = asyncio.create_task(session.run(running.stop))
    try:
        yield running
    finally:
        running.stop.set()
        async with asyncio.timeout(40):
            with contextlib.suppress(StartError):
                await work


async def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - has a deadline
            await asyncio.sleep(0.02)


async def test_up_answers_reloads_and_leaves_nothing(run: Run, tmp_path: Path) -> None:
    began = time.monotonic()
    await run.said("the bot is ready")
    assert time.monotonic() - began < 30
    await run.said("Three things to try")
    answer = await run.command("ping")
    assert answer["message"]["content"]

    first = await run.process_start()
    (tmp_path / "src" / "notes.txt").write_text("no source")
    (tmp_path / "src" / "changed.py").write_text("")
    await run.said("changed: changed.py")
    ready = "the bot is ready"
    await until(lambda: sum(ready in line for line in run.lines) == 2)
    assert await run.process_start() != first
    assert sum("Three things to try" in line for line in run.lines) == 1

    children = set(psutil.Process().children(recursive=True)) - run.others
    assert len(children) >= 3
    run.stop.set()
    await run.said("all stopped")
    assert [child for child in children if child.is_running()] == []


async def test_a_second_run_on_the_same_database_answers_too(tmp_path: Path) -> None:
    """The database remembers registered commands; the local Discord starts without them."""
    (tmp_path / "src").mkdir()
    for _ in range(2):
        lines: list[str] = []
        ports = Ports(free_port(), free_port(), free_port())
        layout = Layout(tmp_path / "state")
        session = Session(layout, ports, None, lines.append, sources=tmp_path / "src")
        running = Run(session, lines, frozenset())
        work = asyncio.create_task(session.run(running.stop))
        try:
            await running.said("commands synced")
            await running.said("shard is live")
            assert (await running.command("ping"))["message"]["content"]
        finally:
            running.stop.set()
            await work


async def test_a_bot_that_ends_waits_for_a_change(run: Run, tmp_path: Path) -> None:
    await run.said("the bot is ready")
    owner = [
        child
        for child in psutil.Process().children()
        if any("vertice-bot" in part for part in child.cmdline())
    ]
    assert len(owner) == 1
    owner[0].kill()
    await run.said("the bot ended with -9: save a source file to start again")
    (tmp_path / "src" / "fixed.py").write_text("")
    await until(lambda: sum("the bot is ready" in line for line in run.lines) == 2)


def test_a_taken_port_is_named_with_the_option_that_helps() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(StartError, match=f"port {port} is in use.*--http-port"):
            check_ports(Ports(free_port(), port, free_port()))


def test_a_second_run_on_the_same_state_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(["--state", str(tmp_path)]) == 1
    assert "runs already" in capsys.readouterr().err


def test_a_missing_token_file_is_refused(tmp_path: Path) -> None:
    assert main(["--token-file", str(tmp_path / "none"), "--state", str(tmp_path)]) == 2
