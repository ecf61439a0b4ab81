"""Leases in Postgres: the statements, and the loop that keeps them.

Postgres alone decides who owns a shard. The statements are batched over rows; today one row (id 0)
stands for all shards of a bot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import asyncpg
import structlog

from vertice_bot.clock import Clock
from vertice_bot.gateway.ownership import (
    Claim,
    Ownership,
    Release,
    Renewal,
    RowState,
    Seen,
    Take,
)
from vertice_bot.telemetry.metrics import Metrics

CHANNEL = "vertice_shard"
"""Channel of the hint that a row was released; a lost hint costs time, never safety."""

SCAN_SECONDS = 0.5
"""How often a standby looks, at most; it looks at once when a lease is about to expire."""

_log = structlog.get_logger(__name__)

ENSURE = """
INSERT INTO vertice.shard (bot, id) SELECT $1, unnest($2::int[]) ON CONFLICT DO NOTHING
"""
READ = """
SELECT id, owner, epoch, rev, lease_until,
       (owner IS NULL OR lease_until IS NULL OR lease_until < now()) AS takeable,
       extract(epoch FROM lease_until - now())::float8 AS expires_in
FROM vertice.shard WHERE bot = $1 AND id = ANY($2::int[]) ORDER BY id
"""
LOCK = READ.rstrip() + " FOR UPDATE"
OWN = """
UPDATE vertice.shard AS s
SET owner = $2, epoch = s.epoch + 1, rev = s.rev + 1,
    lease_until = now() + make_interval(secs => $3)
WHERE s.bot = $1 AND s.id = ANY($4::int[])
RETURNING s.id, s.epoch, s.rev
"""
RENEW = """
UPDATE vertice.shard AS s
SET lease_until = now() + make_interval(secs => $3), rev = c.rev
FROM unnest($4::int[], $5::bigint[], $6::bigint[]) AS c(id, epoch, rev)
WHERE s.bot = $1 AND s.id = c.id AND s.owner = $2 AND s.epoch = c.epoch AND s.rev < c.rev
RETURNING s.id
"""
RELEASE = """
UPDATE vertice.shard AS s SET owner = NULL
FROM unnest($3::int[], $4::bigint[]) AS c(id, epoch)
WHERE s.bot = $1 AND s.id = c.id AND s.owner = $2 AND s.epoch = c.epoch
RETURNING s.id
"""


class LeaseStore:
    """The statements of one process, on a connection of its own.

    Parameters
    ----------
    bot:
        ``<namespace>/<name>``.
    owner:
        Name of this process start, not of the pod.
    ttl:
        Seconds a lease lives.
    lock_seconds:
        How long a take waits for effects under way; less than a request may take.
    """

    def __init__(self, bot: str, owner: str, ttl: float, lock_seconds: float = 1.0) -> None:
        self.bot = bot
        self.owner = owner
        self.ttl = ttl
        self._lock_timeout = f"SET LOCAL lock_timeout = {max(1, int(lock_seconds * 1000))}"

    async def ensure(self, connection: Any, rows: Sequence[int]) -> None:
        """Make missing rows, released."""
        await connection.execute(ENSURE, self.bot, list(rows))

    async def read(self, connection: Any, rows: Sequence[int]) -> list[Seen]:
        """Read rows as they are (rule 4a)."""
        return [_seen(r) for r in await connection.fetch(READ, self.bot, list(rows))]

    async def renew(self, connection: Any, renewal: Renewal) -> set[int]:
        """Renew in one statement (rule 3); gives the rows that were renewed."""
        answer = await connection.fetch(
            RENEW,
            self.bot,
            self.owner,
            self.ttl,
            [c.row for c in renewal.claims],
            [c.epoch for c in renewal.claims],
            [c.rev for c in renewal.claims],
        )
        return {record["id"] for record in answer}

    async def take(self, connection: Any, take: Take) -> dict[int, Claim]:
        """Take rows that are still as they were seen (rule 4b).

        The lock is ``FOR UPDATE``: it waits for effects of the old owner, which hold the row
        ``FOR KEY SHARE``, so none of them can commit after the epoch has moved.
        """
        remembered = {seen.row: seen for seen in take.rows}
        async with connection.transaction():
            await connection.execute(self._lock_timeout)
            locked = await connection.fetch(LOCK, self.bot, sorted(remembered))
            free = [
                seen.row
                for seen in map(_seen, locked)
                if seen.takeable and seen.same_as(remembered[seen.row])
            ]
            if not free:
                return {}
            rows = await connection.fetch(OWN, self.bot, self.owner, self.ttl, free)
        return {r["id"]: Claim(r["id"], r["epoch"], r["rev"]) for r in rows}

    async def release(self, connection: Any, release: Release) -> None:
        """Give rows back and say so (rule 5)."""
        answer = await connection.fetch(
            RELEASE,
            self.bot,
            self.owner,
            [c.row for c in release.claims],
            [c.epoch for c in release.claims],
        )
        if answer:
            await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, self.bot)


def _seen(record: Any) -> Seen:
    return Seen(
        row=record["id"],
        owner=record["owner"],
        epoch=record["epoch"],
        rev=record["rev"],
        lease_until=record["lease_until"],
        takeable=record["takeable"],
        expires_in=record["expires_in"] if record["owner"] is not None else None,
    )


class Watcher(Protocol):
    """Who is told about changes of ownership."""

    def __call__(self, row: int, state: RowState) -> None:
        """Take note that a row is in another state now; must not block."""
        ...


class LeaseKeeper:
    """Takes, renews and releases; one request in flight at a time.

    Parameters
    ----------
    store:
        The statements.
    ownership:
        The rules.
    connect:
        Opens a connection; called again after each failure.
    rows:
        Rows to try for.
    clock:
        CLOCK_BOOTTIME in production.
    metrics:
        Counts transitions.
    is_outage:
        Says of an exception whether the database is away.
    """

    def __init__(
        self,
        store: LeaseStore,
        ownership: Ownership,
        *,
        connect: Callable[[], Awaitable[Any]],
        rows: Sequence[int],
        clock: Clock,
        metrics: Metrics,
        is_outage: Callable[[BaseException], bool],
    ) -> None:
        self._store = store
        self._ownership = ownership
        self._connect = connect
        self._rows = tuple(rows)
        self._clock = clock
        self._metrics = metrics
        self._is_outage = is_outage
        self._connection: Any = None
        self._hint = asyncio.Event()
        self._watchers: list[Watcher] = []
        self._shown = dict.fromkeys(self._rows, RowState.FREE)
        self._taking = True
        self.reachable = False

    def watch(self, watcher: Watcher) -> None:
        """Tell a function about each change."""
        self._watchers.append(watcher)

    def stop_taking(self) -> None:
        """Take nothing more; what is held is still renewed."""
        self._taking = False

    async def run(self) -> None:
        """Keep leases until cancelled; look at the deadlines meanwhile."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look())
            group.create_task(self._keep())

    async def _look(self) -> None:
        # The deadline is checked by every act itself; this only tells those who must react.
        while True:
            self._show()
            await asyncio.sleep(0.05)

    def _show(self) -> None:
        now = self._clock()
        for row in self._rows:
            state = self._ownership.state(row, now)
            if state is self._shown[row]:
                continue
            _log.info("ownership changed", row=row, old=self._shown[row].value, new=state.value)
            self._shown[row] = state
            self._metrics.lease_transitions.labels(kind=state.value).inc()
            for watcher in self._watchers:
                watcher(row, state)

    async def _keep(self) -> None:
        while True:
            started = self._clock()
            wait = self._ownership.times.renew
            try:
                wait = await self._step()
                self.reachable = True
            except asyncpg.LockNotAvailableError:
                # An effect of the old owner is under way; its server ends it within seconds.
                _log.info("row is busy; trying again")
                self.reachable = True
                wait = SCAN_SECONDS
            except Exception as error:
                if not self._refused(error):
                    raise
                self.reachable = False
                _log.warning("lease store does not serve", error=type(error).__name__)
                await self._drop()
                wait = SCAN_SECONDS
            self._show()
            await self._pause(max(0.0, wait - (self._clock() - started)))

    def _refused(self, error: Exception) -> bool:
        # Also a server that answers and refuses, such as a read-only one during a fail-over.
        return self._is_outage(error) or isinstance(
            error, (asyncpg.PostgresError, asyncpg.InterfaceError)
        )

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._hint.wait(), seconds)
        except TimeoutError:
            return
        self._hint.clear()

    async def _step(self) -> float:
        """Make one request; give the seconds from its start to the next one."""
        times = self._ownership.times
        connection = await self._connected()
        renewal = self._ownership.start_renewal(self._clock())
        if renewal is not None:
            await self._renew(connection, renewal)
            return times.renew
        if not self._taking:
            return times.renew
        async with asyncio.timeout(times.renew):
            seen = await self._store.read(connection, self._rows)
        take = self._ownership.start_take(seen, self._clock())
        if take is not None:
            await self._take(connection, take)
            return times.renew if self._ownership.rows else 0.05
        soonest = min((s.expires_in or 0.0 for s in seen), default=SCAN_SECONDS)
        return min(max(soonest + 0.01, 0.05), SCAN_SECONDS, times.renew / 2)

    async def _renew(self, connection: Any, renewal: Renewal) -> None:
        try:
            async with asyncio.timeout(self._ownership.times.renew):
                renewed = await self._store.renew(connection, renewal)
        except BaseException:
            self._ownership.abandon(renewal)
            raise
        # Else a deadline that passed since the last look would go unseen, and with it the events
        # that were held back meanwhile.
        self._show()
        lost = self._ownership.finish_renewal(renewal, renewed, self._clock())
        if lost:
            _log.warning("lease lost: another owner has the row", rows=sorted(lost))
            self._metrics.lease_transitions.labels(kind="lost").inc(len(lost))

    async def _take(self, connection: Any, take: Take) -> None:
        try:
            async with asyncio.timeout(self._ownership.times.renew):
                taken = await self._store.take(connection, take)
        except BaseException:
            self._ownership.abandon(take)
            raise
        self._ownership.finish_take(take, taken, self._clock())

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            async with asyncio.timeout(self._ownership.times.renew):
                connection = await self._connect()
                self._connection = connection
                await self._store.ensure(connection, self._rows)
                await connection.add_listener(CHANNEL, self._hinted)
        return self._connection

    def _hinted(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        if payload == self._store.bot and not self._ownership.rows:
            self._hint.set()

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def release(self) -> None:
        """Give everything back; call it after :meth:`run` was cancelled.

        A database that does not answer costs nothing but time: the lease then expires by itself.
        """
        release = self._ownership.start_release(self._ownership.rows)
        self._show()
        try:
            if release.claims:
                async with asyncio.timeout(self._ownership.times.renew):
                    await self._store.release(await self._connected(), release)
        except Exception as error:
            if not self._refused(error):
                raise
            _log.warning("lease could not be released; it expires by itself")
        finally:
            await self._drop()
