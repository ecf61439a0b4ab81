"""The lease's statements and loop on a real Postgres."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import asyncpg
import pytest

from dev.testing.postgres import PostgresDatabase
from vertice_bot.clock import boottime
from vertice_bot.db.errors import is_outage
from vertice_bot.gateway import keeper as keepers
from vertice_bot.gateway.hints import HintLine
from vertice_bot.gateway.keeper import KeeperParts, LeaseKeeper
from vertice_bot.gateway.lease import LeaseStore
from vertice_bot.gateway.ownership import Claim, LeaseTimes, Ownership, Release, Renewal, Take
from vertice_bot.gateway.session import SessionRecord
from vertice_bot.telemetry.metrics import Metrics

BOT = "demo/bot"
TTL = 6.0
ROWS = (0, 1, 2)


@pytest.fixture
async def connect(migrated: PostgresDatabase) -> AsyncIterator[Callable[[], object]]:
    opened: list[asyncpg.Connection] = []

    async def make() -> asyncpg.Connection:
        connection = await asyncpg.connect(migrated.dsn)
        opened.append(connection)
        return connection

    yield make
    for connection in opened:
        if not connection.is_closed():
            await connection.close()


async def taken(store: LeaseStore, connection: asyncpg.Connection) -> dict[int, Claim]:
    await store.ensure(connection, ROWS)
    seen = await store.read(connection, ROWS)
    grant = await store.take(connection, Take(0.0, tuple(s for s in seen if s.takeable)))
    return dict(grant.claims)


async def test_take_renew_release_in_batches(connect: Callable[[], object]) -> None:
    connection = await connect()
    store = LeaseStore(BOT, "a", TTL)
    claims = await taken(store, connection)
    assert {row: claim.epoch for row, claim in claims.items()} == {0: 1, 1: 1, 2: 1}
    renewal = Renewal(0.0, tuple(Claim(c.row, c.epoch, c.rev + 1) for c in claims.values()))
    assert await store.renew(connection, renewal) == set(ROWS)
    # The same renewal, late: rev is not smaller any more, so it changes nothing.
    assert await store.renew(connection, renewal) == set()
    await store.release(connection, Release(renewal.claims))
    assert [s.owner for s in await store.read(connection, ROWS)] == [None, None, None]


async def test_a_valid_lease_is_not_taken(connect: Callable[[], object]) -> None:
    connection = await connect()
    await taken(LeaseStore(BOT, "a", TTL), connection)
    seen = await LeaseStore(BOT, "b", TTL).read(connection, ROWS)
    assert not any(s.takeable for s in seen)
    assert all(0 < (s.expires_in or 0) <= TTL for s in seen)


async def test_an_expired_lease_is_taken_and_the_old_owner_loses(
    connect: Callable[[], object],
) -> None:
    connection = await connect()
    old = LeaseStore(BOT, "a", 0.05)
    claims = await taken(old, connection)
    await until_expired(connection)
    assert (await taken(LeaseStore(BOT, "b", TTL), connection))[0].epoch == 2
    late = Renewal(0.0, (Claim(0, claims[0].epoch, claims[0].rev + 1),))
    assert await old.renew(connection, late) == set()
    await old.release(connection, Release(late.claims))
    assert (await old.read(connection, (0,)))[0].owner == "b"


async def test_a_row_that_changed_since_it_was_read_is_not_taken(
    connect: Callable[[], object],
) -> None:
    connection = await connect()
    a, b = LeaseStore(BOT, "a", 0.05), LeaseStore(BOT, "b", TTL)
    claims = await taken(a, connection)
    await until_expired(connection)
    remembered = await b.read(connection, (0,))
    # The old owner revives with a lease that has run out again by the time b tries.
    await a.renew(connection, Renewal(0.0, (Claim(0, 1, claims[0].rev + 1),)))
    await until_expired(connection)
    assert (await b.take(connection, Take(0.0, tuple(remembered)))).claims == {}


async def test_twenty_takers_make_one_owner(connect: Callable[[], object]) -> None:
    connections = [await connect() for _ in range(20)]
    stores = [LeaseStore(BOT, f"p{i}", TTL) for i in range(20)]
    await stores[0].ensure(connections[0], ROWS)
    seen = tuple(await stores[0].read(connections[0], ROWS))
    results = await asyncio.gather(
        *(s.take(c, Take(0.0, seen)) for s, c in zip(stores, connections, strict=True))
    )
    assert sum(0 in r.claims for r in results) == 1
    rows = await connections[0].fetch("SELECT epoch FROM vertice.shard")
    assert [r["epoch"] for r in rows] == [1, 1, 1]


async def test_an_effect_under_way_delays_a_take_but_no_renewal(
    connect: Callable[[], object],
) -> None:
    effect, other = await connect(), await connect()
    store = LeaseStore(BOT, "a", TTL)
    claims = await taken(store, other)
    transaction = effect.transaction()
    await transaction.start()
    await effect.fetchval(
        "SELECT epoch FROM vertice.shard WHERE bot = $1 AND id = 0 FOR KEY SHARE", BOT
    )
    renewal = Renewal(0.0, (Claim(0, 1, claims[0].rev + 1),))
    assert await asyncio.wait_for(store.renew(other, renewal), 1.0) == {0}
    await other.execute("UPDATE vertice.shard SET lease_until = now() - interval '1 second'")
    taker = LeaseStore(BOT, "b", TTL)
    seen = tuple(await taker.read(other, (0,)))
    with pytest.raises(asyncpg.LockNotAvailableError):
        await taker.take(other, Take(0.0, seen))
    await transaction.commit()
    assert 0 in (await taker.take(other, Take(0.0, seen))).claims


QUICK = LeaseTimes(3.0, 0.5, 1.0)
SLOW = LeaseTimes(20.0, 8.0, 1.0)


def keeper(
    name: str, connect: Callable[[], object], times: LeaseTimes = QUICK
) -> tuple[LeaseKeeper, Ownership]:
    ownership = Ownership(times)
    made = LeaseKeeper(
        KeeperParts(
            LeaseStore(BOT, name, times.ttl, lock_seconds=times.renew / 2),
            ownership,
            connect=connect,  # type: ignore[arg-type]
            rows=(0,),
            replica=name,
            revision="r",
            clock=boottime,
            metrics=Metrics(),
            is_outage=is_outage,
        )
    )
    made.start_taking()
    return made, ownership


async def until(condition: Callable[[], object], seconds: float = 10.0) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "condition not met in time"
        await asyncio.sleep(0.005)
    return time.monotonic() - started


async def test_two_keepers_hand_over_by_release(
    connect: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    # So slow that only the hint can be quick: a standby looks every 4 s by itself.
    monkeypatch.setattr(keepers, "SCAN_SECONDS", 10.0)
    first, mine = keeper("a", connect, SLOW)
    second, yours = keeper("b", connect, SLOW)
    a = asyncio.create_task(first.run())
    await until(lambda: mine.epoch(0, boottime()))
    b = asyncio.create_task(second.run())
    line = HintLine(LeaseStore(BOT, "b", 20.0), connect, second.refused, 2.0)  # type: ignore[arg-type]
    line.listen(lambda hint: second.poke())
    listening = asyncio.create_task(line.run())
    await until(lambda: second.reachable and line._connection is not None)
    assert yours.epoch(0, boottime()) is None
    first.stop_taking()
    a.cancel()
    await asyncio.gather(a, return_exceptions=True)
    await first.leave()
    assert await until(lambda: yours.epoch(0, boottime()) == 2) < 1.0
    for task in (b, listening):
        task.cancel()
    await asyncio.gather(b, listening, return_exceptions=True)
    await line.close()
    await second.leave()


async def test_a_silent_keeper_is_replaced_after_its_time_and_never_twice_valid(
    connect: Callable[[], object],
) -> None:
    first, mine = keeper("a", connect)
    second, yours = keeper("b", connect)
    a = asyncio.create_task(first.run())
    await until(lambda: mine.epoch(0, boottime()))
    b = asyncio.create_task(second.run())
    await until(lambda: second.reachable)
    a.cancel()
    both = 0

    def replaced() -> bool:
        nonlocal both
        now = boottime()
        both += mine.epoch(0, now) is not None and yours.epoch(0, now) is not None
        return yours.epoch(0, now) is not None

    assert await until(replaced) <= 3.0 + 0.5
    assert both == 0
    b.cancel()
    await asyncio.gather(a, b, return_exceptions=True)
    await second.leave()


async def test_a_busy_row_is_waited_for_and_then_taken(connect: Callable[[], object]) -> None:
    effect = await connect()
    await LeaseStore(BOT, "x", 3.0).ensure(effect, (0,))
    transaction = effect.transaction()
    await transaction.start()
    await effect.fetch("SELECT epoch FROM vertice.shard FOR KEY SHARE")
    made, ownership = keeper("a", connect)
    task = asyncio.create_task(made.run())
    await until(lambda: made.reachable or task.done())
    assert ownership.epoch(0, boottime()) is None
    await transaction.rollback()
    await until(lambda: ownership.epoch(0, boottime()) == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await made.leave()


async def test_a_read_only_server_is_waited_for(
    connect: Callable[[], object], migrated: PostgresDatabase
) -> None:
    admin = await connect()
    switch = f'ALTER DATABASE "{migrated.name}" SET default_transaction_read_only = '
    await admin.execute(switch + "on")
    made, ownership = keeper("a", connect)
    task = asyncio.create_task(made.run())
    await asyncio.wait({task}, timeout=1.0)
    assert not task.done()
    assert not made.reachable
    await admin.execute("SET default_transaction_read_only = off")
    await admin.execute(switch + "off")
    await until(lambda: ownership.epoch(0, boottime()) == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await made.leave()


async def test_a_lost_connection_is_opened_again(connect: Callable[[], object]) -> None:
    opened: list[asyncpg.Connection] = []

    async def tracking() -> asyncpg.Connection:
        opened.append(await connect())
        return opened[-1]

    made, ownership = keeper("a", tracking)
    task = asyncio.create_task(made.run())
    await until(lambda: ownership.epoch(0, boottime()))
    opened[0].terminate()
    await until(lambda: len(opened) == 2 and made.reachable)
    await until(lambda: ownership.epoch(0, boottime()) == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await made.leave()


async def until_expired(connection: asyncpg.Connection) -> None:
    while not await connection.fetchval(  # noqa: ASYNC110 - the database's clock decides
        "SELECT bool_and(lease_until < now()) FROM vertice.shard WHERE owner IS NOT NULL"
    ):
        await asyncio.sleep(0.01)


async def test_a_park_between_two_looks_is_told(connect: Callable[[], object]) -> None:
    """Events held back in it would else wait until the next change, perhaps for ever."""
    now = 100.0
    times = LeaseTimes(6.0, 2.0, 1.0)
    ownership = Ownership(times)
    made = LeaseKeeper(
        KeeperParts(
            LeaseStore(BOT, "a", times.ttl, lock_seconds=1.0),
            ownership,
            connect=connect,  # type: ignore[arg-type]
            rows=(0,),
            replica="a",
            revision="r",
            clock=lambda: now,
            metrics=Metrics(),
            is_outage=is_outage,
        )
    )
    made.start_taking()
    told: list[str] = []
    made.watch(lambda _row, state: told.append(state.value))
    await made._step()
    made.show()
    # No look happens here: the deadline passes, and the renewal succeeds soon after.
    now += times.validity + 0.01
    await made._step()
    made.show()
    await made.leave()
    assert told == ["valid", "parked", "valid", "free"]


RECORD = SessionRecord("s1", "wss://resume", 40, 42, "same")


async def test_a_session_is_saved_with_each_renewal_and_exactly_at_the_release(
    connect: Callable[[], object],
) -> None:
    connection = await connect()
    store = LeaseStore(BOT, "a", TTL)
    claims = await taken(store, connection)
    renewal = Renewal(0.0, tuple(Claim(c.row, c.epoch, c.rev + 1) for c in claims.values()))
    assert await store.renew(connection, renewal, {1: RECORD}) == set(ROWS)
    assert await store.records(connection, ROWS) == {1: RECORD}
    # A renewal that was overtaken, with an older watermark: neither renews nor saves.
    assert await store.renew(connection, renewal, {1: replace(RECORD, done=7)}) == set()
    assert (await store.records(connection, ROWS))[1].done == 40
    last = replace(RECORD, done=42)
    released = Release((renewal.claims[1],))
    assert await store.release(connection, released, {1: last}, heir="b") == {1}
    seen = await store.read(connection, (1,))
    assert (seen[0].owner, seen[0].heir) == (None, "b")
    grant = await LeaseStore(BOT, "b", TTL).take(connection, Take(0.0, tuple(seen)))
    assert grant.records == {1: last}
    # Whom the shard was taken from can save nothing any more.
    late = Renewal(0.0, (replace(renewal.claims[1], rev=99),))
    assert await store.renew(connection, late, {1: replace(RECORD, done=1)}) == set()
    assert await store.release(connection, released, {1: replace(RECORD, done=1)}) == set()
    assert (await store.records(connection, ROWS))[1].done == 42


async def test_deaths_at_one_watermark_are_counted(connect: Callable[[], object]) -> None:
    connection = await connect()

    async def die(name: str, done: int) -> int:
        """Take, save, and vanish; gives how many deaths the take found."""
        store = LeaseStore(BOT, name, TTL)
        await connection.execute("UPDATE vertice.shard SET lease_until = now() - interval '1 s'")
        seen = await store.read(connection, (0,))
        grant = await store.take(connection, Take(0.0, tuple(seen)))
        claim = grant.claims[0]
        renewal = Renewal(0.0, (replace(claim, rev=claim.rev + 1),))
        await store.renew(connection, renewal, {0: replace(RECORD, done=done)})
        return grant.records[0].crashes if grant.records else 0

    await LeaseStore(BOT, "x", TTL).ensure(connection, ROWS)
    assert await die("a", 40) == 0
    assert await die("b", 40) == 1
    assert await die("c", 40) == 2
    assert await die("d", 41) == 3
    # It got on: the next death is the first one there.
    assert await die("e", 41) == 1


async def test_members_come_and_go(connect: Callable[[], object]) -> None:
    connection = await connect()
    a, b = LeaseStore(BOT, "a", TTL), LeaseStore(BOT, "b", 0.05)
    await a.beat(connection, "pod-a", "r1", False)
    await b.beat(connection, "pod-b", "r2", True)
    found = {m.owner: m for m in await a.members(connection)}
    assert (found["a"].revision, found["a"].draining) == ("r1", False)
    assert (found["b"].revision, found["b"].draining) == ("r2", True)
    assert found["b"].joined >= found["a"].joined
    await asyncio.sleep(0.06)
    assert await b.members(connection) == []
    await a.leave(connection)
    assert [m.owner for m in await a.members(connection)] == ["b"]


async def test_leaving_gives_up_what_a_lost_answer_hid(connect: Callable[[], object]) -> None:
    connection = await connect()
    store = LeaseStore(BOT, "a", TTL)
    await taken(store, connection)
    await store.give_up(connection)
    assert all(s.takeable for s in await store.read(connection, ROWS))
