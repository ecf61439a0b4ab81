"""Which replica runs which shard. Pure: every replica comes to the same answer from the same rows.

Rendezvous hashing with bounded load. What a live replica holds stays where it is; what is free goes
to the newest revision first, so that a shard moves once per roll-out. Only a lasting imbalance
moves a shard that has an owner.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from vertice_bot.gateway.ownership import Seen

TOLERATED_IMBALANCE = 1
HEIR_SECONDS = 3.0
"""How long a free shard waits for the replica that it is meant for; then anybody takes it."""


@dataclass(frozen=True, slots=True)
class Member:
    """A replica that was heard of lately.

    Attributes
    ----------
    owner:
        Name of the process start.
    revision:
        What the operator rolled out, for example the hash of a pod template.
    joined:
        When it logged in, in seconds of the database's clock.
    draining:
        Whether it is about to end; it gets nothing more.
    """

    owner: str
    revision: str = ""
    joined: float = 0.0
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Move:
    """A hand-over that evens out the load."""

    shard: int
    giver: str
    receiver: str


def able(members: Iterable[Member]) -> tuple[Member, ...]:
    """Give the members that may get shards, in a fixed order."""
    return tuple(sorted((m for m in members if not m.draining), key=lambda m: m.owner))


def newest_revision(members: Iterable[Member]) -> str | None:
    """Give the revision that was rolled out last.

    It is the one whose oldest live member is the youngest: a crashed replica of an old revision
    that comes back does not make its revision new, and a rollback counts as new again.
    """
    first: dict[str, float] = {}
    for member in members:
        first[member.revision] = min(first.get(member.revision, math.inf), member.joined)
    return max(first, key=lambda revision: (first[revision], revision), default=None)


def score(shard: int, owner: str) -> int:
    """Give the rendezvous weight of a replica for a shard: the same everywhere, evenly spread."""
    digest = hashlib.blake2b(f"{shard}/{owner}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def place(
    shards: Collection[int], owners: Mapping[int, str], members: Collection[Member]
) -> dict[int, str]:
    """Say who is to have each shard.

    Parameters
    ----------
    shards:
        All shards of the bot.
    owners:
        Who holds a shard provably now; free and expired ones are missing.
    members:
        Live replicas.

    Returns
    -------
    dict
        Owner by shard; empty when no replica may take any.
    """
    candidates = able(members)
    if not candidates:
        return {}
    limit = math.ceil(len(shards) / len(candidates))
    names = {member.owner for member in candidates}
    kept = {shard: owners[shard] for shard in shards if owners.get(shard) in names}
    load = Counter(kept.values())
    newest = newest_revision(candidates)
    plan = dict(kept)
    for shard in sorted(set(shards) - set(kept)):
        chosen = _best(shard, candidates, load, limit, newest)
        plan[shard] = chosen
        load[chosen] += 1
    return plan


def _best(
    shard: int, members: tuple[Member, ...], load: Counter[str], limit: int, newest: str | None
) -> str:
    room = [m for m in members if load[m.owner] < limit]
    if not room:
        least = min(load[m.owner] for m in members)
        room = [m for m in members if load[m.owner] == least]
    return max(room, key=lambda m: (m.revision == newest, score(shard, m.owner))).owner


def rebalance(owners: Mapping[int, str], members: Collection[Member]) -> Move | None:
    """Give the next move towards an even load, or None when it is even enough.

    Parameters
    ----------
    owners:
        Who holds each shard.
    members:
        Live replicas.
    """
    candidates = able(members)
    if len(candidates) < 2:
        return None
    load = {m.owner: 0 for m in candidates}
    for owner in owners.values():
        if owner in load:
            load[owner] += 1
    newest = newest_revision(candidates)
    by_name = {m.owner: m for m in candidates}
    giver = max(load, key=lambda o: (load[o], by_name[o].revision != newest, o))
    receiver = min(load, key=lambda o: (load[o], by_name[o].revision != newest, o))
    if load[giver] - load[receiver] <= TOLERATED_IMBALANCE:
        return None
    mine = [shard for shard, owner in owners.items() if owner == giver]
    return Move(max(mine, key=lambda s: (score(s, receiver), s)), giver, receiver)


def to_take(
    seen: Collection[Seen], members: Collection[Member], me: str, patience: float = HEIR_SECONDS
) -> tuple[Seen, ...]:
    """Choose the free rows that one replica takes now.

    Parameters
    ----------
    seen:
        All rows as they were read.
    members:
        Live replicas, oneself among them.
    me:
        One's own name.
    patience:
        Seconds that a free row waits for the replica that it is meant for.
    """
    # Who let a lease expire may be written down as alive for a moment longer.
    lapsed = {row.owner for row in seen if row.takeable and row.owner is not None}
    alive = [m for m in members if m.owner == me or m.owner not in lapsed]
    if all(m.owner != me or m.draining for m in alive):
        return ()
    owners = {row.row: row.owner for row in seen if not row.takeable and row.owner is not None}
    plan = place([row.row for row in seen], owners, alive)
    names = {m.owner for m in able(alive)}
    chosen = []
    for row in seen:
        if not row.takeable:
            continue
        meant = row.heir if row.heir in names else plan.get(row.row)
        if meant == me or row.free_for >= patience:
            chosen.append(row)
    return tuple(chosen)


class Balance:
    """Waits until an imbalance has lasted, so that a flapping autoscaler moves nothing.

    Parameters
    ----------
    seconds:
        How long it has to last.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._members: frozenset[str] = frozenset()

    def due(self, move: Move | None, members: Collection[Member], now: float) -> bool:
        """Say whether a move is to be made now.

        Parameters
        ----------
        move:
            The next move, if there is an imbalance.
        members:
            Live replicas; a change of them starts the wait again.
        now:
            Seconds.
        """
        names = frozenset(m.owner for m in able(members))
        if move is None:
            self._since = None
        elif self._since is None or names != self._members:
            self._since = now
        self._members = names
        return self._since is not None and now - self._since >= self._seconds
