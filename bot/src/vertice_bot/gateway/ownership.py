"""What one process knows about its ownership of shards. Pure: no clock, no database.

The rules are those of the design's section "Shard ownership". Time is an argument, in seconds of a
clock that never stops; requests are values that the caller sends and whose answers it brings back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class RowState(StrEnum):
    """How a row looks from here."""

    FREE = "free"
    VALID = "valid"
    PARKED = "parked"
    """Ours as far as we know, but not provably: the deadline passed without an answer."""


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """Lengths in seconds.

    Attributes
    ----------
    ttl:
        How long the database keeps a lease without a renewal.
    renew:
        From one renewal to the next; also how long an answer is waited for.
    margin:
        How much earlier than the database the owner lets go.
    """

    ttl: float
    renew: float
    margin: float

    @property
    def validity(self) -> float:
        """Seconds a lease is valid, counted from before the request was sent."""
        return self.ttl - self.margin


@dataclass(frozen=True, slots=True)
class Seen:
    """A row as it was read: what a take must find unchanged.

    Attributes
    ----------
    takeable:
        Released, or expired by the database's own clock, when it was read.
    expires_in:
        Seconds until it expires by that clock; None when released.
    heir:
        Who a released row is meant for.
    free_for:
        Seconds since it was released or expired.
    """

    row: int
    owner: str | None
    epoch: int
    rev: int
    lease_until: datetime | float | None
    takeable: bool
    expires_in: float | None
    heir: str | None = None
    free_for: float = 0.0

    def same_as(self, other: Seen) -> bool:
        """Say whether nobody took or renewed the row in between."""
        return (self.epoch, self.rev, self.lease_until) == (
            other.epoch,
            other.rev,
            other.lease_until,
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """One row of a renewal or a release."""

    row: int
    epoch: int
    rev: int


@dataclass(frozen=True, slots=True)
class Renewal:
    """A batched renewal; ``sent_at`` was read before it was sent."""

    sent_at: float
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Take:
    """A batched take of rows as they were seen."""

    sent_at: float
    rows: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class Release:
    """A batched release; the rows are already not valid any more."""

    claims: tuple[Claim, ...]


@dataclass(slots=True)
class _Held:
    epoch: int
    rev: int
    deadline: float


class Owned(Protocol):
    """What others may ask of ownership."""

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows that are valid or parked."""
        ...

    def epoch(self, row: int, now: float) -> int | None:
        """Give the epoch while the row is provably ours at this moment, else None."""
        ...

    def believed_epoch(self, row: int) -> int | None:
        """Give the epoch of a row that is ours or parked."""
        ...

    def state(self, row: int, now: float) -> RowState:
        """Say how a row looks from here."""
        ...


class Alone:
    """Ownership of a single process without a database: everything, for ever.

    Parameters
    ----------
    rows:
        All rows.
    """

    def __init__(self, rows: Iterable[int]) -> None:
        self.rows = tuple(rows)

    def epoch(self, row: int, now: float) -> int | None:
        """Give epoch 0: there is nobody else."""
        return 0

    def believed_epoch(self, row: int) -> int | None:
        """Give epoch 0."""
        return 0

    def state(self, row: int, now: float) -> RowState:
        """Say that it is ours."""
        return RowState.VALID


class OneInFlightError(RuntimeError):
    """A second request was begun while one is under way; a bug of the caller."""


class Ownership:
    """The state machine of one process start.

    Parameters
    ----------
    times:
        Lengths of the lease.
    """

    def __init__(self, times: LeaseTimes) -> None:
        self.times = times
        self._held: dict[int, _Held] = {}
        self._pending: Renewal | Take | None = None

    def epoch(self, row: int, now: float) -> int | None:
        """Give the epoch while the row is provably ours at this moment, else None (rule 2)."""
        held = self._held.get(row)
        return held.epoch if held is not None and now < held.deadline else None

    def state(self, row: int, now: float) -> RowState:
        """Say how a row looks from here."""
        held = self._held.get(row)
        if held is None:
            return RowState.FREE
        return RowState.VALID if now < held.deadline else RowState.PARKED

    def believed_epoch(self, row: int) -> int | None:
        """Give the epoch of a row that is ours or parked."""
        held = self._held.get(row)
        return held.epoch if held is not None else None

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows that are valid or parked."""
        return tuple(sorted(self._held))

    def start_renewal(self, now: float) -> Renewal | None:
        """Make the next renewal of all held rows, parked ones too (rule 3); None without rows."""
        self._require_idle()
        if not self._held:
            return None
        claims = []
        for row, held in sorted(self._held.items()):
            held.rev += 1
            claims.append(Claim(row, held.epoch, held.rev))
        renewal = Renewal(now, tuple(claims))
        self._pending = renewal
        return renewal

    def finish_renewal(self, renewal: Renewal, renewed: Collection[int], now: float) -> set[int]:
        """Take in an answer.

        Parameters
        ----------
        renewal:
            What was sent.
        renewed:
            Rows that the database renewed.
        now:
            When the answer came.

        Returns
        -------
        set of int
            Rows that are lost: they must stop at once.
        """
        if not self._accept(renewal, now):
            return set()
        lost = set()
        for claim in renewal.claims:
            held = self._held.get(claim.row)
            if held is None or held.epoch != claim.epoch:
                continue
            if claim.row in renewed:
                held.deadline = renewal.sent_at + self.times.validity
            else:
                del self._held[claim.row]
                lost.add(claim.row)
        return lost

    def start_take(self, seen: Iterable[Seen], now: float) -> Take | None:
        """Make a take of those rows that are free to be taken (rule 4); None without any."""
        self._require_idle()
        rows = tuple(s for s in seen if s.takeable and s.row not in self._held)
        if not rows:
            return None
        take = Take(now, rows)
        self._pending = take
        return take

    def finish_take(self, take: Take, taken: Mapping[int, Claim], now: float) -> set[int]:
        """Take in an answer; gives the rows that are ours now."""
        if not self._accept(take, now):
            return set()
        for row, claim in taken.items():
            self._held[row] = _Held(claim.epoch, claim.rev, take.sent_at + self.times.validity)
        return set(taken)

    def abandon(self, request: Renewal | Take) -> None:
        """Give up on a request that failed or took too long; its answer counts for nothing."""
        if self._pending is request:
            self._pending = None

    def start_release(self, rows: Collection[int]) -> Release:
        """Stop owning rows, first here and then in the database (rule 5)."""
        claims = []
        for row in sorted(rows):
            held = self._held.pop(row, None)
            if held is not None:
                claims.append(Claim(row, held.epoch, held.rev))
        return Release(tuple(claims))

    def _require_idle(self) -> None:
        if self._pending is not None:
            raise OneInFlightError("finish or abandon the request under way first")

    def _accept(self, request: Renewal | Take, now: float) -> bool:
        if self._pending is not request:
            return False
        self._pending = None
        return now - request.sent_at <= self.times.renew
