"""One connection to the gateway, with a gate between discord.py's reader and its parsers.

discord.py looks up a parser by event name and calls it; this class hands it parsers of its own, so
each event passes one place where it is counted, marked with its origin, held back while ownership
cannot be proved, and kept from killing the whole client when it cannot be read.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from discord.gateway import DiscordWebSocket

Parser = Callable[[Any], None]

MAX_PARKED = 5000
"""Events held back while parked; beyond it the connection is closed and later resumed."""

PASSES_WHILE_PARKED = frozenset({"INTERACTION_CREATE"})
"""Discord accepts one answer to an interaction, so answering twice cannot happen."""


class SocketOwner(Protocol):
    """What a socket needs of its runner."""

    def allowed(self) -> bool:
        """Say whether ownership is provable at this moment."""
        ...

    def careful(self) -> bool:
        """Say whether the owner wants to handle held events one at a time."""
        ...

    def received(self, name: str, data: Any, sequence: int | None) -> None:
        """Count an event."""
        ...

    def deliver(self, name: str, parser: Parser, data: Any, sequence: int | None) -> None:
        """Run a parser in the event's context, and survive its failure."""
        ...

    def gap(self, missing: int) -> None:
        """Take note of sequence numbers that never came."""
        ...

    def overflow(self, sequence: int) -> None:
        """Take note that the buffer is full; resume later from ``sequence``."""
        ...

    def opened(self, socket: GatedSocket) -> None:
        """Take note of a socket before anything is read, so that it can be closed."""
        ...

    def begin(self, sequence: int) -> bool:
        """Open an event; it is done when it was closed as often."""
        ...

    def end(self, sequence: int) -> None:
        """Close an event."""
        ...

    async def may_resume(self) -> int:
        """Wait until the session is ours; gives the sequence number to resume from."""
        ...


class GatedSocket(DiscordWebSocket):
    """A socket whose events go through its owner; made by :func:`socket_class`."""

    owner: SocketOwner

    def __init__(self, *args: Any, **options: Any) -> None:
        self._last: int | None = None
        self._gated: dict[str, Callable[..., Any]] = {}
        self._parked: deque[tuple[str, Parser, Any, int | None]] = deque()
        self._reading = False
        self._open: int | None = None
        super().__init__(*args, **options)
        self.owner.opened(self)

    @property
    def sequence(self) -> int | None:
        """The last sequence number that was read."""
        return self._last

    @sequence.setter
    def sequence(self, value: int | None) -> None:
        if value is not None and self._last is not None and value > self._last + 1:
            self.owner.gap(value - self._last - 1)
        self._last = value
        if self._reading and value is not None and self._open is None and self.owner.begin(value):
            self._open = value

    async def received_message(self, msg: Any, /) -> None:
        """Read one frame; its event stays open at least until its parser has run."""
        self._reading = True
        try:
            await super().received_message(msg)
        finally:
            self._reading = False
            sequence, self._open = self._open, None
            if sequence is not None:
                self.owner.end(sequence)

    async def resume(self) -> None:
        """Send RESUME once the session is ours: until then only HELLO was exchanged."""
        try:
            sequence = await self.owner.may_resume()
        except BaseException:
            # Else the socket and its keep-alive thread would have no owner.
            await self.close(4000)
            raise
        self._last = sequence
        await super().resume()

    @property
    def _discord_parsers(self) -> dict[str, Callable[..., Any]]:
        return self._gated

    @_discord_parsers.setter
    def _discord_parsers(self, parsers: Mapping[str, Parser]) -> None:
        self._gated = {name: self._gate(name, parser) for name, parser in parsers.items()}

    async def send_heartbeat(self, data: Any) -> None:
        """Send a heartbeat, and time it from before it is sent.

        discord.py's keep-alive thread takes the time when it learns that the beat was sent. On a
        short wire the acknowledgement is there first, and the latency would be a whole interval.
        """
        if self._keep_alive is not None:
            self._keep_alive._last_send = time.perf_counter()
        await super().send_heartbeat(data)

    def _gate(self, name: str, parser: Parser) -> Parser:
        def gated(data: Any) -> None:
            sequence = self._last
            self.owner.received(name, data, sequence)
            careful = self.owner.careful()
            held = self._parked or careful or not self.owner.allowed()
            if held and (careful or name not in PASSES_WHILE_PARKED):
                self._park(name, parser, data, sequence)
            else:
                self.owner.deliver(name, parser, data, sequence)

        return gated

    def _park(self, name: str, parser: Parser, data: Any, sequence: int | None) -> None:
        if len(self._parked) >= MAX_PARKED:
            first = next((item[3] for item in self._parked if item[3] is not None), 1)
            self.forget()
            self.owner.overflow(first - 1)
            return
        if sequence is not None:
            self.owner.begin(sequence)
        self._parked.append((name, parser, data, sequence))

    def forget(self) -> None:
        """Drop what is held back: a RESUME will bring it again, here or elsewhere."""
        self._parked.clear()

    def first_parked(self) -> tuple[str, Parser, Any, int | None]:
        """Give the oldest event that is held back; it stays open until it is dropped."""
        return self._parked[0]

    def drop_first_parked(self) -> None:
        """Let go of the oldest held event."""
        item = self._parked.popleft()
        if item[3] is not None:
            self.owner.end(item[3])

    @property
    def parked(self) -> int:
        """Events that are held back."""
        return len(self._parked)

    def unpark(self) -> None:
        """Deliver what was held back, in order, as long as it is allowed."""
        while self._parked and self.owner.allowed():
            item = self._parked.popleft()
            self.owner.deliver(*item)
            if item[3] is not None:
                self.owner.end(item[3])


def socket_class(owner: SocketOwner, default_gateway: Any) -> type[GatedSocket]:
    """Make the socket class of one runner; ``from_client`` is a class method, hence a class."""
    return type("OwnedSocket", (GatedSocket,), {"owner": owner, "DEFAULT_GATEWAY": default_gateway})
