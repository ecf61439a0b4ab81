"""Decisions after a connection ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_bot.gateway.reconnect import (
    FATAL_CODES,
    Attempts,
    Session,
    StepKind,
    back_off,
    fatal_reason,
    next_step,
)

SESSION = Session("abc", 42, "wss://resume.test")


def failed(times: int, since: float = 0.0) -> Attempts:
    attempts = Attempts()
    for _ in range(times):
        attempts = attempts.failed(since)
    return attempts


@pytest.mark.parametrize(
    ("session", "attempts", "now", "kind", "url"),
    [
        (None, Attempts(), 0.0, StepKind.IDENTIFY, None),
        (SESSION, failed(1), 0.0, StepKind.RESUME, "wss://resume.test"),
        (SESSION, failed(2), 4.9, StepKind.RESUME, "wss://resume.test"),
        (SESSION, failed(3), 4.9, StepKind.RESUME, None),
        (SESSION, failed(1), 5.0, StepKind.RESUME, None),
        (SESSION, failed(9), 59.9, StepKind.RESUME, None),
        (SESSION, failed(9), 60.0, StepKind.IDENTIFY, None),
        (None, failed(1), 1.0, StepKind.IDENTIFY, None),
    ],
)
def test_next_step(
    session: Session | None, attempts: Attempts, now: float, kind: StepKind, url: str | None
) -> None:
    step = next_step(session, attempts, now, jitter=0.5)
    assert (step.kind, step.url) == (kind, url)


def test_a_first_failure_is_resumed_at_once_and_identified_with_a_pause() -> None:
    assert next_step(SESSION, failed(1), 0.0, 0.0).delay == 0.0
    assert 1.0 <= next_step(None, failed(1), 0.0, 0.0).delay <= 5.0


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_back_off_is_bounded(failures: int, jitter: float) -> None:
    assert 0.0 <= back_off(failures, jitter) <= 30.0


@given(st.integers(0, 100), st.floats(0, 1))
def test_back_off_never_shrinks(failures: int, jitter: float) -> None:
    assert back_off(failures + 1, jitter) >= back_off(failures, jitter)


def test_fatal_codes_say_what_to_do() -> None:
    assert set(FATAL_CODES) == {4004, 4010, 4011, 4012, 4013, 4014}
    assert fatal_reason(4000) is None
    assert fatal_reason(None) is None
    assert "developer portal" in (fatal_reason(4014) or "")
