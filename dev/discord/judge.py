"""The judge of every test run: stock discord.py, changed in nothing but the addresses it uses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from dev.discord.verdict import Seen

_CLOSE_SECONDS = 10.0


@contextmanager
def pointed_at(api_base: str, gateway_url: str) -> Iterator[None]:
    """Make discord.py use another server: its two address attributes, and nothing else."""
    base, gateway = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE = api_base
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = base, gateway


def intents() -> discord.Intents:
    """Return the library's default intents with message content."""
    wanted = discord.Intents.default()
    wanted.message_content = True
    return wanted


class StockBot(discord.AutoShardedClient):
    """discord.py's own sharded client, with handlers that only take notes."""

    def __init__(self, *, shard_count: int | None = None, wanted: discord.Intents | None = None):
        super().__init__(intents=wanted or intents(), shard_count=shard_count)
        self.tree = app_commands.CommandTree(self)
        self.seen = Seen()
        self.sync_to: discord.Object | None = None

    async def setup_hook(self) -> None:
        """Register the commands, when there are any."""
        if self.tree.get_commands():
            await self.tree.sync()

    async def on_ready(self) -> None:
        """Note that every shard is ready."""
        self.seen.ready += 1

    async def on_shard_resumed(self, _: int) -> None:
        """Note a RESUMED."""
        self.seen.resumed += 1

    async def on_message(self, message: discord.Message) -> None:
        """Note a message."""
        self.seen.messages.append(str(message.id))
        self.seen.contents[str(message.id)] = message.content

    async def on_member_join(self, member: discord.Member) -> None:
        """Note who joined."""
        self.seen.joined.append(str(member.id))


@dataclass(slots=True)
class Running:
    """A stock bot that runs in the background."""

    bot: StockBot
    task: asyncio.Task[None]

    async def stop(self) -> None:
        """Close it as the library does, and pass on what it died of."""
        await self.bot.close()
        await asyncio.wait_for(self.task, _CLOSE_SECONDS)


def run(bot: StockBot, token: str) -> Running:
    """Start ``bot`` in the background."""
    return Running(bot, asyncio.create_task(bot.start(token)))
