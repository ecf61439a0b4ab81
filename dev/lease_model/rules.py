"""The rules, each removable, so that it can be shown what each one is for."""

from __future__ import annotations

import enum


class Rule(enum.Enum):
    """One rule of shard ownership; the value says what holds while it is kept."""

    DEADLINE_BEFORE_SENDING = "the deadline counts from before the request was sent"
    MARGIN = "the owner lets go earlier than the database, by more than clocks drift"
    ACT_CHECKS_DEADLINE = "an act looks at the deadline at that moment"
    LATE_ANSWER_DISCARDED = "an answer after its time-out counts for nothing"
    RENEW_OWN_EPOCH = "a renewal changes the row only where owner and epoch are the sender's"
    RENEW_NEWER_REV = "a renewal changes the row only where its revision is newer"
    TAKE_FREE_ONLY = "under the lock, a take looks again that the row is released or expired"
    TAKE_AS_SEEN = "under the lock, a take looks that the row is as it was seen"
    TAKE_NEW_EPOCH = "a take counts the epoch up"
    TAKE_LOCKS_OUT_EFFECTS = "a take waits for effects under way"
    STOP_BEFORE_RELEASE = "the owner stops before it releases"
    RELEASE_OWN_EPOCH = "a release changes the row only where owner and epoch are the sender's"
    FENCE = "an effect commits only under the row's epoch"


ALL = frozenset(Rule)
