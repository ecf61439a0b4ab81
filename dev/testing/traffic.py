"""Traffic for a bot with several shards, and a verdict from the ledger and the database alone.

The bot under test is never asked what it saw. What was sent and to which session stands in the
local Discord's ledger; what was handled stands in ``vertice.dispatch_log``, which has no unique
constraint; what came of it stands in ``vertice.message_count``.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Self

import asyncpg

from dev.discord.interactions import users
from dev.discord.interactions.registry import Interaction
from dev.discord.interactions.users import CommandUse
from dev.discord.server import LocalDiscord
from dev.discord.wire import Json
from dev.discord.world import applications, guilds, messages
from dev.discord.world.models import Channel

HANDLER = "%on_message"
ACKNOWLEDGE_SECONDS = 3.0


def plant_guilds(
    server: LocalDiscord, shards: int, per_shard: int = 2, first: int = 10_000
) -> list[Channel]:
    """Make guilds on every shard, numbered from ``first``; gives one channel of each."""
    world, seed = server.core.world, server.seed
    made = []
    for number in range(shards * per_shard):
        # The shard is (id >> 22) % shards.
        guild_id = ((first + number) << 22) + 1
        guild = guilds.create_guild(world, f"guild {number}", seed.owner.id, guild_id)
        channel = guilds.create_channel(world, guild, "general")
        guilds.join(world, guild, seed.member.id)
        applications.invite(world, seed.bot, guild)
        made.append(channel)
    return made


@dataclass
class Traffic:
    """People who talk at random moments (a Poisson process), and never pause for a hand-over.

    Parameters
    ----------
    server:
        Where they talk.
    channels:
        In which channels.
    rate, commands:
        Messages and slash commands a second.
    seed:
        Of every random choice.
    """

    server: LocalDiscord
    channels: list[Channel]
    rate: float = 100.0
    commands: float = 2.0
    seed: int = 1
    sent: list[int] = field(default_factory=list)
    sent_at: dict[str, float] = field(default_factory=dict)
    asked: list[Interaction] = field(default_factory=list)
    _task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        dice = random.Random(self.seed)  # noqa: S311 - repeatable
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += dice.expovariate(self.rate + self.commands)
            await asyncio.sleep(max(0.0, due - loop.time()))
            channel = dice.choice(self.channels)
            if dice.random() < self.commands / (self.rate + self.commands):
                self._ask(channel)
            else:
                self._say(channel)

    def _say(self, channel: Channel) -> None:
        draft = messages.Draft(self.server.seed.member.id, f"message {len(self.sent)}")
        message = messages.send(self.server.core.world, channel, draft)
        self.sent.append(message.id)
        self.sent_at[str(message.id)] = time.time()

    def _ask(self, channel: Channel) -> None:
        core, seed = self.server.core, self.server.seed
        self.asked.append(
            users.run_command(
                core.world,
                core.interactions,
                channel,
                seed.member.id,
                CommandUse("ping"),
                seed.bot,
            )
        )


@dataclass(frozen=True)
class Verdict:
    """What a run came to. Times in seconds.

    Attributes
    ----------
    sent, handled:
        Messages, and those of them whose handler was started.
    lost:
        Sent and never handled.
    replayed:
        Starts beyond the first, of events that a RESUME replayed.
    double_handled:
        Two owners: starts beyond the first of events that nothing replayed, and starts under an
        epoch after another one had begun to handle events of the shard under a higher one.
    duplicate_effects:
        Counted in the database beyond what was sent.
    missing_effects:
        Sent and not counted in the database.
    identifies, resumes:
        As the ledger has them.
    gaps:
        From the end of one connection of a session to the RESUME of the next, sorted.
    delay_max:
        The longest time from sending a message to the first start of its handler.
    interactions, acknowledged:
        Commands given, and those acknowledged within 3 s.
    """

    sent: int
    handled: int
    lost: int
    replayed: int
    double_handled: int
    duplicate_effects: int
    missing_effects: int
    identifies: int
    resumes: int
    gaps: tuple[float, ...]
    delay_max: float
    interactions: int
    acknowledged: int

    def gap(self, share: float) -> float:
        """Give a quantile of the gaps; not a number without any."""
        if not self.gaps:
            return math.nan
        return self.gaps[min(len(self.gaps) - 1, math.ceil(share * len(self.gaps)) - 1)]

    def text(self) -> str:
        """Give it as one line for people."""
        hidden = ("gaps", "delay_max")
        shown = {key: value for key, value in asdict(self).items() if key not in hidden}
        shown["delay_max_ms"] = round(self.delay_max * 1000, 1)
        quantiles = {
            f"gap_{name}_ms": round(self.gap(share) * 1000, 1)
            for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        }
        return " ".join(f"{key}={value}" for key, value in (shown | quantiles).items())


async def settled(database: str, traffic: Traffic, seconds: float = 30.0) -> None:
    """Wait until everything that was sent has been handled and counted, or time is up."""
    connection = await asyncpg.connect(database)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    try:
        while loop.time() < deadline:
            handled = {row["event_key"] for row in await _starts(connection)}
            counted = await _counted(connection)
            missing = any(str(message) not in handled for message in traffic.sent)
            if not missing and counted >= len(traffic.sent):
                return
            await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def judge(database: str, server: LocalDiscord, traffic: Traffic, after: int = 0) -> Verdict:
    """Hold what was sent against what was handled and what came of it.

    Parameters
    ----------
    database:
        Connection string of the bot's database.
    server:
        Whose ledger is read.
    traffic:
        What was sent.
    after:
        Number of the ledger entry after which the run began.
    """
    ledger = server.core.ledger
    if ledger.dropped:
        raise RuntimeError("the ledger has forgotten entries; raise its limit")
    connection = await asyncpg.connect(database)
    try:
        rows = await _starts(connection)
        counted = await _counted(connection)
    finally:
        await connection.close()
    starts = Counter(row["event_key"] for row in rows)
    first = {row["event_key"]: row["at"].timestamp() for row in reversed(rows)}
    sent = [str(message) for message in traffic.sent]
    entries = ledger.query(after=after)
    replayed = _replayed(ledger.query())
    extra = {key: starts[key] - 1 for key in sent if starts[key] > 1}
    resumes = [e for e in entries if e["kind"] == "resume" and e["accepted"]]
    return Verdict(
        sent=len(sent),
        handled=sum(1 for key in sent if starts[key]),
        lost=sum(1 for key in sent if not starts[key]),
        replayed=sum(count for key, count in extra.items() if key in replayed),
        double_handled=sum(count for key, count in extra.items() if key not in replayed)
        + _stale(rows, _shards(ledger.query())),
        duplicate_effects=max(0, counted - len(sent)),
        missing_effects=max(0, len(sent) - counted),
        identifies=sum(1 for e in entries if e["kind"] == "identify"),
        resumes=len(resumes),
        gaps=tuple(sorted(e["gap_seconds"] for e in resumes if e["gap_seconds"] is not None)),
        delay_max=max(
            (first[k] - at for k, at in traffic.sent_at.items() if k in first), default=0
        ),
        interactions=len(traffic.asked),
        acknowledged=sum(1 for item in traffic.asked if _in_time(item)),
    )


async def _starts(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    # Distinct: a batch whose COMMIT was answered too late is written again, with the same moments.
    found: list[asyncpg.Record] = await connection.fetch(
        "SELECT DISTINCT event_key, handler, epoch, replica, at FROM vertice.dispatch_log "
        "WHERE handler LIKE $1 ORDER BY at",
        HANDLER,
    )
    return found


async def _counted(connection: asyncpg.Connection) -> int:
    total: int = await connection.fetchval(
        "SELECT coalesce(sum(messages), 0)::int FROM vertice.message_count"
    )
    return total


def _shards(entries: Iterable[Json]) -> dict[str, int]:
    """Give the shard of each thing that an event is about."""
    things: dict[int, str] = {}
    shards = {}
    for entry in entries:
        if entry["kind"] == "event" and entry.get("id"):
            things[entry["event_id"]] = str(entry["id"])
        elif entry["kind"] == "dispatch" and entry["event_id"] in things:
            shards[things[entry["event_id"]]] = int(entry["shard"])
    return shards


def _stale(rows: Iterable[asyncpg.Record], shards: dict[str, int]) -> int:
    """Count starts by a replaced owner: after a start of the same shard under a higher epoch."""
    highest: dict[int, int] = {}
    stale = 0
    for row in rows:
        shard = shards.get(row["event_key"])
        if shard is None:
            continue
        stale += row["epoch"] < highest.get(shard, 0)
        highest[shard] = max(highest.get(shard, 0), row["epoch"])
    return stale


def _replayed(entries: Iterable[Json]) -> set[str]:
    """Give the ids of messages that were written to a client as part of a replay."""
    things: dict[int, str] = {}
    events: dict[tuple[str, int], int] = {}
    found = set()
    for entry in entries:
        if entry["kind"] == "event" and entry.get("id"):
            things[entry["event_id"]] = str(entry["id"])
        elif entry["kind"] == "dispatch":
            events[(entry["session"], entry["seq"])] = entry["event_id"]
        elif entry["kind"] == "write" and entry["replay"]:
            event = events.get((entry["session"], entry["seq"]))
            if event in things:
                found.add(things[event])
    return found


def _in_time(interaction: Interaction) -> bool:
    at = interaction.acknowledged_at
    return at is not None and at - interaction.created_at <= ACKNOWLEDGE_SECONDS
