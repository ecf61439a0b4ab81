"""Events that cannot be read, or end the process: kept, counted, never a crash loop."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yarl

from dev.testing.postgres import PostgresDatabase
from vertice_bot.clock import boottime
from vertice_bot.db.pool import Database
from vertice_bot.gateway.dead_letters import MAX_ATTEMPTS, DeadLetters
from vertice_bot.gateway.identify import SPACING_SECONDS, GatewayInfo, IdentifyTurns, SharedTurns
from vertice_bot.gateway.runner import CAREFUL_CRASHES, RunnerParts, ShardRunner
from vertice_bot.gateway.session import SessionRecord
from vertice_bot.gateway.socket import GatedSocket, socket_class
from vertice_bot.gateway.work import EventContext, Holds
from vertice_bot.settings import DatabaseSettings
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.metrics import Metrics

BOT = "demo/bot"
INFO = GatewayInfo("wss://x", 1, 1000, 1000, 3600.0, 1)


@pytest.fixture
async def database(migrated: PostgresDatabase) -> AsyncIterator[Database]:
    metrics = Metrics()
    settings = DatabaseSettings(
        host=migrated.host,
        port=migrated.port,
        name=migrated.name,
        user=migrated.user,
        user_file=None,
        password_file=None,
    )
    made = Database(settings, metrics, Degraded(metrics))
    await made.open()
    yield made
    await made.close()


class Notes:
    """As the fleet has them, without the guilds."""

    def __init__(self, letters: DeadLetters) -> None:
        self.letters = letters

    def structure(self, context: EventContext, data: Any) -> None:
        pass

    def unreadable(self, context: EventContext, data: Any, error: Exception) -> None:
        self.letters.unreadable(context, data, error)

    async def attempt(self, context: EventContext, data: Any) -> bool:
        return await self.letters.attempt(context, data)

    async def survived(self, context: EventContext) -> None:
        await self.letters.survived(context)


class Nobody:
    def identified(self, shard: int) -> None:
        pass

    def live(self, shard: int, by: str) -> None:
        pass

    def session_lost(self, shard: int, why: str) -> None:
        pass


async def info() -> GatewayInfo:
    return INFO


def make(database: Database, crashes: int = 0) -> tuple[ShardRunner, GatedSocket, DeadLetters]:
    metrics = Metrics()
    letters = DeadLetters(BOT, database, metrics)
    parts = RunnerParts(
        client=None,  # type: ignore[arg-type]  # not used without a connection
        epoch=lambda _shard: 4,
        gateway_info=info,
        gateway_url=None,
        turns=IdentifyTurns(boottime),
        metrics=metrics,
        clock=boottime,
        fingerprint=lambda: "same",
        told=Nobody(),
        notes=Notes(letters),
    )
    record = SessionRecord("s1", "wss://resume", 40, 44, "same", crashes)
    runner = ShardRunner(0, parts, epoch=4, record=record)
    ws = socket_class(runner, yarl.URL("wss://x"))(None, loop=None)
    ws.shard_id, ws.session_id = 0, "s1"
    ws._last = 40
    ws._dispatch = lambda *args: None
    runner.ws = ws
    return runner, ws, letters


async def frame(ws: GatedSocket, name: str, seq: int, data: Any) -> None:
    await ws.received_message(json.dumps({"op": 0, "t": name, "s": seq, "d": data}))


async def test_an_event_that_cannot_be_read_is_kept_and_the_next_one_is_handled(
    database: Database,
) -> None:
    runner, ws, letters = make(database)
    got = []

    def parser(data: Any) -> None:
        got.append(data["id"])

    ws._discord_parsers = {"GUILD_MEMBER_ADD": parser}
    await frame(ws, "GUILD_MEMBER_ADD", 41, {"nothing": "useful"})
    await frame(ws, "GUILD_MEMBER_ADD", 42, {"id": "2"})
    assert got == ["2"]
    # Not done before it is stored: a crash must not lose the only trace of it.
    assert (runner.mark.done, runner.mark.received) == (40, 42)
    await letters.flush()
    assert runner.mark.done == 42
    (row,) = await database.fetch("SELECT * FROM vertice.dead_letter")
    assert (row["session_id"], row["seq"], row["epoch"]) == ("s1", 41, 4)
    assert (row["name"], row["reason"]) == ("GUILD_MEMBER_ADD", "KeyError")
    assert "nothing" in row["payload"]
    assert "Traceback" in row["detail"]


async def test_an_event_that_ended_the_process_twice_is_skipped(database: Database) -> None:
    got: list[str] = []
    for death in range(MAX_ATTEMPTS):
        # As in a process that dies in the handler of 42: what came before it was handled.
        _, _, letters = make(database, CAREFUL_CRASHES + death)
        for seq in (41, 42):
            context = EventContext(0, 4, "s1", seq, "MESSAGE_UPDATE")
            assert await letters.attempt(context, {})
            if seq == 41:
                await letters.survived(context)
    runner, ws, letters = make(database, CAREFUL_CRASHES)
    ws._discord_parsers = {
        "MESSAGE_UPDATE": lambda data: got.append(data["id"]),
        "RESUMED": lambda data: None,
    }
    for seq in (41, 42, 43):
        await frame(ws, "MESSAGE_UPDATE", seq, {"id": str(seq)})
    await frame(ws, "RESUMED", 44, {})
    await frame(ws, "MESSAGE_UPDATE", 45, {"id": "45"})
    assert got == []
    await runner._handle_carefully(ws)
    await letters.flush()
    assert got == ["41", "43", "45"]
    (row,) = await database.fetch("SELECT * FROM vertice.dead_letter")
    assert (row["seq"], row["reason"]) == (42, "EndedTheProcess")
    assert (runner.mark.done, runner.mark.received) == (45, 45)
    assert not runner.careful()
    await frame(ws, "MESSAGE_UPDATE", 46, {"id": "46"})
    assert got[-1] == "46"


async def test_replicas_take_turns_to_identify(database: Database) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    replicas = [SharedTurns(BOT, database, boottime, sleep) for _ in range(3)]
    for turns in replicas:
        assert await turns.turn(0, info) == INFO
    assert [round(s / SPACING_SECONDS) for s in slept] == [1, 2]
    # Another bot has its own buckets.
    await SharedTurns("demo/other", database, boottime, sleep).turn(0, info)
    assert len(slept) == 2


async def test_letters_do_not_stay_for_ever(database: Database) -> None:
    _, _, letters = make(database)
    letters.add(EventContext(0, 4, "s1", 41, "X"), {}, "Reason", "")
    await letters.flush()
    await letters.prune()
    assert await database.fetchval("SELECT count(*) FROM vertice.dead_letter") == 1
    await database.execute("UPDATE vertice.dead_letter SET at = now() - interval '8 days'")
    await letters.prune()
    assert await database.fetchval("SELECT count(*) FROM vertice.dead_letter") == 0


async def test_events_held_in_careful_mode_come_again_with_the_next_connection(
    database: Database,
) -> None:
    """Else they would wait for ever, and the shard with them."""
    runner, ws, _ = make(database, CAREFUL_CRASHES)
    ws._discord_parsers = {"MESSAGE_UPDATE": lambda data: None}
    for seq in (41, 42, 43):
        await frame(ws, "MESSAGE_UPDATE", seq, {"id": str(seq)})
    runner._remember()
    assert ws.parked == 0
    record = runner.record()
    assert record is not None
    assert (record.done, record.received) == (40, 40)
    await runner._until_allowed()


async def test_careful_mode_does_not_wait_for_what_is_written_in_batches(
    database: Database,
) -> None:
    runner, ws, _ = make(database, CAREFUL_CRASHES)
    holds = Holds()
    ws._discord_parsers = {"MESSAGE_UPDATE": lambda data: holds.hold()}
    for seq in (41, 42):
        await frame(ws, "MESSAGE_UPDATE", seq, {"id": str(seq)})
    started = time.monotonic()
    await runner._handle_carefully(ws)
    assert ws.parked == 0
    assert time.monotonic() - started < 2.0
    assert runner.mark.done == 40
    holds.release()
    assert runner.mark.done == 42
    assert await database.fetchval("SELECT count(*) FROM vertice.replay_attempt") == 0
