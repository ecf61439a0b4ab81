"""Judges: independent clients that connect to the local Discord, and a verdict from the ledger.

A judge is a stock library, changed in nothing but the addresses it uses. What its handlers saw is
held against what the ledger says was dispatched to its sessions.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from dev.discord.wire import Json

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


@dataclass(slots=True)
class Seen:
    """What the handlers of a stock client were called with."""

    messages: list[str] = field(default_factory=list)
    contents: dict[str, str] = field(default_factory=dict)
    ready: int = 0
    resumed: int = 0
    joined: list[str] = field(default_factory=list)


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the ledger says against what a client saw."""

    sent: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    out_of_order: bool
    resumes: int
    resumed_seen: int

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or out of order, and each RESUME ended in RESUMED."""
        return (
            not self.lost
            and not self.doubled
            and not self.out_of_order
            and self.resumes == self.resumed_seen
        )


def judge(entries: list[Json], sent: list[str], seen: Seen) -> Verdict:
    """Hold what a client saw against the messages that were sent.

    Parameters
    ----------
    entries
        The ledger's ``resume`` entries.
    sent
        Ids of the messages that the client has to have seen, in order.
    seen
        What it saw.
    """
    counts = Counter(item for item in seen.messages if item in set(sent))
    firsts = list(dict.fromkeys(item for item in seen.messages if item in counts))
    accepted = [item for item in entries if item["kind"] == "resume" and item["accepted"]]
    return Verdict(
        sent=len(sent),
        lost=tuple(item for item in sent if item not in counts),
        doubled=tuple(item for item, count in counts.items() if count > 1),
        out_of_order=firsts != sorted(firsts, key=int),
        resumes=len(accepted),
        resumed_seen=seen.resumed,
    )
