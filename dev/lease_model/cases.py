"""Which rules are left out, and the bounds within which that shows."""

from __future__ import annotations

from dataclasses import dataclass

from dev.lease_model.rules import Rule
from dev.lease_model.world import Bounds


@dataclass(frozen=True, slots=True)
class Case:
    """An exploration.

    Attributes
    ----------
    without:
        Rules that are left out together.
    bounds:
        How far it goes.
    breaks:
        Whether a promise is broken then.
    long:
        Whether it takes more than some seconds.
    """

    without: frozenset[Rule]
    bounds: Bounds
    breaks: bool = True
    long: bool = False


WIDE = Bounds()
_NO_EFFECT = Bounds(requests=(1, 1), effects=(0, 0), drift=(0, 0))
_TWO_RENEWALS = Bounds(requests=(3, 1), effects=(0, 0), drift=(0, 0), horizon=5)
_DRIFT = Bounds(requests=(1, 1), effects=(0, 0), drift=(2, 0))
_TAKEN_TWICE = Bounds(requests=(3, 1), reads=(2, 1), effects=(0, 0), drift=(0, 0))


def _case(*without: Rule, bounds: Bounds = WIDE, breaks: bool = True, long: bool = False) -> Case:
    return Case(frozenset(without), bounds, breaks, long)


HOLD = (
    _case(bounds=_NO_EFFECT, breaks=False),
    _case(bounds=_DRIFT, breaks=False),
    _case(bounds=WIDE, breaks=False, long=True),
    _case(bounds=_TAKEN_TWICE, breaks=False, long=True),
    _case(bounds=_TWO_RENEWALS, breaks=False, long=True),
)
"""With every rule, no promise is broken."""

BREAK = (
    _case(Rule.DEADLINE_BEFORE_SENDING),
    _case(Rule.MARGIN, bounds=_DRIFT),
    _case(Rule.ACT_CHECKS_DEADLINE),
    _case(Rule.RENEW_OWN_EPOCH, bounds=_TWO_RENEWALS, long=True),
    _case(Rule.RENEW_NEWER_REV, bounds=_TWO_RENEWALS, long=True),
    _case(Rule.TAKE_FREE_ONLY, Rule.TAKE_AS_SEEN, bounds=_NO_EFFECT),
    _case(Rule.TAKE_NEW_EPOCH),
    _case(Rule.TAKE_LOCKS_OUT_EFFECTS),
    _case(Rule.STOP_BEFORE_RELEASE),
    _case(Rule.RELEASE_OWN_EPOCH, bounds=_TAKEN_TWICE, long=True),
    _case(Rule.FENCE),
)
"""Without these, one is. The two looks of a take stand in for each other."""

SPARE = (
    _case(Rule.TAKE_FREE_ONLY, bounds=_NO_EFFECT, breaks=False),
    _case(Rule.TAKE_AS_SEEN, bounds=_NO_EFFECT, breaks=False),
    _case(Rule.LATE_ANSWER_DISCARDED, breaks=False, long=True),
)
"""Without one of these alone nothing breaks within the bounds: others say the same."""
