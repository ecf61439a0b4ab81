"""Warnings: a case is written before anything is done, and settled after.

A warning is the case itself, a direct message to the member, and an entry in the moderators' log
channel if there is one. Both messages go out at most once: they carry nonces made from the
interaction, which Discord honours for a few minutes, and after that they are not tried again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

import structlog

from vertice_bot.db.repos import cases
from vertice_bot.db.repos.cases import Case, CaseKind, CaseStatus, NewCase, Notice
from vertice_bot.db.repos.queries import Queries
from vertice_bot.effects import AlreadyDone, Effects, Fenced
from vertice_bot.errors import Unavailable
from vertice_bot.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)

ABANDONED_AFTER = timedelta(minutes=1)
"""A pending case older than this has lost its handler: an act takes seconds."""

NONCE_HOLDS = timedelta(minutes=3)
"""How long a repeated message is surely dropped by Discord ("the past few minutes")."""

_SWEEP_AT_MOST = 50


class Voice(Protocol):
    """What a case says on Discord. Both may be repeated with the same case without harm.

    Both raise ``Fenced`` when this replica may not act at the moment.
    """

    async def tell(self, case: Case) -> Notice:
        """Tell the member; problems of delivery are a value, not an exception."""

    async def log(self, case: Case, notice: Notice) -> None:
        """Tell the moderators' log channel, if any; problems of delivery are only logged."""


@dataclass(frozen=True, slots=True)
class WarnRequest:
    """What a moderator asked for."""

    guild_id: int
    member_id: int
    moderator_id: int
    reason: str
    interaction_id: int


@dataclass(frozen=True, slots=True)
class WarnOutcome:
    """The case, and whether this very call opened it (a replayed interaction did not)."""

    case: Case
    opened: bool


class Warnings:
    """Gives warnings.

    Parameters
    ----------
    bot:
        ``<namespace>/<name>``, the key space.
    store:
        The database, for reading.
    effects:
        The only way to write.
    metrics:
        Counts cases by outcome.
    """

    def __init__(self, bot: str, store: Queries, effects: Effects, metrics: Metrics) -> None:
        self._bot = bot
        self._store = store
        self._effects = effects
        self._metrics = metrics

    async def warn(self, request: WarnRequest, voice: Voice) -> WarnOutcome:
        """Open a case, tell the member, settle the case.

        A replayed interaction gives the case that it opened before and does nothing else; if that
        is still pending, its first handler or the sweep settles it.

        Raises
        ------
        Unavailable
            The database is away; nobody was told anything.
        Fenced
            Another replica took over; it gets the same interaction and does the work.
        """
        try:
            case = await self._open(request)
        except AlreadyDone:
            return WarnOutcome(await self._opened_before(request), opened=False)
        return WarnOutcome(await self._carry_out(case, voice), opened=True)

    async def settle_abandoned(self, voice: Voice) -> int:
        """Settle cases whose handler is gone, for instance by a crash; return how many.

        Whether the member was told is not known. Young cases are told again, which Discord drops
        when it is a repetition; older ones are settled with the notice ``unknown``, so that the
        moderator sees it and nobody gets a message twice.

        Raises
        ------
        Unavailable, Fenced
            As for :meth:`warn`; what is left is settled by the next sweep.
        """
        found = await cases.abandoned(self._store, self._bot, ABANDONED_AFTER, _SWEEP_AT_MOST)
        for case, age in found:
            notice = await self._speak(case, voice) if age < NONCE_HOLDS else Notice.UNKNOWN
            settled = await self._settle(case, CaseStatus.APPLIED, notice)
            _log.info("abandoned case settled", **_ids(settled), notice=notice.value)
        return len(found)

    async def _open(self, request: WarnRequest) -> Case:
        new = NewCase(
            bot=self._bot,
            guild_id=request.guild_id,
            kind=CaseKind.WARN,
            member_id=request.member_id,
            moderator_id=request.moderator_id,
            reason=request.reason,
            interaction_id=request.interaction_id,
        )
        key = request.interaction_id
        async with self._effects.transaction(key=key, kind="moderation.case") as conn:
            return await cases.open_case(conn, new)

    async def _opened_before(self, request: WarnRequest) -> Case:
        case = await cases.by_interaction(self._store, request.interaction_id)
        if case is None:
            raise LookupError(f"interaction {request.interaction_id} has an effect but no case")
        return case

    async def _carry_out(self, case: Case, voice: Voice) -> Case:
        try:
            notice = await self._speak(case, voice)
        except (Fenced, Unavailable):
            # Not ours to finish any more: the case stays pending and the owner's sweep settles it.
            return case
        except Exception as error:
            await self._settle(case, CaseStatus.FAILED, Notice.FAILED, type(error).__name__)
            raise
        try:
            return await self._settle(case, CaseStatus.APPLIED, notice)
        except (Fenced, Unavailable) as error:
            _log.warning("case left pending", **_ids(case), reason=type(error).__name__)
            return case

    async def _speak(self, case: Case, voice: Voice) -> Notice:
        notice = await voice.tell(case)
        await voice.log(case, notice)
        return notice

    async def _settle(
        self, case: Case, status: CaseStatus, notice: Notice, failure: str | None = None
    ) -> Case:
        key = case.interaction_id
        try:
            async with self._effects.transaction(key=key, kind="moderation.settle") as conn:
                settled = await cases.settle(conn, case, status, notice, failure)
        except AlreadyDone:
            settled = await cases.by_interaction(self._store, case.interaction_id)
        else:
            self._metrics.moderation_cases.labels(action=case.kind, outcome=status).inc()
        return settled or replace(case, status=status, notice=notice, failure=failure)


def _ids(case: Case) -> dict[str, int]:
    return {"guild": case.guild_id, "case": case.number}
