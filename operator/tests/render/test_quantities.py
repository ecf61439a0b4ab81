"""Quantities in canonical form; ``test_on_apiserver`` asks a real server for the same."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_operator.api.quantity import parse_quantity
from vertice_operator.render.quantities import canonical

TABLE = {
    "0": "0",
    "1": "1",
    "0.5": "500m",
    ".5": "500m",
    "1.": "1",
    "1000m": "1",
    "1500m": "1500m",
    "2000": "2k",
    "1500": "1500",
    "0.0001": "1m",
    "0.0000000001": "1m",
    "1024Mi": "1Gi",
    "1536Mi": "1536Mi",
    "0.5Gi": "512Mi",
    "1.5Ki": "1536",
    "512Ki": "512Ki",
    "0.1Ki": "102400m",
    "1Ki": "1Ki",
    "1000000": "1M",
    "1e3": "1e3",
    "1E3": "1e3",
    "12e6": "12e6",
    "5e-1": "500e-3",
    "1e2": "100",
    "100M": "100M",
    "1000M": "1G",
    "2Ei": "2Ei",
}


@pytest.mark.parametrize(("text", "stored"), TABLE.items())
def test_table(text: str, stored: str) -> None:
    assert canonical(text) == stored


amounts = st.builds(
    lambda number, suffix: f"{number}{suffix}",
    st.one_of(st.integers(0, 10**6), st.decimals(0, 1000, places=2)),
    st.sampled_from(["", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "e-3"]),
)


@given(amounts)
def test_the_canonical_form_is_stable_and_means_the_same(text: str) -> None:
    stored = canonical(text)
    assert canonical(stored) == stored
    value = parse_quantity(text)
    smallest = Decimal(1) if text.endswith("i") and value >= 1024 else Decimal("1e-3")
    assert value <= parse_quantity(stored) < value + smallest


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        canonical("much")
