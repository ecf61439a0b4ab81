"""The gate between discord.py's reader and its parsers."""

from __future__ import annotations

from typing import Any

import pytest
import yarl
from discord.gateway import KeepAliveHandler, WebSocketClosure

from vertice_bot.gateway import socket as gated
from vertice_bot.gateway.socket import GatedSocket, Parser, socket_class
from vertice_bot.gateway.watermark import Watermark


class Owner:
    def __init__(self) -> None:
        self.valid = True
        self.delivered: list[tuple[str, Any]] = []
        self.seen: list[str] = []
        self.gaps: list[int] = []
        self.overflows: list[int] = []
        self.socket: GatedSocket | None = None
        self.mark = Watermark()

    def allowed(self) -> bool:
        return self.valid

    def received(self, name: str, data: Any, sequence: int | None) -> None:
        self.seen.append(name)

    def deliver(self, name: str, parser: Parser, data: Any, sequence: int | None) -> None:
        parser(data)
        self.delivered.append((name, data))

    def gap(self, missing: int) -> None:
        self.gaps.append(missing)

    def overflow(self, sequence: int) -> None:
        self.overflows.append(sequence)
        raise WebSocketClosure

    def opened(self, socket: GatedSocket) -> None:
        self.socket = socket

    def careful(self) -> bool:
        return False

    def begin(self, sequence: int) -> bool:
        return self.mark.begin(sequence)

    def end(self, sequence: int) -> None:
        self.mark.end(sequence)

    async def may_resume(self) -> int:
        return 0


@pytest.fixture
def owner() -> Owner:
    return Owner()


@pytest.fixture
def ws(owner: Owner) -> GatedSocket:
    made = socket_class(owner, yarl.URL("wss://x"))(None, loop=None)
    made._discord_parsers = dict.fromkeys(
        ("MESSAGE_CREATE", "INTERACTION_CREATE", "GUILD_CREATE"), lambda data: None
    )
    made.shard_id = 0
    made._dispatch = lambda *args: None
    return made


async def frame(ws: GatedSocket, name: str, seq: int, data: Any = None) -> None:
    import json

    await ws.received_message(json.dumps({"op": 0, "t": name, "s": seq, "d": data or seq}))


async def test_an_acknowledgement_before_the_sender_looks_is_not_a_long_latency(
    ws: GatedSocket,
) -> None:
    ws._max_heartbeat_timeout = 60.0
    beat = KeepAliveHandler(ws=ws, interval=41.25, shard_id=0)
    beat._last_send -= 41.25  # when the beat before was sent

    class ShortWire:
        async def send_str(self, _: str) -> None:
            beat.ack()

    ws._keep_alive, ws.socket = beat, ShortWire()
    await ws.send_heartbeat(beat.get_payload())
    assert 0 <= beat.latency < 1


async def test_events_pass_in_order(ws: GatedSocket, owner: Owner) -> None:
    for seq in (1, 2, 3):
        await frame(ws, "MESSAGE_CREATE", seq)
    assert owner.delivered == [("MESSAGE_CREATE", n) for n in (1, 2, 3)]
    assert ws.sequence == 3
    assert owner.socket is ws
    assert owner.mark.done == 3


async def test_unknown_events_are_not_counted(ws: GatedSocket, owner: Owner) -> None:
    await frame(ws, "SOMETHING_NEW", 1)
    assert owner.seen == []
    assert ws.sequence == 1
    assert owner.mark.done == 1


async def test_missing_numbers_are_counted(ws: GatedSocket, owner: Owner) -> None:
    for seq in (1, 2, 6):
        await frame(ws, "MESSAGE_CREATE", seq)
    assert owner.gaps == [3]


async def test_parked_events_wait_and_come_in_order(ws: GatedSocket, owner: Owner) -> None:
    await frame(ws, "MESSAGE_CREATE", 1)
    owner.valid = False
    await frame(ws, "MESSAGE_CREATE", 2)
    await frame(ws, "INTERACTION_CREATE", 3)
    assert owner.delivered == [("MESSAGE_CREATE", 1), ("INTERACTION_CREATE", 3)]
    owner.valid = True
    # Valid again but not yet emptied: a new event must not overtake the waiting ones.
    await frame(ws, "MESSAGE_CREATE", 4)
    assert ws.parked == 2
    # What waits is not done, though a later event is.
    assert (owner.mark.done, owner.mark.received) == (1, 4)
    ws.unpark()
    assert [d for _, d in owner.delivered] == [1, 3, 2, 4]
    assert ws.parked == 0
    assert owner.mark.done == 4


async def test_unparking_stops_when_it_is_not_allowed(ws: GatedSocket, owner: Owner) -> None:
    owner.valid = False
    await frame(ws, "MESSAGE_CREATE", 1)
    ws.unpark()
    assert ws.parked == 1
    assert owner.delivered == []


async def test_a_full_buffer_is_given_up_for_a_replay(
    ws: GatedSocket, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gated, "MAX_PARKED", 3)
    owner.valid = False
    for seq in (11, 12, 13):
        await frame(ws, "MESSAGE_CREATE", seq)
    with pytest.raises(WebSocketClosure):
        await frame(ws, "MESSAGE_CREATE", 14)
    assert owner.overflows == [10]
    assert ws.parked == 0
