from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vertice_bot.services.activity.buffer import CountBuffer


def test_a_full_buffer_drops_and_counts() -> None:
    buffer = CountBuffer("me", capacity=2)
    assert [buffer.add(n, 1, 1, 1) for n in range(4)] == [True, True, False, False]
    assert (len(buffer), buffer.dropped) == (2, 2)


def test_a_taken_batch_still_counts_against_the_capacity() -> None:
    buffer = CountBuffer("me", capacity=2)
    buffer.add(1, 1, 1, 1)
    buffer.add(2, 1, 1, 1)
    assert buffer.take(10) is not None
    assert not buffer.add(3, 1, 1, 1)


def test_a_batch_is_the_same_until_it_is_confirmed() -> None:
    buffer = CountBuffer("me", capacity=10)
    buffer.add(1, 1, 1, 1)
    first = buffer.take(10)
    assert first is not None
    buffer.add(2, 1, 1, 1)
    assert buffer.take(10) is first
    buffer.confirm(first)
    second = buffer.take(10)
    assert second is not None
    assert second.key != first.key
    assert list(second.messages.ids) == [2]


@given(st.lists(st.one_of(st.integers(1, 2**63 - 1), st.sampled_from(["take", "confirm"]))))
def test_every_message_is_confirmed_once_and_in_order(steps: list[int | str]) -> None:
    buffer = CountBuffer("me", capacity=20)
    kept: list[int] = []
    confirmed: list[int] = []
    batch = None
    for step in steps:
        if isinstance(step, int):
            if buffer.add(step, 1, 2, 3):
                kept.append(step)
        elif step == "take":
            batch = buffer.take(3)
        elif batch is not None:
            if buffer.take(3) is batch:
                confirmed += batch.messages.ids
            buffer.confirm(batch)
            batch = None
    while (rest := buffer.take(3)) is not None:
        confirmed += rest.messages.ids
        buffer.confirm(rest)
    assert confirmed == kept
    assert len(kept) + buffer.dropped == sum(isinstance(step, int) for step in steps)
