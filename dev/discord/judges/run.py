"""Installs a judge, lets it live through TCP cuts, and holds what it saw against the ledger."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from dev.discord.script import Script
from dev.discord.thread import DiscordThread
from dev.discord.verdict import Seen, Verdict, judge
from dev.discord.wire import loads

_HERE = Path(__file__).parent
HIKARI = "hikari==2.7.0"
DISCORDJS = ("@discordjs/ws@2.0.4", "@discordjs/rest@2")
_WITHIN = 60.0


class JudgeError(RuntimeError):
    """A judge could not be installed or started; the text says what to do."""


def cache_root() -> Path:
    """Return where judges are installed: never inside the checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("VERTICE_CACHE") or f"{base}/vertice") / "judges"


async def _run(*command: str, cwd: Path) -> None:
    if shutil.which(command[0]) is None:
        raise JudgeError(f"{command[0]} is not installed; install it and try again")
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise JudgeError(f"{' '.join(command)} failed:\n{output.decode()[-2000:]}")


async def hikari_command() -> list[str]:
    """Install hikari if need be; return how to start it.

    In an environment of its own, because it pins other versions of shared dependencies.
    """
    home = cache_root() / HIKARI
    python = home / "bin" / "python"
    if not (home / "installed").exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        await _run("uv", "venv", "--clear", "--python", sys.executable, str(home), cwd=_HERE)
        await _run("uv", "pip", "install", "--python", str(python), HIKARI, cwd=_HERE)
        (home / "installed").touch()
    return [str(python), str(_HERE / "hikari_client.py")]


async def discordjs_command() -> list[str]:
    """Install @discordjs/ws if need be; return how to start it."""
    home = cache_root() / "discordjs"
    if not (home / "node_modules").exists():
        home.mkdir(parents=True, exist_ok=True)
        await _run("npm", "install", "--no-save", "--prefix", str(home), *DISCORDJS, cwd=home)
    script = home / "client.mjs"
    shutil.copyfile(_HERE / "discordjs_client.mjs", script)  # node looks for modules beside it
    return ["node", str(script)]


JUDGES: dict[str, Callable[[], Awaitable[list[str]]]] = {
    "hikari": hikari_command,
    "discordjs": discordjs_command,
}


@dataclass(slots=True)
class _Client:
    """A judge's process, and what it has printed so far."""

    process: asyncio.subprocess.Process
    seen: Seen = field(default_factory=Seen)

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if not line.startswith(b"{"):
                continue
            fact = loads(line)
            self.seen.ready += "ready" in fact
            self.seen.resumed += "resumed" in fact
            if "message" in fact:
                self.seen.messages.append(fact["message"])


async def try_judge(name: str, rounds: int = 3) -> Verdict:
    """Let the judge ``name`` live through ``rounds`` cuts; return the verdict.

    Raises
    ------
    JudgeError
        When it cannot be installed.
    TimeoutError
        When it does not get ready, does not resume, or does not see the last message.
    """
    command = await JUDGES[name]()
    async with DiscordThread() as server:
        process = await asyncio.create_subprocess_exec(
            *command,
            server.api_base,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "JUDGE_TOKEN": server.token},
        )
        client = _Client(process)
        reader = asyncio.create_task(client.read())
        try:
            return await _scenario(server.script, client.seen, rounds)
        finally:
            process.terminate()
            await process.wait()
            await reader


async def _scenario(script: Script, seen: Seen, rounds: int) -> Verdict:
    home = await script.home()
    channel, author = home.channel("general"), home.user("nina")
    sent: list[str] = []

    async def say(count: int) -> None:
        sent.extend((await script.send(channel, author, "hello", count=count))["ids"])

    async def ready() -> bool:
        return seen.ready > 0

    await script.until(ready, "READY", within=_WITHIN)
    for number in range(rounds):
        await say(20)
        await script.cut(mid_frame=number % 2 == 1)
        await say(10)

        async def resumed(wanted: int = number + 1) -> bool:
            return seen.resumed >= wanted

        await script.until(resumed, f"RESUMED number {number + 1}", within=_WITHIN)
    await say(1)

    async def end() -> bool:
        return sent[-1] in seen.messages

    await script.until(end, "the last message", within=_WITHIN)
    identifies = await script.ledger("identify")
    if len(identifies) != 1:
        raise JudgeError(f"{len(identifies)} IDENTIFYs: every cut must cost a RESUME only")
    return judge(await script.ledger("resume"), sent, seen)
