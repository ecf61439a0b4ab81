"""The watermark: never past something open, never back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from vertice_bot.gateway.watermark import Watermark


def test_it_stands_before_the_oldest_open_event() -> None:
    mark = Watermark()
    for seq in (1, 2, 3):
        assert mark.begin(seq)
    mark.end(2)
    assert (mark.done, mark.received) == (0, 3)
    mark.end(1)
    assert mark.done == 2
    mark.end(3)
    assert mark.done == 3


def test_a_grandchild_keeps_its_event_open() -> None:
    mark = Watermark()
    mark.begin(1)
    mark.begin(1)
    mark.end(1)
    assert mark.done == 0
    mark.begin(1)
    mark.end(1)
    mark.end(1)
    assert mark.done == 1


def test_what_begins_too_late_is_counted_and_changes_nothing() -> None:
    mark = Watermark(10)
    assert not mark.begin(10)
    assert (mark.done, mark.late) == (10, 1)


def test_a_resumed_session_begins_at_its_watermark() -> None:
    mark = Watermark(40)
    mark.begin(41)
    assert (mark.done, mark.received) == (40, 41)


def test_rewinding_forgets_what_was_dropped_unhandled() -> None:
    mark = Watermark()
    for seq in (1, 2, 3, 4):
        mark.begin(seq)
    mark.rewind(2)
    assert (mark.done, mark.received) == (0, 2)
    mark.end(4)  # of before; nobody knows it any more
    mark.end(1)
    mark.end(2)
    assert mark.done == 2
    mark.begin(3)
    assert (mark.done, mark.received) == (2, 3)


class Plain:
    """The definition, without any cleverness."""

    def __init__(self) -> None:
        self.received = 0
        self.open: list[int] = []
        self.done = 0

    def settle(self) -> None:
        self.done = max(self.done, min(self.open) - 1 if self.open else self.received)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["frame", "child", "end"]), st.integers(0, 30))))
def test_it_agrees_with_its_definition(steps: list[tuple[str, int]]) -> None:
    mark, plain = Watermark(), Plain()
    for step, which in steps:
        before = mark.done
        if step == "frame":
            plain.received += 1
            plain.open.append(plain.received)
            assert mark.begin(plain.received)
        elif step == "child" and plain.open:
            parent = plain.open[which % len(plain.open)]
            plain.open.append(parent)
            assert mark.begin(parent)
        elif step == "end" and plain.open:
            ended = plain.open.pop(which % len(plain.open))
            mark.end(ended)
            plain.settle()
        assert mark.done == plain.done
        assert mark.done >= before
        assert mark.received == plain.received
