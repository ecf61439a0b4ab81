"""One WebSocket of a client: HELLO, the handshake, heartbeats, and an ordered way out."""

from __future__ import annotations

import asyncio
import random
import socket as sockets
import struct
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from dev.discord.gateway import handshake
from dev.discord.gateway.codec import Codec
from dev.discord.gateway.hub import Hub, InvalidSessionError
from dev.discord.gateway.limits import SlidingWindow
from dev.discord.gateway.opcodes import CloseCode, Op, RefusedError
from dev.discord.gateway.replay import Frame
from dev.discord.gateway.session import Session
from dev.discord.wire import Json, dumps, loads

_ABNORMAL = 1006


@dataclass(frozen=True, slots=True)
class _Out:
    """Something to send: a payload, or a goodbye when ``close`` is set."""

    due: float
    payload: bytes = b""
    label: str = ""
    seq: int | None = None
    replay: bool = False
    close: int | None = None


class Connection:
    """A client's socket.

    Parameters
    ----------
    hub
        Where sessions live.
    ws, transport
        The upgraded socket and the TCP transport below it.
    codec
        The compression of this connection; its context must be fresh.
    number
        The connection's number, for the ledger.
    source
        Address and port of the client.
    resume_url
        What READY tells the client to resume at.
    """

    def __init__(
        self,
        hub: Hub,
        ws: web.WebSocketResponse,
        transport: asyncio.Transport,
        codec: Codec,
        *,
        number: int,
        source: str,
        resume_url: str,
    ) -> None:
        self.id = number
        self.source = source
        self.session: Session | None = None
        self._hub = hub
        self._ws = ws
        self._transport = transport
        self._codec = codec
        self._resume_url = resume_url
        self._outbox: asyncio.Queue[_Out] = asyncio.Queue()
        self._rng = random.Random(hub.rng.getrandbits(32))  # noqa: S311 -- repeatable
        self._window = SlidingWindow(hub.settings.sends_per_window, hub.settings.send_window)
        self._beat = asyncio.Event()
        self._closed_by_us: int | None = None

    # ------------------------------------------------------------------ out

    def push(self, frame: Frame, *, replay: bool = False) -> None:
        """Queue a dispatch; a client that reads too slowly is cut off, with its session kept."""
        if self._outbox.qsize() >= self._hub.settings.outbox_frames:
            self.close_soon(CloseCode.UNKNOWN_ERROR, "Too slow.")
            return
        due = self._due()
        self._outbox.put_nowait(_Out(due, frame.data, frame.event, frame.seq, replay))

    def push_op(self, op: int, data: object) -> None:
        """Queue a payload without a sequence."""
        payload = dumps({"t": None, "s": None, "op": int(op), "d": data})
        self._outbox.put_nowait(_Out(self._due(), payload, Op(op).name))

    def close_soon(self, code: int, reason: str) -> None:
        """Close with ``code`` once everything queued before is out."""
        self._outbox.put_nowait(_Out(self._due(), label=reason, close=int(code)))

    def reset(self, *, mid_frame: bool = False) -> None:
        """Break the connection with a TCP RST; ``mid_frame`` leaves half a frame behind."""
        self._closed_by_us = _ABNORMAL
        if mid_frame:
            self._transport.write(b"\x82\x7e\x01\x00half")
        raw = self._transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _due(self) -> float:
        faults = self._hub.faults
        if not faults.latency and not faults.jitter:
            return 0.0
        # The outbox is emptied in order, so a shorter delay never lets a frame overtake another.
        delay = faults.latency + self._rng.uniform(0.0, faults.jitter)
        return self._hub.clock.monotonic() + delay

    async def _write_out(self) -> _Out | None:
        """Send what is queued; returns the goodbye when one is due, None on a broken socket."""
        clock, ledger = self._hub.clock, self._hub.ledger
        while True:
            out = await self._outbox.get()
            if out.due and (wait := out.due - clock.monotonic()) > 0:
                await asyncio.sleep(wait)
            if out.close is not None:
                self._closed_by_us = out.close
                return out
            message = self._codec.encode(out.payload)
            try:
                if self._codec.binary:
                    await self._ws.send_bytes(message)
                else:
                    await self._ws.send_str(message.decode())
            except (ConnectionError, RuntimeError):
                return None
            session = self.session.id if self.session else None
            fields = {"conn": self.id, "session": session, "seq": out.seq, "replay": out.replay}
            ledger.record("write", **fields, event=out.label)

    # ------------------------------------------------------------------ in

    async def run(self) -> None:
        """Serve the client until the socket is gone."""
        self._hub.ledger.record("open", conn=self.id, source=self.source, codec=self._codec.name)
        self._say_hello()
        reader = asyncio.create_task(self._read_all())
        writer = asyncio.create_task(self._write_out())
        watchdog = asyncio.create_task(self._watch_heartbeats())
        goodbye: _Out | None = None
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            # A writer that failed leaves the rest to the reader, which sees the same broken socket.
            goodbye = writer.result() if writer.done() else None
            if goodbye is None:
                await reader
        finally:
            for task in (reader, writer, watchdog):
                task.cancel()
            await asyncio.gather(reader, writer, watchdog, return_exceptions=True)
            self._gone()
        if goodbye is not None and goodbye.close is not None:
            # Nobody reads any more, so this waits for the client's own close frame: a socket that
            # is torn down before would hide the code from the client.
            await self._ws.close(code=goodbye.close, message=goodbye.label.encode())

    def _say_hello(self) -> None:
        faults = self._hub.faults
        if faults.no_hello and faults.spend("no_hello"):
            return
        if faults.reconnect_before_hello and faults.spend("reconnect_before_hello"):
            self.push_op(Op.RECONNECT, None)
            return
        interval = round(self._hub.settings.heartbeat_interval * 1000)
        self.push_op(Op.HELLO, {"heartbeat_interval": interval, "_trace": ["local"]})

    async def _read_all(self) -> None:
        async for message in self._ws:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                continue
            try:
                self._take(message.data)
            except RefusedError as refusal:
                self.close_soon(refusal.code, refusal.reason)
            except InvalidSessionError as invalid:
                self._refuse_session(invalid)

    def _gone(self) -> None:
        by_client = self._closed_by_us is None
        code = self._closed_by_us or self._ws.close_code or 1006
        session = self.session.id if self.session else None
        self._hub.ledger.record(
            "close",
            conn=self.id,
            session=session,
            code=code,
            by="client" if by_client else "server",
        )
        if self.session is not None:
            self._hub.detach(self.session, self, code, by_client=by_client)

    def _take(self, raw: str | bytes) -> None:
        size = len(raw.encode() if isinstance(raw, str) else raw)
        if size > self._hub.settings.max_payload_bytes:
            raise RefusedError(CloseCode.DECODE_ERROR, "Payload too large.")
        if not self._window.take(self._hub.clock.monotonic()):
            raise RefusedError(CloseCode.RATE_LIMITED, "You are sending payloads too fast.")
        try:
            payload = loads(raw)
            op = payload["op"]
        except (ValueError, KeyError, TypeError):
            raise RefusedError(CloseCode.DECODE_ERROR, "Error while decoding payload.") from None
        session = self.session.id if self.session else None
        self._hub.ledger.record("recv", conn=self.id, session=session, op=op)
        self._handle(op, payload.get("d"))

    def _handle(self, op: object, data: object) -> None:
        match op:
            case Op.HEARTBEAT:
                self._heartbeat()
            case Op.IDENTIFY:
                self._identify(data)
            case Op.RESUME:
                self._resume(data)
            case _ if op not in _CLIENT_OPS:
                raise RefusedError(CloseCode.UNKNOWN_OPCODE, "Unknown opcode.")
            case _ if self.session is None:
                raise RefusedError(CloseCode.NOT_AUTHENTICATED, "Not authenticated.")
            case Op.REQUEST_GUILD_MEMBERS if isinstance(data, dict):
                self._hub.request_members(self.session, _object(data))
            case _:
                pass  # presence, voice and soundboard: accepted, and of no effect here

    def _heartbeat(self) -> None:
        self._beat.set()
        if not self._hub.faults.withhold_acks:
            self.push_op(Op.HEARTBEAT_ACK, None)

    def _identify(self, data: object) -> None:
        self._must_be_new()
        request = handshake.read_identify(data)
        self.session = self._hub.identify(self, request, self._codec.name, self._resume_url)

    def _resume(self, data: object) -> None:
        self._must_be_new()
        request = handshake.read_resume(data)
        faults = self._hub.faults
        if faults.abort_on_resume and faults.spend("abort_on_resume"):
            self.reset()
            return
        self.session = self._hub.resume(self, request, self._codec.name)

    def _must_be_new(self) -> None:
        # After op 9 the session is dead and the client may identify again on the same socket.
        if self.session is not None and self.session.dead is None:
            raise RefusedError(CloseCode.ALREADY_AUTHENTICATED, "Already authenticated.")

    def _refuse_session(self, invalid: InvalidSessionError) -> None:
        self._hub.ledger.record("invalid_session", conn=self.id, reason=invalid.reason)
        low, high = self._hub.settings.invalid_session_delay
        delay = self._rng.uniform(low, high) if invalid.delayed else 0.0
        loop = asyncio.get_running_loop()
        loop.call_later(delay, self.push_op, Op.INVALID_SESSION, invalid.resumable)

    async def _watch_heartbeats(self) -> None:
        settings = self._hub.settings
        patience = settings.heartbeat_interval * settings.heartbeat_grace
        while True:
            self._beat.clear()
            try:
                await asyncio.wait_for(self._beat.wait(), patience)
            except TimeoutError:
                self.close_soon(CloseCode.SESSION_TIMED_OUT, "Session timed out.")
                return


_CLIENT_OPS = frozenset(
    {
        Op.HEARTBEAT,
        Op.IDENTIFY,
        Op.PRESENCE_UPDATE,
        Op.VOICE_STATE_UPDATE,
        Op.RESUME,
        Op.REQUEST_GUILD_MEMBERS,
        Op.REQUEST_SOUNDBOARD_SOUNDS,
    }
)


def _object(data: dict[object, object]) -> Json:
    return {str(key): value for key, value in data.items()}
