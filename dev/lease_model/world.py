"""Everything that can happen next: to processes, in the network, to clocks that drift."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from dev.lease_model import database as db
from dev.lease_model.database import Row, Rules
from dev.lease_model.process import Held, Logic


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far the exploration goes.

    Attributes
    ----------
    horizon:
        Ticks of true time.
    ttl, renew:
        Ticks that a lease lives, and that an answer is waited for.
    requests, reads, effects, drift:
        For each process: how many of each it makes at most, and by how many ticks its clock may
        fall behind.
    """

    horizon: int = 4
    ttl: int = 2
    renew: int = 1
    requests: tuple[int, ...] = (2, 1)
    reads: tuple[int, ...] = (1, 1)
    effects: tuple[int, ...] = (1, 0)
    drift: tuple[int, ...] = (1, 0)


class Request(NamedTuple):
    """A statement under way: on the wire, waiting in the database, or answered."""

    kind: str
    sent_at: int
    claim: tuple[int, ...]
    awaited: bool = True
    began: int | None = None
    answer: tuple[int, int] | None = None
    answered: bool = False


class Process(NamedTuple):
    """One process start. That it stands still, or is gone, is that it takes no step."""

    held: Held | None = None
    seen: tuple[int, int, int] | None = None
    requests: tuple[Request, ...] = ()
    made: int = 0
    reads: int = 0
    effects: int = 0
    checked: int | None = None
    begun: int | None = None
    behind: int = 0


class World(NamedTuple):
    """A state of everything. ``wrong`` tells what has gone wrong on the way here."""

    time: int
    row: Row
    processes: tuple[Process, ...]
    wrong: str = ""


Next = tuple[str, World]


def start(bounds: Bounds) -> World:
    """Give the beginning: a row that nobody has ever owned."""
    return World(0, Row(), tuple(Process() for _ in bounds.requests))


def steps(world: World, bounds: Bounds, rules: Rules) -> Iterator[Next]:
    """Give each thing that can happen next, with the world after it."""
    if world.time < bounds.horizon:
        yield "a tick passes", world._replace(time=world.time + 1)
    logic = Logic(bounds.ttl, bounds.renew, rules)
    for number, process in enumerate(world.processes):
        if process.behind < bounds.drift[number] and world.time < bounds.horizon:
            yield f"clock of {number} misses a tick", _tick_missed(world, number)
        yield from _own_steps(world, number, process, bounds, logic)
        yield from _wire_steps(world, number, process, bounds, logic)
        yield from _answer_steps(world, number, process, logic)
        yield from _effect_steps(world, number, process, bounds, logic)


def owners(world: World, bounds: Bounds, rules: Rules) -> list[int]:
    """Give the processes that would act now."""
    logic = Logic(bounds.ttl, bounds.renew, rules)
    return [
        number
        for number, process in enumerate(world.processes)
        if logic.may_act(process.held, _clock(world, process)) is not None
    ]


def _clock(world: World, process: Process) -> int:
    return world.time - process.behind


def _with(world: World, number: int, **changes: Any) -> World:
    processes = list(world.processes)
    processes[number] = processes[number]._replace(**changes)
    return world._replace(processes=tuple(processes))


def _tick_missed(world: World, number: int) -> World:
    behind = world.processes[number].behind + 1
    return _with(world._replace(time=world.time + 1), number, behind=behind)


def _own_steps(
    world: World, number: int, process: Process, bounds: Bounds, logic: Logic
) -> Iterator[Next]:
    """Read, and send: what the process begins by itself."""
    row, now = world.row, _clock(world, process)
    awaited = [request for request in process.requests if request.awaited]
    if awaited:
        if now - awaited[0].sent_at < bounds.renew:
            return
        rest = tuple(
            request._replace(awaited=False)
            for request in process.requests
            if not request.answered or logic.hears_late_answers
        )
        yield f"{number} waits no longer", _with(world, number, requests=rest)
        return
    free = process.held is None and process.seen is None and db.takeable(row, world.time)
    if free and process.reads < bounds.reads[number]:
        seen = (row.epoch, row.rev, row.until)
        yield f"{number} reads the row", _with(world, number, seen=seen, reads=process.reads + 1)
    if process.made >= bounds.requests[number]:
        return
    if process.held is not None:
        held, claim = logic.start_renewal(process.held, now)
        request = Request("renew", now, claim)
        yield f"{number} sends a renewal", _sent(world, number, request, held=held)
        # Nobody waits for the answer: the process has stopped before.
        request = Request("release", now, logic.release_claim(process.held), awaited=False)
        after = _sent(world, number, request, held=logic.after_release(process.held))
        yield f"{number} releases", after
    elif process.seen is not None:
        request = Request("take", now, process.seen)
        yield f"{number} sends a take", _sent(world, number, request, seen=None)


def _sent(world: World, number: int, request: Request, **changes: Any) -> World:
    process = world.processes[number]
    requests = tuple(sorted((*process.requests, request), key=repr))
    return _with(world, number, requests=requests, made=process.made + 1, **changes)


def _wire_steps(
    world: World, number: int, process: Process, bounds: Bounds, logic: Logic
) -> Iterator[Next]:
    """What the network and the database do with each request, in any order and at any time."""
    for request in process.requests:
        name = f"the {request.kind} of {number}"
        if request.began is None:
            began = request._replace(began=world.time)
            yield f"{name} reaches the database", _changed(world, number, request, began)
        elif not request.answered:
            done = _carry_out(world.row, number, request, bounds, logic.rules)
            if done is None:
                continue
            answer = None if done.epoch is None else (done.epoch, done.rev or 0)
            heard = request.awaited or (logic.hears_late_answers and request.kind != "release")
            new = request._replace(answer=answer, answered=True) if heard else None
            after = _changed(world, number, request, new)
            yield f"{name} is carried out", after._replace(row=done.row)


def _carry_out(
    row: Row, sender: int, request: Request, bounds: Bounds, rules: Rules
) -> db.Done | None:
    assert request.began is not None
    if request.kind == "renew":
        epoch, rev = request.claim
        return db.renew(row, sender, epoch, rev, request.began, bounds.ttl, rules)
    if request.kind == "release":
        return db.release(row, sender, request.claim[0], rules)
    if db.take_waits(row, rules):
        return None
    epoch, rev, until = request.claim
    return db.take(row, sender, (epoch, rev, until), request.began, bounds.ttl, rules)


def _changed(world: World, number: int, old: Request, new: Request | None) -> World:
    """Put a request in the place of its older state, or of nothing."""
    rest = [request for request in world.processes[number].requests if request is not old]
    requests = tuple(sorted([*rest, new], key=repr)) if new is not None else tuple(rest)
    return _with(world, number, requests=requests)


def _answer_steps(world: World, number: int, process: Process, logic: Logic) -> Iterator[Next]:
    for request in process.requests:
        if not request.answered:
            continue
        held = logic.finish(
            process.held, request.kind, request.sent_at, request.claim, request.answer,
            _clock(world, process),
        )  # fmt: skip
        after = _changed(_with(world, number, held=held), number, request, None)
        yield f"the answer to the {request.kind} of {number} arrives", after


def _effect_steps(
    world: World, number: int, process: Process, bounds: Bounds, logic: Logic
) -> Iterator[Next]:
    """An effect: look at the deadline; begin behind the fence; commit. A pause fits anywhere."""
    if process.checked is None and process.begun is None:
        epoch = logic.may_act(process.held, _clock(world, process))
        if epoch is not None and process.effects < bounds.effects[number]:
            yield (
                f"{number} finds itself owner",
                _with(world, number, checked=epoch, effects=process.effects + 1),
            )
    elif process.checked is not None:
        row = db.begin_effect(world.row, number, process.checked, logic.rules)
        if row is None:
            yield f"effect of {number} is fenced", _with(world, number, checked=None)
        else:
            after = _with(world._replace(row=row), number, checked=None, begun=process.checked)
            yield f"{number} begins an effect", after
    else:
        ended = world._replace(row=db.end_effect(world.row, number))
        wrong = ""
        if world.row.epoch != process.begun or world.row.owner not in (number, None):
            wrong = f"{number} committed an effect of epoch {process.begun} that is over"
        yield f"{number} commits", _with(ended, number, begun=None)._replace(wrong=wrong)
        yield f"{number} rolls back", _with(ended, number, begun=None)
