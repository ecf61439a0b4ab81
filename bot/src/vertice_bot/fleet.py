"""This replica's part of the fleet: starts and stops shards as ownership says, and hands them over.

Ownership decides (:mod:`vertice_bot.gateway.keeper`); hints only make things quicker. A shard is
handed over so: the giver offers it, the receiver fills its cache and connects up to HELLO, the
giver stops reading, lets handlers end and releases the row with the exact watermark, the receiver
takes the row and sends RESUME from that watermark.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog

from vertice_bot import tasks
from vertice_bot.client import VerticeBot
from vertice_bot.clock import Clock
from vertice_bot.db.pool import Database
from vertice_bot.errors import Unavailable
from vertice_bot.gateway.dead_letters import DeadLetters
from vertice_bot.gateway.guild_log import GuildLog, Snapshot
from vertice_bot.gateway.hints import Hint, HintKind, HintLine
from vertice_bot.gateway.identify import Turns
from vertice_bot.gateway.keeper import LeaseKeeper
from vertice_bot.gateway.lease import LeaseStore
from vertice_bot.gateway.ownership import Owned, Ownership, RowState
from vertice_bot.gateway.placement import Balance, Member, place, rebalance
from vertice_bot.gateway.runner import RunnerParts, ShardRunner, ShardState
from vertice_bot.gateway.session import SessionRecord
from vertice_bot.gateway.work import EventContext, Work

PREPARE_SECONDS = 0.5
"""How long a giver waits for the receiver to get ready; then it hands over all the same."""

DRAIN_SECONDS = 1.0
"""How long handlers may end before a hand-over; what is left is handled again by the receiver."""

ABANDON_SECONDS = 8.0
"""How long a receiver stays prepared for a shard that does not come."""

HYDRATE_SECONDS = 30.0
"""How long stored guilds are waited for; well inside the time that Discord keeps a session."""

PARALLEL = 2
GUILDS_AT_ONCE = 20
LOOK_SECONDS = 1.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Stores:
    """What a fleet of several replicas needs, and a single process without a database has not."""

    keeper: LeaseKeeper
    ownership: Ownership
    leases: LeaseStore
    line: HintLine
    database: Database
    guilds: GuildLog
    letters: DeadLetters


class KeptNotes:
    """Passes on what runners say of events to where it is stored."""

    def __init__(self, guilds: GuildLog, letters: DeadLetters) -> None:
        self._guilds = guilds
        self._letters = letters

    def structure(self, context: EventContext, data: Any) -> None:
        """Keep an event that changes what is known of a guild."""
        self._guilds.note(context, data)

    def unreadable(self, context: EventContext, data: Any, error: Exception) -> None:
        """Keep an event whose parser failed."""
        self._letters.unreadable(context, data, error)

    async def attempt(self, context: EventContext, data: Any) -> bool:
        """Count a try in careful mode."""
        return await self._letters.attempt(context, data)

    async def survived(self, context: EventContext) -> None:
        """Take a try back."""
        await self._letters.survived(context)


@dataclass(frozen=True)
class FleetParts:
    """What a fleet works with.

    Attributes
    ----------
    bot:
        The client whose shards these are.
    owned:
        What this process owns.
    stores:
        None for a single process without a database.
    turns:
        Orders IDENTIFYs.
    work:
        What is under way.
    owner:
        Name of this process start.
    clock:
        CLOCK_BOOTTIME in production.
    rebalance_seconds:
        How long an imbalance has to last.
    drain_seconds:
        How long handlers may end where nobody waits for the shard.
    before_release:
        Writes what is kept in memory of events, while the shard is still ours.
    failed:
        Gets the exception when a shard ends for good.
    identified:
        Gets the shard when Discord has begun a new session, and when shard 0 comes here.
    """

    bot: VerticeBot
    owned: Owned
    stores: Stores | None
    turns: Turns
    work: Work
    owner: str
    clock: Clock
    rebalance_seconds: float
    drain_seconds: float
    before_release: Callable[[], Awaitable[None]]
    failed: Callable[[BaseException], None]
    identified: Callable[[int], None]


class Fleet:
    """The shards of this replica.

    Parameters
    ----------
    parts:
        What it works with.
    """

    def __init__(self, parts: FleetParts) -> None:
        self._parts = parts
        self._bot = parts.bot
        self._stores = parts.stores
        self._dirty = asyncio.Event()
        self._leaving: set[int] = set()
        self._prepared: dict[int, ShardRunner] = {}
        self._giving: set[int] = set()
        self._answers: dict[int, asyncio.Future[Hint]] = {}
        self._refused: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._filling: dict[int, asyncio.Lock] = {}
        self._running = False
        self._balance = Balance(parts.rebalance_seconds)
        self.draining = False
        self.runner_parts = self._make_runner_parts()
        if self._stores is not None:
            self._stores.keeper.watch(lambda _row, _state: self._dirty.set())
            self._stores.line.listen(self._heard)

    def _make_runner_parts(self) -> RunnerParts:
        parts, stores = self._parts, self._stores
        return RunnerParts(
            client=parts.bot,
            epoch=lambda shard: parts.owned.epoch(shard, parts.clock()),
            gateway_info=parts.bot.gateway_info,
            gateway_url=parts.bot.settings.discord.gateway_url,
            turns=parts.turns,
            metrics=parts.bot.metrics,
            clock=parts.clock,
            fingerprint=parts.bot.fingerprint,
            told=self,
            busy=parts.work.busy,
            notes=KeptNotes(stores.guilds, stores.letters) if stores is not None else None,
        )

    # What runners say.

    def identified(self, shard: int) -> None:
        """A new session: save it at once, for a crash before the next renewal would waste it."""
        if self._stores is not None:
            self._stores.keeper.save_soon()
        self._parts.identified(shard)

    def live(self, shard: int, by: str) -> None:
        """A session is live."""
        if by == "RESUMED":
            self._bot.became_ready()
        runner = self._bot.runners.get(shard)
        if runner is not None and runner.free_since is not None:
            runner.handover_gap = max(0.0, self._parts.clock() - runner.free_since)
            runner.free_since = None
            self._bot.metrics.shard_handover_gap.observe(runner.handover_gap)
        self._dirty.set()

    def session_lost(self, shard: int, why: str) -> None:
        """A session is gone, and with it what Discord had kept for it."""
        _log.warning("session lost", shard=shard, why=why)
        self._bot.metrics.gateway_session_lost.inc()

    def records(self) -> Mapping[int, SessionRecord]:
        """Give the sessions of the shards that are run here under a current epoch."""
        found = {}
        for shard, runner in self._bot.runners.items():
            record = runner.record()
            if record is not None and runner.epoch == self._parts.owned.believed_epoch(shard):
                found[shard] = record
        return found

    # Following ownership.

    async def run(self) -> None:
        """Follow ownership until cancelled."""
        self._running = True
        if self._stores is not None:
            self._stores.keeper.start_taking()
        while True:
            self._dirty.clear()
            self._follow()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._dirty.wait()
            self._even_out()

    def _follow(self) -> None:
        owned, now = self._parts.owned, self._parts.clock()
        for shard, runner in list(self._bot.runners.items()):
            if shard in self._giving:
                continue
            if owned.believed_epoch(shard) != runner.epoch:
                del self._bot.runners[shard]
                self._leaving.add(shard)
                self._spawn(self._lose(shard, runner))
        parked = False
        for shard in owned.rows:
            state = owned.state(shard, now)
            parked = parked or state is RowState.PARKED
            self._bot.metrics.shard_owned.labels(shard=str(shard)).set(int(state is RowState.VALID))
            held = self._bot.runners.get(shard)
            if held is not None and state is RowState.VALID:
                held.unpark()
            elif held is None and shard not in self._leaving and state is RowState.VALID:
                self._adopt(shard, owned.believed_epoch(shard) or 0)
        if parked:
            self._bot.degraded.set("lease", "Parked")
        else:
            self._bot.degraded.clear("lease")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        tasks.start(work, self._parts.failed, kept=self._tasks)

    def _adopt(self, shard: int, epoch: int) -> None:
        record = self._stores.keeper.inherited(shard) if self._stores is not None else None
        prepared = self._prepared.pop(shard, None)
        runner = prepared or ShardRunner(shard, self.runner_parts, epoch, record)
        runner.epoch = epoch
        runner.free_since = self._free_since(shard) if record is not None else None
        self._bot.runners[shard] = runner
        _log.info("shard taken", shard=shard, epoch=epoch, prepared=prepared is not None)
        self._spawn(self._begin(shard, runner, record, prepared is not None))
        if shard == 0:
            self._parts.identified(shard)

    def _free_since(self, shard: int) -> float | None:
        """Say when a shard that was just taken had lost its owner, by the local clock."""
        if self._stores is None:
            return None
        view = self._stores.keeper.view
        return next((view.at - row.free_for for row in view.seen if row.row == shard), None)

    async def _begin(
        self, shard: int, runner: ShardRunner, record: SessionRecord | None, prepared: bool
    ) -> None:
        epoch = runner.epoch or 0
        if record is not None and record.fingerprint == self._bot.fingerprint():
            same = prepared and runner.session_id == record.session
            above = runner.mark.done if same else -1
            await self._hydrate(shard, record.session, above, record.done)
        if self._bot.runners.get(shard) is not runner:
            return
        if prepared:
            runner.own(epoch, record)
        else:
            runner.start(self._parts.failed)

    async def _hydrate(self, shard: int, session: str, above: int, up_to: int) -> None:
        if self._stores is None:
            return
        # One at a time: an older snapshot must not be laid over a newer one.
        async with self._filling.setdefault(shard, asyncio.Lock()):
            snapshot = await self._stored(self._stores, shard, session, above, up_to)
            guilds = snapshot.guilds
            for start in range(0, len(guilds), GUILDS_AT_ONCE):
                self._bot.hydrate(Snapshot(guilds[start : start + GUILDS_AT_ONCE]))
                await asyncio.sleep(0)
            self._bot.hydrate(Snapshot(journal=snapshot.journal))

    async def _stored(
        self, stores: Stores, shard: int, session: str, above: int, up_to: int
    ) -> Snapshot:
        """Read what is known of guilds; without it a RESUME would lose most events silently."""
        where = (shard, session, above, up_to)
        deadline = self._parts.clock() + HYDRATE_SECONDS
        while True:
            try:
                return await stores.guilds.load(*where)
            except Unavailable:
                # The circuit may still be open from an outage that is over: the row was just taken.
                snapshot = await self._stored_beside(stores, where)
            if snapshot is not None:
                return snapshot
            if self._parts.clock() > deadline:
                _log.error("stored guilds cannot be read; events may be dropped", shard=shard)
                self._bot.metrics.gateway_hydration_failed.inc()
                return Snapshot()
            await asyncio.sleep(0.2)

    async def _stored_beside(
        self, stores: Stores, where: tuple[int, str, int, int]
    ) -> Snapshot | None:
        """Read over a connection of its own; None while the database does not serve."""
        try:
            connection = await stores.database.connect()
        except Exception as error:
            if not stores.keeper.refused(error):
                raise
            return None
        try:
            return await stores.guilds.load(*where, connection)
        except Exception as error:
            if not stores.keeper.refused(error):
                raise
            return None
        finally:
            connection.terminate()

    async def _lose(self, shard: int, runner: ShardRunner) -> None:
        """Let go of a shard that is somebody else's now: nothing of it may go on."""
        _log.warning("shard lost", shard=shard, epoch=runner.epoch)
        if runner.ws is not None:
            runner.ws.forget()
        await runner.stop()
        await self._parts.work.drained(0.0, shard)
        self._left(shard)

    def _left(self, shard: int) -> None:
        self._bot.evict(shard)
        self._leaving.discard(shard)
        self._bot.metrics.shard_owned.labels(shard=str(shard)).set(0)
        self._bot.metrics.shard_ready.labels(shard=str(shard)).set(0)
        self._dirty.set()

    # Receiving.

    def _heard(self, hint: Hint) -> None:
        answer = self._answers.get(hint.shard)
        if hint.kind is HintKind.RELEASED:
            if self._stores is not None and hint.to in ("", self._parts.owner):
                self._stores.keeper.poke()
        elif hint.to != self._parts.owner:
            return
        elif hint.kind is HintKind.OFFER:
            self._spawn(self._prepare(hint))
        elif answer is not None and not answer.done():
            answer.set_result(hint)

    async def _prepare(self, offer: Hint) -> None:
        """Get ready for a shard that another replica wants to hand over."""
        stores, shard = self._stores, offer.shard
        if stores is None:
            return
        busy = shard in self._bot.runners or shard in self._prepared or shard in self._leaving
        if self.draining or busy or not self._running:
            await stores.line.send(HintKind.REFUSED, shard, offer.epoch, offer.sender)
            return
        try:
            async with stores.database.acquire() as connection:
                record = (await stores.leases.records(connection, [shard])).get(shard)
        except Unavailable:
            return
        if record is not None and record.fingerprint == self._bot.fingerprint():
            await self._hydrate(shard, record.session, -1, record.done)
            if shard in self._bot.runners:
                return  # taken meanwhile, and begun without us
            runner = ShardRunner(shard, self.runner_parts, None, record)
            self._prepared[shard] = runner
            runner.start(self._parts.failed)
            with suppress(TimeoutError):
                async with asyncio.timeout(PREPARE_SECONDS):
                    await runner.prepared.wait()
            self._spawn(self._abandon(shard, runner))
        await stores.line.send(HintKind.PREPARED, shard, offer.epoch, offer.sender)

    async def _abandon(self, shard: int, runner: ShardRunner) -> None:
        """Let go of a prepared connection whose shard never came."""
        await asyncio.sleep(ABANDON_SECONDS)
        if self._prepared.get(shard) is runner:
            del self._prepared[shard]
            self._leaving.add(shard)
            await runner.stop()
            self._left(shard)

    # Giving.

    def _even_out(self) -> None:
        """Hand one shard over where the load has been uneven for long."""
        stores = self._stores
        if stores is None or self.draining or self._giving:
            return
        if self._bot.degraded.reason("postgres") is not None:
            return  # what is in memory could not be written before a hand-over
        view = stores.keeper.view
        move = rebalance(view.owners(), view.members)
        if not self._balance.due(move, view.members, self._parts.clock()) or move is None:
            return
        runner = self._bot.runners.get(move.shard)
        settled = runner is not None and runner.state is ShardState.LIVE
        if move.giver == self._parts.owner and settled:
            _log.info("evening out", shard=move.shard, to=move.receiver)
            self._spawn(self._give_once(move.shard, move.receiver))

    async def _give_once(self, shard: int, heir: str) -> None:
        await self.give(shard, heir, DRAIN_SECONDS)

    async def give(self, shard: int, heir: str | None, drain: float) -> bool:
        """Hand a shard over.

        Parameters
        ----------
        shard:
            Which one.
        heir:
            Who is to have it; None when nobody is there.
        drain:
            Seconds that handlers may end in.

        Returns
        -------
        bool
            False when the heir refused; the shard is then still run here.
        """
        runner = self._bot.runners.get(shard)
        if runner is None or self._stores is None:
            return True
        self._giving.add(shard)
        try:
            if heir is not None and not await self._offered(shard, runner.epoch or 0, heir):
                return False
            await self._hand_over(shard, runner, heir, drain)
        finally:
            self._giving.discard(shard)
            self._dirty.set()
        return True

    async def _offered(self, shard: int, epoch: int, heir: str) -> bool:
        """Offer a shard and wait until the heir is ready; False when it refused."""
        assert self._stores is not None
        answer: asyncio.Future[Hint] = asyncio.get_running_loop().create_future()
        self._answers[shard] = answer
        try:
            await self._stores.line.send(HintKind.OFFER, shard, epoch, heir)
            async with asyncio.timeout(PREPARE_SECONDS):
                hint = await answer
        except TimeoutError:
            return True
        finally:
            del self._answers[shard]
        return hint.kind is not HintKind.REFUSED

    async def _hand_over(
        self, shard: int, runner: ShardRunner, heir: str | None, drain: float
    ) -> None:
        stores = self._stores
        assert stores is not None
        started = self._parts.clock()
        await runner.stop()
        cancelled = await self._parts.work.drained(drain, shard)
        await self._write_before_release()
        record = runner.record()
        release = stores.ownership.start_release([shard])
        stores.keeper.show()
        if release.claims:
            await stores.line.release(release, {shard: record} if record else {}, heir)
        _log.info(
            "shard handed over",
            shard=shard,
            to=heir,
            seconds=round(self._parts.clock() - started, 4),
            cancelled=cancelled,
            behind=record.received - record.done if record else None,
        )
        self._bot.runners.pop(shard, None)
        self._leaving.add(shard)
        self._left(shard)

    async def _write_before_release(self) -> None:
        """Store what holds events open; what cannot be stored is replayed at the receiver."""
        assert self._stores is not None
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._parts.before_release()
                await self._stores.guilds.flush()
                await self._stores.letters.flush()
        except (TimeoutError, Unavailable) as error:
            _log.warning("not everything was written before a hand-over", error=str(error))

    async def drain(self, seconds: float) -> None:
        """Hand over everything, two shards at a time; then leave.

        Parameters
        ----------
        seconds:
            How long at most; what is left then is released without a hand-over.
        """
        self.draining = True
        if self._stores is None:
            await asyncio.gather(*(r.stop() for r in self._bot.runners.values()))
            await self._parts.work.drained(self._parts.drain_seconds)
            return
        self._stores.keeper.stop_taking()
        for shard, runner in list(self._prepared.items()):
            del self._prepared[shard]
            await runner.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._bot.runners:
                    await self._drain_once()
        await asyncio.gather(*(self.give(s, None, 0.0) for s in list(self._bot.runners)))

    async def _drain_once(self) -> None:
        plan = self._heirs()
        # Two at a time where somebody gets ready for them; else there is nothing to wait for.
        limit = asyncio.Semaphore(PARALLEL if plan else max(1, len(self._bot.runners)))

        async def one(shard: int) -> None:
            heir = plan.get(shard)
            # Where nobody waits for the shard, handlers may take the time that was promised.
            patience = DRAIN_SECONDS if heir is not None else self._parts.drain_seconds
            async with limit:
                if not await self.give(shard, heir, patience) and heir is not None:
                    self._refused.add(heir)

        await asyncio.gather(*(one(shard) for shard in sorted(self._bot.runners)))

    def _heirs(self) -> dict[int, str]:
        assert self._stores is not None
        view = self._stores.keeper.view
        others: list[Member] = [
            m for m in view.members if m.owner != self._parts.owner and m.owner not in self._refused
        ]
        owners = {s: o for s, o in view.owners().items() if o != self._parts.owner}
        shards = range(self._bot.settings.shards.count)
        return place(shards, owners, others)

    async def close(self) -> None:
        """End what is still under way."""
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
