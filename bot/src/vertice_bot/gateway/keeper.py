"""The loop that keeps leases: renews what is held, takes what is meant for this replica.

One request is in flight at a time. What is known of the fleet (rows and members) is read in the
same loop; what is to be taken is decided by :mod:`vertice_bot.gateway.placement`.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
import structlog

from vertice_bot.clock import Clock
from vertice_bot.gateway.lease import LeaseStore
from vertice_bot.gateway.ownership import Ownership, RowState, Seen, Take
from vertice_bot.gateway.placement import Member, to_take
from vertice_bot.gateway.session import SessionRecord
from vertice_bot.telemetry.metrics import Metrics

SCAN_SECONDS = 0.5
"""How often free rows are looked for, at most; and at once when a lease is about to expire."""

_log = structlog.get_logger(__name__)


class Watcher(Protocol):
    """Who is told about changes of ownership."""

    def __call__(self, row: int, state: RowState) -> None:
        """Take note that a row is in another state now; must not block."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """The fleet as it was read last.

    Attributes
    ----------
    seen:
        All rows.
    members:
        Replicas that live.
    at:
        When it was asked for, by the local clock.
    """

    seen: tuple[Seen, ...] = ()
    members: tuple[Member, ...] = ()
    at: float = 0.0

    def owners(self) -> dict[int, str]:
        """Give who holds which row."""
        return {s.row: s.owner for s in self.seen if s.owner is not None and not s.takeable}


@dataclass(frozen=True)
class KeeperParts:
    """What a keeper works with.

    Attributes
    ----------
    store:
        The statements.
    ownership:
        The rules.
    connect:
        Opens a connection; called again after each failure.
    rows:
        All rows of the bot.
    replica, revision:
        How this process is shown to the others.
    clock:
        CLOCK_BOOTTIME in production.
    metrics:
        Counts transitions.
    is_outage:
        Says of an exception whether the database is away.
    records:
        Gives the sessions of this replica's shards as they are now.
    """

    store: LeaseStore
    ownership: Ownership
    connect: Callable[[], Awaitable[Any]]
    rows: Sequence[int]
    replica: str
    revision: str
    clock: Clock
    metrics: Metrics
    is_outage: Callable[[BaseException], bool]
    records: Callable[[], Mapping[int, SessionRecord]] = dict


class LeaseKeeper:
    """Takes, renews and releases; one request in flight at a time.

    Parameters
    ----------
    parts:
        What it works with.
    """

    def __init__(self, parts: KeeperParts) -> None:
        self._parts = parts
        self._store = parts.store
        self._ownership = parts.ownership
        self._rows = tuple(parts.rows)
        self._clock = parts.clock
        self._connection: Any = None
        self._poked = asyncio.Event()
        self._watchers: list[Watcher] = []
        self._shown = dict.fromkeys(self._rows, RowState.FREE)
        self._taking = False
        self._draining = False
        self._next_renewal = 0.0
        self._next_beat = 0.0
        self._served_since: float | None = -math.inf
        self._inherited: dict[int, SessionRecord] = {}
        self.view = View()
        self.reachable = False

    def watch(self, watcher: Watcher) -> None:
        """Tell a function about each change."""
        self._watchers.append(watcher)

    def start_taking(self) -> None:
        """Join the fleet; call it once this replica can do the work."""
        self._taking = True
        self.poke()

    def stop_taking(self) -> None:
        """Take nothing more; what is held is still renewed."""
        self._draining = True
        self._next_beat = 0.0
        self.poke()

    def poke(self) -> None:
        """Look at the rows now instead of later."""
        self._poked.set()

    def save_soon(self) -> None:
        """Renew now, which also saves the sessions."""
        self._next_renewal = 0.0
        self.poke()

    def inherited(self, row: int) -> SessionRecord | None:
        """Give the session that came with a taken row, once."""
        return self._inherited.pop(row, None)

    async def run(self) -> None:
        """Keep leases until cancelled; look at the deadlines meanwhile."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look())
            group.create_task(self._keep())

    async def _look(self) -> None:
        # The deadline is checked by every act itself; this only tells those who must react.
        while True:
            self.show()
            await asyncio.sleep(0.05)

    def show(self) -> None:
        """Tell the watchers what has changed since the last look."""
        now = self._clock()
        for row in self._rows:
            state = self._ownership.state(row, now)
            if state is self._shown[row]:
                continue
            _log.info("ownership changed", row=row, old=self._shown[row].value, new=state.value)
            self._shown[row] = state
            self._parts.metrics.lease_transitions.labels(kind=state.value).inc()
            for watcher in self._watchers:
                watcher(row, state)

    async def _keep(self) -> None:
        while True:
            started = self._clock()
            try:
                wait = await self._step()
                self.reachable = True
                if self._served_since is None:
                    self._served_since = started
            except asyncpg.LockNotAvailableError:
                # An effect of the old owner is under way; its server ends it within seconds.
                _log.info("row is busy; trying again")
                self.reachable = True
                wait = SCAN_SECONDS
            except Exception as error:
                if not self.refused(error):
                    raise
                self.reachable = False
                self._served_since = None
                _log.warning("lease store does not serve", error=type(error).__name__)
                await self.close()
                wait = SCAN_SECONDS
            self.show()
            await self._pause(max(0.0, wait - (self._clock() - started)))

    def refused(self, error: Exception) -> bool:
        """Say whether an exception means that the database does not serve us now."""
        # Also a server that answers and refuses, such as a read-only one during a fail-over.
        return self._parts.is_outage(error) or isinstance(
            error, (asyncpg.PostgresError, asyncpg.InterfaceError)
        )

    async def _pause(self, seconds: float) -> None:
        # Not wait_for: up to Python 3.11 it may swallow a cancellation that comes with a poke.
        try:
            async with asyncio.timeout(seconds):
                await self._poked.wait()
        except TimeoutError:
            return
        self._poked.clear()

    async def _step(self) -> float:
        """Make the requests that are due; give the seconds from the start to the next ones."""
        connection = await self._connected()
        started = self._clock()
        if self._ownership.rows and started >= self._next_renewal:
            self._next_renewal = started + self._ownership.times.renew
            await self._renew(connection)
        if self._taking:
            await self._look_around(connection, started)
        return self._until_next(started)

    async def _look_around(self, connection: Any, started: float) -> None:
        async with asyncio.timeout(self._ownership.times.renew):
            if started >= self._next_beat:
                self._next_beat = started + self._ownership.times.renew
                await self._store.beat(
                    connection, self._parts.replica, self._parts.revision, self._draining
                )
            seen = await self._store.read(connection, self._rows)
            members = await self._store.members(connection)
        self.view = View(tuple(seen), tuple(members), started)
        if self._draining:
            return
        chosen = to_take(seen, members, self._store.owner)
        if self._served_since is None or started - self._served_since < self._revival_seconds:
            # After an outage every lease has expired. Who still runs a shard may have it back
            # first: that costs no replay. Who is dead is replaced a little later.
            chosen = tuple(row for row in chosen if row.owner is None)
        take = self._ownership.start_take(chosen, self._clock())
        if take is not None:
            await self._take(connection, take)

    @property
    def _revival_seconds(self) -> float:
        return self._ownership.times.renew + SCAN_SECONDS

    def _until_next(self, started: float) -> float:
        times = self._ownership.times
        ends = [
            s.expires_in for s in self.view.seen if s.expires_in is not None and s.expires_in > 0
        ]
        wait = min([SCAN_SECONDS, times.renew / 2, *(end + 0.01 for end in ends)])
        if not self._taking or self._draining:
            wait = times.renew
        if self._ownership.rows:
            wait = min(wait, self._next_renewal - started)
        return max(wait, 0.02)

    async def _renew(self, connection: Any) -> None:
        renewal = self._ownership.start_renewal(self._clock())
        if renewal is None:
            return
        records = {
            row: record
            for row, record in self._parts.records().items()
            if row in {claim.row for claim in renewal.claims}
        }
        try:
            async with asyncio.timeout(self._ownership.times.renew):
                renewed = await self._store.renew(connection, renewal, records)
        except BaseException:
            self._ownership.abandon(renewal)
            raise
        # Else a deadline that passed since the last look would go unseen, and with it the events
        # that were held back meanwhile.
        self.show()
        lost = self._ownership.finish_renewal(renewal, renewed, self._clock())
        if lost:
            _log.warning("lease lost: another owner has the row", rows=sorted(lost))
            self._parts.metrics.lease_transitions.labels(kind="lost").inc(len(lost))

    async def _take(self, connection: Any, take: Take) -> None:
        try:
            async with asyncio.timeout(self._ownership.times.renew):
                grant = await self._store.take(connection, take)
        except BaseException:
            self._ownership.abandon(take)
            raise
        for row in self._ownership.finish_take(take, grant.claims, self._clock()):
            self._inherited.pop(row, None)
            if row in grant.records:
                self._inherited[row] = grant.records[row]
        self.show()

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            async with asyncio.timeout(self._ownership.times.renew):
                connection = await self._parts.connect()
                self._connection = connection
                await self._store.ensure(connection, self._rows)
        return self._connection

    async def close(self) -> None:
        """Drop the connection; :meth:`run` opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def leave(self) -> None:
        """Give back what is left and leave the fleet; call it after :meth:`run` was cancelled.

        A database that does not answer costs nothing but time: the lease then expires by itself.
        """
        records = self._parts.records()
        release = self._ownership.start_release(self._ownership.rows)
        self.show()
        try:
            async with asyncio.timeout(self._ownership.times.renew):
                connection = await self._connected()
                # First, so that whoever looks next does not count on this replica.
                await self._store.leave(connection)
                if release.claims:
                    await self._store.release(connection, release, records)
                await self._store.give_up(connection)
        except Exception as error:
            if not self.refused(error):
                raise
            _log.warning("lease could not be released; it expires by itself")
        finally:
            await self.close()
