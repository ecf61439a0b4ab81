"""What the statements on a row of ``vertice.shard`` do. Pure.

``now`` is the start of the transaction, as in Postgres: a statement that waits for a lock goes on
with the time at which it began to wait.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from dev.lease_model.rules import Rule

Rules = frozenset[Rule]


class Row(NamedTuple):
    """A row, and who holds it ``FOR KEY SHARE`` in the transaction of an effect."""

    owner: int | None = None
    epoch: int = 0
    rev: int = 0
    until: int = -1
    effects: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Done:
    """The row after a statement, and what the sender is told: the epoch and rev, or nothing."""

    row: Row
    epoch: int | None = None
    rev: int | None = None


def takeable(row: Row, now: int) -> bool:
    """Say whether the row is released, or expired by the database's clock."""
    return row.owner is None or row.until < now


def renew(row: Row, sender: int, epoch: int, rev: int, now: int, ttl: int, rules: Rules) -> Done:
    """Renew a lease, or change nothing."""
    mine = row.owner == sender and row.epoch == epoch
    if not mine and Rule.RENEW_OWN_EPOCH in rules:
        return Done(row)
    if row.rev >= rev and Rule.RENEW_NEWER_REV in rules:
        return Done(row)
    renewed = row._replace(owner=sender, until=now + ttl, rev=rev)
    return Done(renewed, epoch, rev)


def take_waits(row: Row, rules: Rules) -> bool:
    """Say whether a take has to wait for an effect under way."""
    return bool(row.effects) and Rule.TAKE_LOCKS_OUT_EFFECTS in rules


def take(
    row: Row, sender: int, seen: tuple[int, int, int], now: int, ttl: int, rules: Rules
) -> Done:
    """Take a row that was seen free as ``(epoch, rev, until)``, or change nothing."""
    if Rule.TAKE_FREE_ONLY in rules and not takeable(row, now):
        return Done(row)
    if Rule.TAKE_AS_SEEN in rules and (row.epoch, row.rev, row.until) != seen:
        return Done(row)
    epoch = row.epoch + (Rule.TAKE_NEW_EPOCH in rules)
    taken = row._replace(owner=sender, epoch=epoch, rev=row.rev + 1, until=now + ttl)
    return Done(taken, epoch, taken.rev)


def release(row: Row, sender: int, epoch: int, rules: Rules) -> Done:
    """Give the row back, or change nothing."""
    mine = row.owner == sender and row.epoch == epoch
    if not mine and Rule.RELEASE_OWN_EPOCH in rules:
        return Done(row)
    return Done(row._replace(owner=None), epoch)


def begin_effect(row: Row, sender: int, epoch: int, rules: Rules) -> Row | None:
    """Begin the transaction of an effect; None when the fence stops it."""
    if row.epoch != epoch and Rule.FENCE in rules:
        return None
    return row._replace(effects=row.effects | {sender})


def end_effect(row: Row, sender: int) -> Row:
    """Commit or roll back: the lock goes either way."""
    return row._replace(effects=row.effects - {sender})
