"""One shard: its connection, its reader, and what happens when either ends.

Unlike discord.py's own loop it never closes with 1000 (which kills the session), never turns a
failed reconnect into an IDENTIFY, leaves a dead resume host, and survives an unreadable event.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import structlog
import yarl
from discord.gateway import ReconnectWebSocket, WebSocketClosure
from prometheus_client import Counter

from vertice_bot.clock import Clock
from vertice_bot.errors import Refused
from vertice_bot.gateway.identify import GatewayInfo, IdentifyTurns
from vertice_bot.gateway.reconnect import (
    NEW_SESSION_CODES,
    Attempts,
    Session,
    Step,
    StepKind,
    fatal_reason,
    next_step,
)
from vertice_bot.gateway.socket import GatedSocket, Parser, socket_class
from vertice_bot.gateway.work import CURRENT, EventContext
from vertice_bot.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from discord.ext import commands

CONNECT_TIMEOUT_SECONDS = 30.0
RESUMABLE_CLOSE = 4000
DISCORD_EPOCH_MS = 1420070400000
_TIMED = frozenset({"MESSAGE_CREATE", "INTERACTION_CREATE"})
_log = structlog.get_logger(__name__)


class ShardState(StrEnum):
    """Where a shard is on this replica."""

    FREE = "FREE"
    CLAIMED = "CLAIMED"
    IDENTIFY_WAIT = "IDENTIFY_WAIT"
    CONNECTING = "CONNECTING"
    RESUMING = "RESUMING"
    LIVE = "LIVE"
    DRAINING = "DRAINING"
    RELEASED = "RELEASED"
    FATAL = "FATAL"


@dataclass(frozen=True)
class RunnerParts:
    """What all runners of a process share.

    Attributes
    ----------
    client:
        The discord.py client.
    epoch:
        Gives the epoch while ownership is provable, else None.
    gateway_info:
        Asks Discord for the gateway and the IDENTIFY budget.
    gateway_url:
        Overrides the answer's URL.
    identified:
        Told the shard when Discord has begun a new session.
    """

    client: commands.AutoShardedBot
    epoch: Callable[[], int | None]
    gateway_info: Callable[[], Awaitable[GatewayInfo]]
    gateway_url: str | None
    turns: IdentifyTurns
    metrics: Metrics
    clock: Clock
    identified: Callable[[int], None]
    wall: Callable[[], float] = time.time


class ShardRunner:
    """Owns the connection of one shard.

    Parameters
    ----------
    shard:
        Shard id.
    parts:
        What it shares with the other shards.
    """

    def __init__(self, shard: int, parts: RunnerParts) -> None:
        self.shard = shard
        self._parts = parts
        self.state = ShardState.CLAIMED
        self.ws: GatedSocket | None = None
        self.lag_seconds = 0.0
        self._opening: GatedSocket | None = None
        self._session: Session | None = None
        self._attempts = Attempts()
        self._stopping = False
        self._counters: dict[str, Counter] = {}

    async def run(self) -> None:
        """Keep the shard connected until :meth:`stop`.

        Raises
        ------
        Refused
            Discord refused for good; the text says what to do.
        """
        while not self._stopping:
            step = next_step(
                self._session,
                self._attempts,
                self._parts.clock(),
                random.random(),  # noqa: S311 - spreads replicas, decides nothing secret
            )
            if step.delay:
                await asyncio.sleep(step.delay)
            await self._until_allowed()
            try:
                await self._connect(step)
                await self._read()
            except asyncio.CancelledError:
                raise
            except Refused:
                self.state = ShardState.FATAL
                raise
            except Exception as error:  # noqa: BLE001 - each is sorted by _ended, unknown ones logged
                self._ended(error)
            finally:
                await self._close_quietly()

    async def stop(self) -> None:
        """Close with a code that keeps the session, and read nothing more."""
        self._stopping = True
        self.state = ShardState.RELEASED
        await self._close_quietly()

    async def _until_allowed(self) -> None:
        """Wait for ownership, and empty what the last connection held back meanwhile."""
        # Validity passes with time alone; no event marks it.
        while not self._stopping:
            if self.allowed():
                # A RESUME goes on after the last event that was read: these come only from here.
                self.unpark()
                if self.ws is None or not self.ws.parked:
                    return
            await asyncio.sleep(0.05)

    async def _connect(self, step: Step) -> None:
        self.ws, url = None, step.url
        if step.kind is StepKind.IDENTIFY:
            self._session = None
            self.state = ShardState.IDENTIFY_WAIT
            info = await self._parts.gateway_info()
            await self._parts.turns.turn(self.shard, info)
            url = self._parts.gateway_url or info.url
        elif url is None:
            url = self._parts.gateway_url or (await self._parts.gateway_info()).url
        if not self.allowed() or self._stopping:
            return
        self.state = ShardState.RESUMING if step.kind is StepKind.RESUME else ShardState.CONNECTING
        self._parts.metrics.gateway_reconnects.labels(kind=step.kind.value).inc()
        self.ws = await self._open(step, yarl.URL(url))

    async def _open(self, step: Step, url: yarl.URL) -> GatedSocket:
        session = self._session if step.kind is StepKind.RESUME else None
        kind = socket_class(self, url)
        async with asyncio.timeout(CONNECT_TIMEOUT_SECONDS):
            return await kind.from_client(
                self._parts.client,
                initial=True,
                shard_id=self.shard,
                gateway=url,
                resume=session is not None,
                session=session.id if session else None,
                sequence=session.sequence if session else None,
            )

    async def _read(self) -> None:
        ws = self.ws
        while ws is not None and not self._stopping:
            await ws.poll_event()

    def _ended(self, error: Exception) -> None:
        """Keep what a RESUME needs, or find that nothing may be tried again."""
        self._attempts = self._attempts.failed(self._parts.clock())
        self._parts.metrics.shard_ready.labels(shard=str(self.shard)).set(0)
        if self._stopping:
            return
        self._remember()
        code = _close_code(error, self.ws or self._opening)
        if reason := fatal_reason(code):
            self.state = ShardState.FATAL
            if code == 4004:
                self._parts.metrics.discord_auth_failed.set(1)
            raise Refused(f"gateway close code {code}: {reason}") from None
        no_resume = isinstance(error, ReconnectWebSocket) and not error.resume
        if no_resume or code in NEW_SESSION_CODES:
            self._session = None
        if not _expected(error):
            _log.error("connection failed", shard=self.shard, exc_info=error)
        _log.info(
            "connection ended",
            shard=self.shard,
            code=code,
            error=type(error).__name__,
            resumable=self._session is not None,
        )

    def _remember(self) -> None:
        ws = self.ws
        if ws is None or not ws.session_id or ws.sequence is None:
            return
        self._session = Session(ws.session_id, ws.sequence, str(ws.gateway))

    async def _close_quietly(self) -> None:
        sockets = {id(ws): ws for ws in (self.ws, self._opening) if ws is not None}
        self._opening = None
        for ws in sockets.values():
            try:
                async with asyncio.timeout(2.0):
                    await ws.close(RESUMABLE_CLOSE)
            except (OSError, TimeoutError, aiohttp.ClientError, RuntimeError) as error:
                _log.debug("close failed", shard=self.shard, error=type(error).__name__)
        if self._stopping:
            self.ws = None

    # What the socket asks for.

    def allowed(self) -> bool:
        """Say whether ownership is provable at this moment."""
        return self._parts.epoch() is not None

    def opened(self, socket: GatedSocket) -> None:
        """Remember a socket that is being opened, so that it never leaks."""
        self._opening = socket

    def gap(self, missing: int) -> None:
        """Count sequence numbers that never came."""
        self._parts.metrics.gateway_sequence_gaps.inc(missing)

    def overflow(self, sequence: int) -> None:
        """Let go of the connection; a later RESUME replays from before the buffer."""
        ws = self.ws
        if ws is not None and ws.session_id:
            ws.sequence = sequence
            _log.warning("too many events while parked; resuming later", shard=self.shard)
            raise WebSocketClosure

    def received(self, name: str, data: Any, sequence: int | None) -> None:
        """Count an event and its age."""
        counter = self._counters.get(name)
        if counter is None:
            # Looked up once per name: the look-up costs more than the counting.
            counter = self._parts.metrics.gateway_events.labels(event=name)
            self._counters[name] = counter
        counter.inc()
        if name in _TIMED:
            created = ((int(data["id"]) >> 22) + DISCORD_EPOCH_MS) / 1000
            self.lag_seconds = max(0.0, self._parts.wall() - created)
            self._parts.metrics.gateway_event_lag.observe(self.lag_seconds)

    def deliver(self, name: str, parser: Parser, data: Any, sequence: int | None) -> None:
        """Run a parser in the event's context; an unreadable event is skipped and counted."""
        ws = self.ws or self._opening
        context = EventContext(
            self.shard,
            self._parts.epoch() or 0,
            (ws.session_id if ws else None) or "",
            sequence or 0,
            name,
        )
        token = CURRENT.set(context)
        try:
            parser(data)
        except Exception:  # noqa: BLE001 - one bad event must not end every session
            self._parts.metrics.gateway_poison.labels(event=name).inc()
            _log.exception("event cannot be read; skipped", shard=self.shard, event_name=name)
        finally:
            CURRENT.reset(token)
        if name in ("READY", "RESUMED"):
            self._live(name)

    def _live(self, name: str) -> None:
        self.state = ShardState.LIVE
        self._attempts = Attempts()
        self._parts.metrics.shard_ready.labels(shard=str(self.shard)).set(1)
        _log.info("shard is live", shard=self.shard, by=name)
        if name == "READY":
            self._parts.identified(self.shard)

    def unpark(self) -> None:
        """Deliver what was held back while ownership could not be proved."""
        if self.ws is not None and self.ws.parked:
            _log.info("delivering held events", shard=self.shard, count=self.ws.parked)
            self.ws.unpark()


def _close_code(error: Exception, ws: GatedSocket | None) -> int | None:
    if isinstance(error, discord.ConnectionClosed):
        return error.code
    return ws.socket.close_code if ws is not None else None


def _expected(error: Exception) -> bool:
    return isinstance(
        error,
        (
            ReconnectWebSocket,
            WebSocketClosure,
            discord.ConnectionClosed,
            discord.DiscordException,
            aiohttp.ClientError,
            OSError,
            TimeoutError,
        ),
    )
