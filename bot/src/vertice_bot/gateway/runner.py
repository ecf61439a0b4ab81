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
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
import discord
import structlog
import yarl
from discord.gateway import ReconnectWebSocket, WebSocketClosure
from prometheus_client import Counter

from vertice_bot import tasks
from vertice_bot.clock import Clock
from vertice_bot.errors import Refused
from vertice_bot.gateway.identify import GatewayInfo, Turns
from vertice_bot.gateway.reconnect import (
    NEW_SESSION_CODES,
    Attempts,
    Session,
    Step,
    StepKind,
    fatal_reason,
    next_step,
)
from vertice_bot.gateway.session import SessionRecord
from vertice_bot.gateway.socket import GatedSocket, Parser, socket_class
from vertice_bot.gateway.watermark import Watermark
from vertice_bot.gateway.work import CURRENT, EventContext
from vertice_bot.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from discord.ext import commands

CONNECT_TIMEOUT_SECONDS = 30.0
GATE_SECONDS = 5.0
"""How long a prepared connection waits between HELLO and RESUME for the old owner's release."""

CAREFUL_CRASHES = 2
"""After so many dead owners at one watermark the replay is handled one event at a time."""

CAREFUL_SECONDS = 30.0
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


class Notes(Protocol):
    """Who is told about events that matter beyond their handlers."""

    def structure(self, context: EventContext, data: Any) -> None:
        """Keep an event that changes what is known of a guild; called before its parser."""
        ...

    def unreadable(self, context: EventContext, data: Any, error: Exception) -> None:
        """Keep an event whose parser failed."""
        ...

    async def attempt(self, context: EventContext, data: Any) -> bool:
        """Count a try in careful mode; False when the event is to be skipped."""
        ...

    async def survived(self, context: EventContext) -> None:
        """Take a try back: the process is still there after it."""
        ...


class Told(Protocol):
    """Who is told how a shard is doing."""

    def identified(self, shard: int) -> None:
        """Discord has begun a new session."""
        ...

    def live(self, shard: int, by: str) -> None:
        """The session is live, by READY or RESUMED."""
        ...

    def session_lost(self, shard: int, why: str) -> None:
        """A session cannot be resumed; what Discord had kept for it is gone."""
        ...


@dataclass(frozen=True)
class RunnerParts:
    """What all runners of a process share.

    Attributes
    ----------
    client:
        The discord.py client.
    epoch:
        Gives the epoch of a shard while its ownership is provable, else None.
    gateway_info:
        Asks Discord for the gateway and the IDENTIFY budget.
    gateway_url:
        Overrides the answer's URL.
    turns:
        Orders IDENTIFYs.
    fingerprint:
        Gives what a stored session must agree with to be resumed.
    busy:
        Says whether handlers of a shard's events are under way.
    notes, told:
        Who is told what.
    """

    client: commands.AutoShardedBot
    epoch: Callable[[int], int | None]
    gateway_info: Callable[[], Awaitable[GatewayInfo]]
    gateway_url: str | None
    turns: Turns
    metrics: Metrics
    clock: Clock
    fingerprint: Callable[[], str]
    told: Told
    busy: Callable[[int], bool] = lambda _shard: False
    notes: Notes | None = None
    wall: Callable[[], float] = time.time


class ShardRunner:
    """Owns the connection of one shard under one epoch.

    Parameters
    ----------
    shard:
        Shard id.
    parts:
        What it shares with the other shards.
    epoch:
        Of the ownership; None to get ready before the shard is ours, see :meth:`own`.
    record:
        The session to go on with.
    """

    def __init__(
        self,
        shard: int,
        parts: RunnerParts,
        epoch: int | None = None,
        record: SessionRecord | None = None,
    ) -> None:
        self.shard = shard
        self._parts = parts
        self.epoch = epoch
        self.state = ShardState.CLAIMED
        self.ws: GatedSocket | None = None
        self.mark = Watermark()
        self.lag_seconds = 0.0
        self.handover_gap: float | None = None
        self.free_since: float | None = None
        self.prepared = asyncio.Event()
        self._owned = asyncio.Event()
        self._careful = False
        self._opening: GatedSocket | None = None
        self._session: Session | None = None
        self._attempts = Attempts()
        self._stopping = False
        self._counters: dict[str, Counter] = {}
        self.task: asyncio.Task[None] | None = None
        if record is not None:
            self._inherit(record)
        if epoch is not None:
            self._owned.set()

    def _inherit(self, record: SessionRecord) -> None:
        """Go on with a session of another process: from its watermark, not from what it read."""
        if record.fingerprint != self._parts.fingerprint():
            _log.warning("the stored session does not fit this configuration", shard=self.shard)
            self._parts.told.session_lost(self.shard, "fingerprint")
            self._session = None
            return
        self.mark = Watermark(record.done)
        self._session = Session(record.session, record.done, record.url)
        self._careful = record.crashes >= CAREFUL_CRASHES

    def own(self, epoch: int, record: SessionRecord | None) -> None:
        """Go on as the owner; opens the gate of a prepared connection.

        Parameters
        ----------
        epoch:
            Of the ownership.
        record:
            The session as the old owner left it, with the exact watermark.
        """
        self.epoch = epoch
        if record is not None:
            self._inherit(record)
        else:
            self._session = None
        self._owned.set()

    def start(self, failed: Callable[[BaseException], None]) -> None:
        """Begin to run; ``failed`` gets the exception when the shard ends for good."""
        self.task = tasks.start(self.run(), failed, name=f"shard-{self.shard}")

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
            if not await self._may_connect(step):
                continue
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
        """Close with a code that keeps the session, and read nothing more.

        The watermark goes on moving while handlers end; :meth:`record` gives it.
        """
        self._stopping = True
        self.state = ShardState.DRAINING
        task, self.task = self.task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._close_quietly()

    def record(self) -> SessionRecord | None:
        """Give what another process needs to go on, or None without a session."""
        session = self._session
        if session is None or not self._owned.is_set():
            return None
        done, received = self.mark.done, self.mark.received
        return SessionRecord(session.id, session.url, done, received, self._parts.fingerprint())

    @property
    def session_id(self) -> str | None:
        """Discord's id of the session, if there is one."""
        return self._session.id if self._session is not None else None

    async def _may_connect(self, step: Step) -> bool:
        """Wait for ownership; a RESUME may be prepared before it, up to HELLO."""
        if not self._owned.is_set():
            if step.kind is StepKind.RESUME and not self._attempts.failures:
                return True
            await self._owned.wait()
            self._attempts = Attempts()
            return False
        await self._until_allowed()
        return True

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
            if self._session is not None:
                self._parts.told.session_lost(self.shard, "not resumed in time")
            self._session = None
            self.state = ShardState.IDENTIFY_WAIT
            info = await self._parts.turns.turn(self.shard, self._parts.gateway_info)
            # Before the socket is open: READY is number 1 of a new session.
            self.mark = Watermark()
            self._careful = False
            url = self._parts.gateway_url or info.url
        elif url is None:
            url = self._parts.gateway_url or (await self._parts.gateway_info()).url
        if self._stopping or (self._owned.is_set() and not self.allowed()):
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
            if self._careful:
                await self._handle_carefully(ws)

    async def _handle_carefully(self, ws: GatedSocket) -> None:
        """Handle held events one at a time, so that the one that kills is known."""
        while ws.parked and self._careful and self.allowed():
            name, parser, data, sequence = ws.first_parked()
            context = self._context(name, sequence)
            notes = self._parts.notes
            wanted = notes is None or await notes.attempt(context, data)
            try:
                if wanted:
                    self.deliver(name, parser, data, sequence)
                ws.drop_first_parked()
                await self._until_idle()
            finally:
                # Whatever comes now, also a stop: it was not this event that ended the process.
                if notes is not None and wanted:
                    await notes.survived(context)
        self.unpark()

    async def _until_idle(self) -> None:
        """Wait until the handlers of this shard have ended; tasks tell nobody when they do."""
        deadline = self._parts.clock() + CAREFUL_SECONDS
        while (  # noqa: ASYNC110
            self._parts.busy(self.shard) and self._parts.clock() < deadline
        ):
            await asyncio.sleep(0.005)

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
        if (no_resume or code in NEW_SESSION_CODES) and self._session is not None:
            self._parts.told.session_lost(self.shard, f"code {code}" if code else "invalid session")
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
        ws, session = self.ws, self._session
        if ws is None or session is None or ws.sequence is None:
            return
        sequence = ws.sequence
        if self._careful and ws.parked:
            # Held to be handled one at a time: the RESUME is to bring them again.
            sequence = (ws.first_parked()[3] or 1) - 1
            ws.forget()
            self.mark.rewind(sequence)
        self._session = Session(session.id, sequence, session.url)

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
        """Say whether this runner's ownership is provable at this moment."""
        return self.epoch is not None and self._parts.epoch(self.shard) == self.epoch

    def careful(self) -> bool:
        """Say whether events are handled one at a time."""
        return self._careful

    def begin(self, sequence: int) -> bool:
        """Open an event."""
        return self.mark.begin(sequence)

    def end(self, sequence: int) -> None:
        """Close an event."""
        self.mark.end(sequence)

    async def may_resume(self) -> int:
        """Wait until the session is ours; gives where to resume from."""
        if not self._owned.is_set():
            self.prepared.set()
            async with asyncio.timeout(GATE_SECONDS):
                await self._owned.wait()
        socket, session = self._opening, self._session
        if session is None or socket is None or socket.session_id != session.id:
            # It was opened for a session that is over.
            raise WebSocketClosure
        return session.sequence

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
            self.mark.rewind(sequence)
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
        if name == "READY":
            self._begin_session()
        context = self._context(name, sequence)
        token = CURRENT.set(context)
        try:
            if self._parts.notes is not None:
                self._parts.notes.structure(context, data)
            parser(data)
        except Exception as error:  # noqa: BLE001 - one bad event must not end every session
            self._parts.metrics.gateway_poison.labels(event=name).inc()
            _log.exception("event cannot be read; skipped", shard=self.shard, event_name=name)
            if self._parts.notes is not None:
                self._parts.notes.unreadable(context, data, error)
        finally:
            CURRENT.reset(token)
        if name in ("READY", "RESUMED"):
            self._live(name)

    def _context(self, name: str, sequence: int | None) -> EventContext:
        session = self._session.id if self._session else ""
        return EventContext(self.shard, self.epoch or 0, session, sequence or 0, name, self.mark)

    def _begin_session(self) -> None:
        ws = self.ws or self._opening
        if ws is not None and ws.session_id:
            self._session = Session(ws.session_id, ws.sequence or 0, str(ws.gateway))

    def _live(self, name: str) -> None:
        self.state = ShardState.LIVE
        self._careful = False
        self._attempts = Attempts()
        self._parts.metrics.shard_ready.labels(shard=str(self.shard)).set(1)
        _log.info("shard is live", shard=self.shard, by=name)
        self._parts.told.live(self.shard, name)
        if name == "READY":
            self._parts.told.identified(self.shard)

    def unpark(self) -> None:
        """Deliver what was held back while ownership could not be proved."""
        if self.ws is not None and self.ws.parked and not self._careful:
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
