"""What a shard's runner keeps between two connections."""

from __future__ import annotations

from typing import Any

import yarl

from vertice_bot.clock import boottime
from vertice_bot.gateway.identify import GatewayInfo, IdentifyTurns
from vertice_bot.gateway.runner import RunnerParts, ShardRunner
from vertice_bot.gateway.socket import socket_class
from vertice_bot.telemetry.metrics import Metrics


async def no_info() -> GatewayInfo:
    raise AssertionError("nothing is connected here")


class Nobody:
    def identified(self, shard: int) -> None:
        pass

    def live(self, shard: int, by: str) -> None:
        pass

    def session_lost(self, shard: int, why: str) -> None:
        pass


async def test_what_a_dead_connection_held_back_is_delivered_before_the_next_one() -> None:
    """The resume begins after the last event that was read, so these would never come again."""
    epoch: int | None = None
    got: list[Any] = []
    parts = RunnerParts(
        client=None,  # type: ignore[arg-type]  # not used before a connection is opened
        epoch=lambda _shard: epoch,
        gateway_info=no_info,
        gateway_url=None,
        turns=IdentifyTurns(boottime),
        metrics=Metrics(),
        clock=boottime,
        fingerprint=lambda: "same",
        told=Nobody(),
    )
    runner = ShardRunner(0, parts, epoch=1)
    ws = socket_class(runner, yarl.URL("wss://x"))(None, loop=None)
    ws._discord_parsers = {"GUILD_CREATE": got.append}
    runner.ws = ws
    for number in (1, 2):
        ws._discord_parsers["GUILD_CREATE"](number)
    assert ws.parked == 2
    # The lease is valid again, and the runner is the first to see it.
    epoch = 1
    await runner._until_allowed()
    assert got == [1, 2]
    assert ws.parked == 0
