"""A session: the server's side of one shard's event stream, with or without a socket."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from dev.discord.gateway.replay import Frame, ReplayBuffer
from dev.discord.wire import Json, dumps


class Socket(Protocol):
    """What a session needs of the connection that carries it."""

    id: int
    source: str

    def push(self, frame: Frame, *, replay: bool = False) -> None:
        """Queue a dispatch for the client."""
        ...

    def push_op(self, op: int, data: object) -> None:
        """Queue a payload that is not a dispatch."""
        ...

    def close_soon(self, code: int, reason: str) -> None:
        """Close after what is queued has been sent."""
        ...

    def reset(self, *, mid_frame: bool = False) -> None:
        """Break the TCP connection without a goodbye."""
        ...


@dataclass(slots=True)
class Session:
    """One event stream for ``[shard_id, shard_count]`` of one application."""

    id: str
    app_id: int
    shard_id: int
    shard_count: int
    intents: int
    codec: str
    properties: Json
    buffer: ReplayBuffer
    created_at: float
    seq: int = 0
    socket: Socket | None = None
    source: str = ""
    attached_at: float = 0.0
    detached_at: float | None = None
    resumes: int = 0
    dead: str | None = None
    guilds: set[int] = field(default_factory=set)
    """Guilds the session was told about; the others come as a new GUILD_CREATE."""

    def dispatch(self, event: str, event_id: int, data: bytes, now: float) -> Frame:
        """Give ``data`` the next sequence, keep it for replay, and queue it when there is a socket.

        Parameters
        ----------
        event, event_id
            Name of the event and the world's number for it.
        data
            The ``d`` part, JSON.
        now
            Monotonic seconds.
        """
        self.seq += 1
        frame = Frame(self.seq, now, event, event_id, _payload(event, self.seq, data))
        self.buffer.add(frame)
        if self.socket is not None:
            self.socket.push(frame)
        return frame

    def replay_to(self, socket: Socket, frames: tuple[Frame, ...], now: float) -> None:
        """Send ``frames`` again through ``socket``, then RESUMED with a sequence of its own.

        RESUMED itself is not kept: a later RESUME replays events, not the news that an earlier
        replay was over. Nothing awaits between here and the next dispatch, so no live event can
        slip into the middle of a replay.
        """
        for frame in frames:
            socket.push(frame, replay=True)
        self.seq += 1
        done = Frame(self.seq, now, "RESUMED", 0, _payload("RESUMED", self.seq, b'{"_trace":[]}'))
        socket.push(done)


def _payload(event: str, seq: int, data: bytes) -> bytes:
    return b'{"t":%b,"s":%d,"op":0,"d":%b}' % (dumps(event), seq, data)
