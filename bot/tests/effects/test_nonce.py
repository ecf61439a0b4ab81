"""Nonces: short, the same everywhere, different for different causes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_bot.effects.nonce import MAX_LENGTH, base36, nonce_for

ids = st.integers(0, 2**64 - 1)
indexes = st.integers(0, 1295)


@given(ids, indexes)
def test_fits_discords_limit(event_id: int, index: int) -> None:
    assert len(nonce_for(event_id, index)) <= MAX_LENGTH


@given(st.tuples(ids, indexes), st.tuples(ids, indexes))
def test_one_nonce_per_cause(a: tuple[int, int], b: tuple[int, int]) -> None:
    assert (nonce_for(*a) == nonce_for(*b)) is (a == b)


@given(ids)
def test_base36_is_reversible(value: int) -> None:
    assert int(base36(value), 36) == value


@pytest.mark.parametrize(("event_id", "index"), [(-1, 0), (1, -1), (1, 1296), (36**24, 0)])
def test_refusals(event_id: int, index: int) -> None:
    with pytest.raises(ValueError):
        nonce_for(event_id, index)
