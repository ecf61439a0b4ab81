"""Never two valid holders: virtual time, delays, pauses, lost and late answers."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from vertice_bot.gateway.ownership import (
    Claim,
    LeaseTimes,
    OneInFlightError,
    Ownership,
    Release,
    Renewal,
    RowState,
    Seen,
    Take,
)

TIMES = LeaseTimes(ttl=6.0, renew=2.0, margin=1.0)
ROW = 0
RATES = (0.9, 1.0, 1.1)
"""Clocks this wrong are what the margin of one second pays for."""


@dataclass
class Database:
    """The statements of ``lease.py`` in virtual time; ``now`` is the server's clock."""

    now: float = 0.0
    owner: str | None = None
    epoch: int = 0
    rev: int = 0
    lease_until: float | None = None

    def read(self) -> Seen:
        free = self.owner is None or self.lease_until is None or self.lease_until < self.now
        left = None if self.owner is None else (self.lease_until or 0.0) - self.now
        return Seen(ROW, self.owner, self.epoch, self.rev, self.lease_until, free, left)

    def renew(self, owner: str, claim: Claim) -> set[int]:
        if (self.owner, self.epoch) != (owner, claim.epoch) or self.rev >= claim.rev:
            return set()
        self.lease_until, self.rev = self.now + TIMES.ttl, claim.rev
        return {ROW}

    def take(self, owner: str, seen: Seen) -> dict[int, Claim]:
        current = self.read()
        if not (current.takeable and current.same_as(seen)):
            return {}
        self.owner, self.epoch, self.rev = owner, self.epoch + 1, self.rev + 1
        self.lease_until = self.now + TIMES.ttl
        return {ROW: Claim(ROW, self.epoch, self.rev)}

    def release(self, owner: str, claim: Claim) -> None:
        if (self.owner, self.epoch) == (owner, claim.epoch):
            self.owner = None


@dataclass
class Process:
    """One replica: its rules, its clock, and its messages under way."""

    name: str
    offset: float
    rate: float
    ownership: Ownership = field(default_factory=lambda: Ownership(TIMES))
    seen: Seen | None = None
    outbox: list[Renewal | Take | Release] = field(default_factory=list)
    inbox: list[tuple[Renewal | Take, object]] = field(default_factory=list)
    pending: Renewal | Take | None = None

    def clock(self, now: float) -> float:
        return self.offset + now * self.rate


class Leases(RuleBasedStateMachine):
    """Three processes, one row, everything that a network and a scheduler can do."""

    @initialize(rates=st.tuples(*[st.sampled_from(RATES)] * 3))
    def start(self, rates: tuple[float, ...]) -> None:
        self.database = Database()
        self.processes = [Process(f"p{i}", i * 1000.0, rate) for i, rate in enumerate(rates)]

    @rule(seconds=st.sampled_from([0.05, 0.5, 1.0, 2.0, 4.5, 6.1, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.database.now += seconds

    def scan(self, index: int) -> None:
        self.processes[index].seen = self.database.read()

    @rule(index=st.integers(0, 2))
    def remember(self, index: int) -> None:
        """Read now, act later: what was read may be old by then."""
        self.scan(index)

    @rule(index=st.integers(0, 2))
    def ask(self, index: int) -> None:
        process = self.processes[index]
        now = process.clock(self.database.now)
        if process.pending is not None:
            return
        request: Renewal | Take | None = process.ownership.start_renewal(now)
        if request is None and process.seen is not None:
            request = process.ownership.start_take([process.seen], now)
            process.seen = None
        if request is not None:
            process.pending = request
            process.outbox.append(request)

    @rule(index=st.integers(0, 2))
    def give_up(self, index: int) -> None:
        process = self.processes[index]
        if process.pending is not None:
            process.ownership.abandon(process.pending)
            process.pending = None

    @rule(index=st.integers(0, 2))
    def release(self, index: int) -> None:
        process = self.processes[index]
        request = process.ownership.start_release(process.ownership.rows)
        if request.claims:
            process.outbox.append(request)

    @rule(index=st.integers(0, 2), which=st.integers(0, 9))
    def arrive(self, index: int, which: int) -> None:
        process = self.processes[index]
        if not process.outbox:
            return
        request = process.outbox.pop(which % len(process.outbox))
        if isinstance(request, Release):
            self.database.release(process.name, request.claims[0])
        elif isinstance(request, Renewal):
            answer = self.database.renew(process.name, request.claims[0])
            process.inbox.append((request, answer))
        else:
            taken = self.database.take(process.name, request.rows[0])
            process.inbox.append((request, taken))

    @rule(index=st.integers(0, 2), which=st.integers(0, 9))
    def answer(self, index: int, which: int) -> None:
        process = self.processes[index]
        if not process.inbox:
            return
        request, answer = process.inbox.pop(which % len(process.inbox))
        now = process.clock(self.database.now)
        if isinstance(request, Renewal):
            process.ownership.finish_renewal(request, answer, now)  # type: ignore[arg-type]
        else:
            process.ownership.finish_take(request, answer, now)  # type: ignore[arg-type]
        if process.pending is request:
            process.pending = None

    @rule(index=st.integers(0, 2))
    def lose_answers(self, index: int) -> None:
        self.processes[index].inbox.clear()

    @rule(index=st.integers(0, 2))
    def lose_requests(self, index: int) -> None:
        self.processes[index].outbox.clear()

    @rule(index=st.integers(0, 2))
    def crash(self, index: int) -> None:
        old = self.processes[index]
        self.processes[index] = Process(f"{old.name}'", old.offset, old.rate, outbox=old.outbox)

    @rule(
        index=st.integers(0, 2),
        request_takes=st.sampled_from([0.0, 0.5, 1.9]),
        answer_takes=st.sampled_from([0.0, 0.5, 1.9, 5.0]),
        answer_arrives=st.booleans(),
    )
    def turn(
        self, index: int, request_takes: float, answer_takes: float, answer_arrives: bool
    ) -> None:
        """One whole request, slow or quick, answered or not."""
        process = self.processes[index]
        self.scan(index)
        self.ask(index)
        if not process.outbox:
            return
        self.database.now += request_takes
        self.arrive(index, len(process.outbox) - 1)
        self.database.now += answer_takes
        if answer_arrives and process.inbox:
            self.answer(index, len(process.inbox) - 1)
        else:
            self.give_up(index)

    @rule(taker=st.integers(0, 2), seconds=st.sampled_from([4.3, 4.7, 5.3, 6.05, 6.6]))
    def somebody_waits_for_it(self, taker: int, seconds: float) -> None:
        """The dangerous moments: around the end of a lease."""
        self.database.now += seconds
        self.turn(taker, 0.0, 0.0, True)

    @invariant()
    def at_most_one_is_valid(self) -> None:
        if not hasattr(self, "processes"):
            return
        valid = [
            (process.name, epoch)
            for process in self.processes
            if (epoch := process.ownership.epoch(ROW, process.clock(self.database.now))) is not None
        ]
        assert len(valid) <= 1, valid
        # And the one that is valid is the one the database knows, so its fence passes.
        for name, epoch in valid:
            assert (self.database.owner, self.database.epoch) == (name, epoch)


Leases.TestCase.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)
TestLeases = Leases.TestCase


@dataclass(order=True)
class Message:
    """A request or an answer under way."""

    due: float
    number: int
    deliver: Callable[[], None] = field(compare=False)


class Fleet:
    """Three replicas that behave, on machines and a network that do not.

    Where the state machine above looks for odd orders, this runs the usual order for long, with
    delays that are often just too long.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.database = Database()
        rates = [self.random.choice(RATES) for _ in range(3)]
        self.processes = [Process(f"p{i}", i * 1000.0, rate) for i, rate in enumerate(rates)]
        self.next_act = [self.random.random() for _ in range(3)]
        self.messages: list[Message] = []
        self.takes = 0

    def run(self, seconds: float) -> None:
        while self.database.now < seconds:
            self.database.now += 0.05
            while self.messages and self.messages[0].due <= self.database.now:
                heapq.heappop(self.messages).deliver()
            for index in range(3):
                if self.next_act[index] <= self.database.now:
                    self.act(index)
            self.check()

    def post(self, deliver: Callable[[], None]) -> None:
        if self.random.random() < 0.1:
            return
        delay = self.random.choice([0.0, 0.0, 0.01, 0.5, 1.9, 1.99, 2.5, 7.0])
        heapq.heappush(
            self.messages, Message(self.database.now + delay, len(self.messages), deliver)
        )

    def act(self, index: int) -> None:
        process, dice = self.processes[index], self.random.random()
        if dice < 0.02:
            self.processes[index] = Process(f"{process.name}'", process.offset, process.rate)
            self.next_act[index] += 0.5
            return
        # Time until it looks again: now and then the whole process is paused.
        pause = self.random.uniform(0.0, 15.0) if dice < 0.08 else 0.0
        self.next_act[index] = self.database.now + pause + (2.0 if process.ownership.rows else 0.5)
        now = process.clock(self.database.now)
        if process.pending is not None:
            if now - process.pending.sent_at < TIMES.renew:
                return
            process.ownership.abandon(process.pending)
            process.pending = None
        if dice > 0.98 and process.ownership.rows:
            release = process.ownership.start_release([ROW])
            self.post(lambda: self.database.release(process.name, release.claims[0]))
            return
        self.request(process, now)

    def request(self, process: Process, now: float) -> None:
        renewal = process.ownership.start_renewal(now)
        if renewal is not None:
            process.pending = renewal
            self.post(lambda: self.renew(process, renewal))
            return
        take = process.ownership.start_take([self.database.read()], now)
        if take is not None:
            process.pending = take
            self.post(lambda: self.take(process, take))

    def renew(self, process: Process, renewal: Renewal) -> None:
        answer = self.database.renew(process.name, renewal.claims[0])

        def answered() -> None:
            now = process.clock(self.database.now)
            process.ownership.finish_renewal(renewal, answer, now)
            process.pending = None if process.pending is renewal else process.pending

        self.post(answered)

    def take(self, process: Process, take: Take) -> None:
        answer = self.database.take(process.name, take.rows[0])

        def answered() -> None:
            now = process.clock(self.database.now)
            self.takes += bool(process.ownership.finish_take(take, answer, now))
            process.pending = None if process.pending is take else process.pending

        self.post(answered)

    def check(self) -> None:
        now = self.database.now
        valid = [
            (p.name, epoch)
            for p in self.processes
            if (epoch := p.ownership.epoch(ROW, p.clock(now))) is not None
        ]
        assert len(valid) <= 1, (now, valid)
        for name, epoch in valid:
            assert (self.database.owner, self.database.epoch) == (name, epoch), now


@pytest.mark.parametrize("seed", range(40))
def test_a_fleet_on_bad_machines_never_has_two_owners(seed: int) -> None:
    fleet = Fleet(seed)
    fleet.run(600.0)
    assert fleet.takes > 5, "the run must be eventful to mean anything"


def seen(**changes: object) -> Seen:
    base = {
        "row": ROW,
        "owner": None,
        "epoch": 3,
        "rev": 7,
        "lease_until": 1.0,
        "takeable": True,
        "expires_in": None,
    }
    return Seen(**(base | changes))  # type: ignore[arg-type]


def held(now: float = 100.0) -> Ownership:
    ownership = Ownership(TIMES)
    take = ownership.start_take([seen()], now)
    assert take is not None
    assert ownership.finish_take(take, {ROW: Claim(ROW, 4, 8)}, now + 0.1) == {ROW}
    return ownership


def test_validity_counts_from_before_the_request() -> None:
    ownership = held(100.0)
    assert ownership.epoch(ROW, 104.99) == 4
    assert ownership.epoch(ROW, 105.0) is None
    assert ownership.state(ROW, 105.0) is RowState.PARKED
    assert ownership.believed_epoch(ROW) == 4


def test_a_parked_row_revives_when_its_renewal_succeeds() -> None:
    ownership = held(100.0)
    renewal = ownership.start_renewal(130.0)
    assert renewal is not None
    assert renewal.claims == (Claim(ROW, 4, 9),)
    assert ownership.finish_renewal(renewal, {ROW}, 130.5) == set()
    assert ownership.epoch(ROW, 134.9) == 4


def test_no_row_in_the_answer_stops_at_once() -> None:
    ownership = held(100.0)
    renewal = ownership.start_renewal(101.0)
    assert renewal is not None
    assert ownership.finish_renewal(renewal, set(), 101.1) == {ROW}
    assert ownership.state(ROW, 101.1) is RowState.FREE


def test_an_answer_after_its_time_out_is_discarded() -> None:
    ownership = held(100.0)
    renewal = ownership.start_renewal(104.0)
    assert renewal is not None
    assert ownership.finish_renewal(renewal, {ROW}, 106.01) == set()
    assert ownership.epoch(ROW, 106.01) is None


def test_an_abandoned_take_gives_nothing() -> None:
    ownership = Ownership(TIMES)
    take = ownership.start_take([seen()], 0.0)
    assert take is not None
    ownership.abandon(take)
    assert ownership.finish_take(take, {ROW: Claim(ROW, 4, 8)}, 0.1) == set()
    assert ownership.rows == ()


def test_release_is_invalid_before_it_is_sent() -> None:
    ownership = held(100.0)
    release = ownership.start_release([ROW])
    assert release.claims == (Claim(ROW, 4, 8),)
    assert ownership.epoch(ROW, 100.2) is None


def test_one_request_in_flight() -> None:
    ownership = held(100.0)
    ownership.start_renewal(101.0)
    with pytest.raises(OneInFlightError):
        ownership.start_renewal(101.5)


def test_rows_that_are_not_free_are_left_alone() -> None:
    ownership = Ownership(TIMES)
    assert ownership.start_take([seen(takeable=False, owner="x")], 0.0) is None
