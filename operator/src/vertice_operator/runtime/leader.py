"""Leadership by a Lease, with a deadline of our own on the monotonic clock.

The election shipped with the client library keeps leading after it lost contact, is not bounded
by its renew deadline when a request hangs, and does not release on shutdown; hence these lines.

The rules: leadership is valid until ``deadline`` seconds after the moment *before* the last
successful renewal was sent. Any exception is a failed renewal. Another's Lease is taken over
only after it stood unchanged for its full duration as observed here; clocks of other machines
are never compared. The API server does not check Leases, so a request already on its way can
still land after the deadline: every write is an idempotent apply, and the client asks
:meth:`LeaderElector.require` before each one.
"""

import asyncio
import datetime
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from vertice_operator.cluster.errors import NotLeaderError
from vertice_operator.cluster.lease import LeaseRecord

log = logging.getLogger(__name__)


class Store(Protocol):
    """Where the Lease is kept; :class:`vertice_operator.cluster.lease.LeaseStore`."""

    async def read(self) -> LeaseRecord | None:
        """Return the Lease or None."""

    async def write(
        self, record: LeaseRecord | None, holder: str, duration: int, now: str
    ) -> LeaseRecord:
        """Write the Lease under the condition that it is still ``record``."""


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """Durations in seconds, in the proportions 15 / 10 / 2 that Kubernetes' own parts use."""

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0

    def __post_init__(self) -> None:
        if not self.duration > self.deadline > self.retry * 1.2 > 0:
            raise ValueError(
                f"lease times must satisfy duration > deadline > 1.2 x retry, got {self}"
            )

    @classmethod
    def of(cls, duration: float) -> "LeaseTimes":
        """Return the three times for a Lease of ``duration`` seconds."""
        return cls(duration, duration * 2 / 3, duration * 2 / 15)


class LeaderElector:
    """Tries to hold the Lease until it is stopped.

    ``gained`` and ``lost`` are events: exactly one of them is set at any time.
    """

    def __init__(
        self,
        store: Store,
        identity: str,
        times: LeaseTimes,
        utcnow: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        self._store, self.identity, self._times, self._utcnow = store, identity, times, utcnow
        self._record: LeaseRecord | None = None
        self._observed_at = float("-inf")
        self._certain = False
        self._valid_until = float("-inf")
        self.gained, self.lost = asyncio.Event(), asyncio.Event()
        self.lost.set()

    def valid(self) -> bool:
        """Tell whether the Lease is surely ours at this moment."""
        return asyncio.get_running_loop().time() < self._valid_until

    def require(self) -> None:
        """Raise :class:`NotLeaderError` unless the Lease is surely ours at this moment."""
        if not self.valid():
            raise NotLeaderError("not the leader: another operator replica may be writing")

    async def run(self) -> None:
        """Hold or wait for the Lease until cancelled; never ends by an error of the API."""
        loop = asyncio.get_running_loop()
        while True:
            self._check_deadline()
            await self._attempt()
            self._check_deadline()
            pause = self._times.retry
            if self.valid():
                pause = min(pause, self._valid_until - loop.time())
            await asyncio.sleep(pause)

    async def release(self) -> None:
        """Give the Lease back, so that another replica need not wait for it to run out.

        Call it only after all work that writes has stopped.
        """
        held, self._valid_until = self.gained.is_set(), float("-inf")
        self._lose("shutting down")
        if not held:
            return
        async with asyncio.timeout(self._times.deadline / 2):
            # A renewal may have been cut off on its way, so what is known may be out of date.
            seen = await self._store.read()
            if seen is not None and seen.holder == self.identity:
                await self._write(seen, "")

    async def _attempt(self) -> None:
        loop = asyncio.get_running_loop()
        sent = loop.time()
        try:
            # A hanging request may not take longer than what is left of the validity.
            async with asyncio.timeout(min(self._times.retry, self._left(sent))):
                record = await self._renew_or_take(sent)
        except Exception as error:  # noqa: BLE001 - whatever it was, the renewal did not succeed
            log.warning("leader Lease: %s", str(error) or type(error).__name__)
            self._certain = False
            return
        self._certain = True
        if record is None:
            if self.gained.is_set():
                self._lose("another replica holds the Lease")
            return
        self._record, self._observed_at = record, sent
        self._valid_until = sent + self._times.deadline
        if not self.gained.is_set():
            log.info("leading as %s", self.identity)
            self.lost.clear()
            self.gained.set()

    async def _renew_or_take(self, sent: float) -> LeaseRecord | None:
        # After a failure the last write may or may not have landed: read before writing again.
        if self._certain and self._record is not None and self.valid():
            return await self._write(self._record, self.identity)
        seen = await self._store.read()
        if seen is None or seen.holder in ("", self.identity):
            return await self._write(seen, self.identity)
        if self._record is None or seen.version != self._record.version:
            self._record, self._observed_at = seen, sent
        if sent - self._observed_at < max(seen.duration_seconds, self._times.duration):
            self._valid_until = float("-inf")
            return None
        return await self._write(seen, self.identity)

    async def _write(self, record: LeaseRecord | None, holder: str) -> LeaseRecord:
        now = self._utcnow().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return await self._store.write(record, holder, max(1, round(self._times.duration)), now)

    def _check_deadline(self) -> None:
        if self.gained.is_set() and not self.valid():
            self._lose("the Lease could not be renewed in time")

    def _left(self, now: float) -> float:
        return self._valid_until - now if self._valid_until > now else float("inf")

    def _lose(self, why: str) -> None:
        if self.gained.is_set():
            log.warning("no longer leading: %s", why)
        self.gained.clear()
        self.lost.set()
