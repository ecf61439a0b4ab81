"""The bot's own ownership code, one step at a time."""

from __future__ import annotations

from typing import NamedTuple

from dev.lease_model.rules import Rule
from vertice_bot.gateway.ownership import Claim, LeaseTimes, Ownership, Renewal, Seen, Take

ROW = 0


class Held(NamedTuple):
    """What a process believes of a row that is its own."""

    epoch: int
    rev: int
    deadline: int


class Logic:
    """Steps of a process, by the real code, save for the rule that is left out.

    Parameters
    ----------
    ttl, renew:
        Ticks that a lease lives, and that an answer is waited for.
    rules:
        Those that are kept.
    """

    def __init__(self, ttl: int, renew: int, rules: frozenset[Rule]) -> None:
        margin = 1 if Rule.MARGIN in rules else 0
        self.rules = rules
        self.hears_late_answers = Rule.LATE_ANSWER_DISCARDED not in rules
        self._times = LeaseTimes(ttl=ttl, renew=renew, margin=margin)
        self._patient = LeaseTimes(ttl=ttl, renew=10**6, margin=margin)

    def may_act(self, held: Held | None, now: int) -> int | None:
        """Give the epoch under which the process would act now."""
        if held is not None and Rule.ACT_CHECKS_DEADLINE not in self.rules:
            return held.epoch
        return self._ownership(held).epoch(ROW, now)

    def start_renewal(self, held: Held, now: int) -> tuple[Held, tuple[int, int]]:
        """Give the belief after sending, and the epoch and rev that are sent."""
        ownership = self._ownership(held)
        renewal = ownership.start_renewal(now)
        assert renewal is not None
        claim = renewal.claims[0]
        return Held(held.epoch, claim.rev, held.deadline), (claim.epoch, claim.rev)

    def release_claim(self, held: Held) -> tuple[int, int]:
        """Give the epoch and rev of a release."""
        claim = self._ownership(held).start_release([ROW]).claims[0]
        return claim.epoch, claim.rev

    def after_release(self, held: Held) -> Held | None:
        """Give the belief once a release is sent."""
        return None if Rule.STOP_BEFORE_RELEASE in self.rules else held

    def finish(
        self,
        held: Held | None,
        kind: str,
        sent_at: int,
        claim: tuple[int, ...],
        answer: tuple[int, int] | None,
        now: int,
    ) -> Held | None:
        """Give the belief after an answer."""
        ownership = self._ownership(held)
        if Rule.DEADLINE_BEFORE_SENDING not in self.rules:
            sent_at = now
        if kind == "renew":
            renewal = Renewal(sent_at, (Claim(ROW, *claim),))
            ownership._pending = renewal  # the step before, taken again
            ownership.finish_renewal(renewal, {ROW} if answer else set(), now)
        else:
            epoch, rev, until = claim
            seen = Seen(ROW, None, epoch, rev, until, takeable=True, expires_in=None)
            take = Take(sent_at, (seen,))
            ownership._pending = take
            ownership.finish_take(take, {ROW: Claim(ROW, *answer)} if answer else {}, now)
        return _belief(ownership, held)

    def _ownership(self, held: Held | None) -> Ownership:
        ownership = Ownership(self._patient if self.hears_late_answers else self._times)
        if held is None:
            return ownership
        # The only way in is the one of the code: a take that was answered.
        take = Take(held.deadline - self._times.validity, ())
        ownership._pending = take
        ownership.finish_take(take, {ROW: Claim(ROW, held.epoch, held.rev)}, take.sent_at)
        return ownership


def _belief(ownership: Ownership, before: Held | None) -> Held | None:
    epoch = ownership.believed_epoch(ROW)
    if epoch is None:
        return None
    held = ownership._held[ROW]  # the model looks inside on purpose
    return Held(epoch, held.rev, int(held.deadline))
