"""Hashes: stable, sensitive to what matters, silent about secrets."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_operator.render import secret_hash, spec_hash
from vertice_operator.render.hashes import config_hash


def test_secret_hash_is_an_hmac_keyed_with_the_uid() -> None:
    message = (13).to_bytes(8, "big") + b"discord-token" + (3).to_bytes(8, "big") + b"abc"
    expected = hmac.new(b"uid-1", message, hashlib.sha256).hexdigest()[:16]
    assert secret_hash("uid-1", {"discord-token": b"abc"}) == expected


def test_one_token_in_two_bots_has_two_hashes() -> None:
    data = {"discord-token": b"same"}
    assert secret_hash("uid-1", data) != secret_hash("uid-2", data)


def test_without_a_uid_there_is_no_key() -> None:
    with pytest.raises(ValueError, match="no uid"):
        secret_hash("", {"discord-token": b"x"})


secrets = st.dictionaries(st.text(max_size=4), st.binary(max_size=4), max_size=3)


@given(secrets, secrets)
def test_secret_hash_tells_any_two_sets_apart(
    first: dict[str, bytes], second: dict[str, bytes]
) -> None:
    same = secret_hash("u", first) == secret_hash("u", second)
    assert same == (first == second)


def test_secret_hash_does_not_depend_on_order() -> None:
    assert secret_hash("u", {"a": b"1", "b": b"2"}) == secret_hash("u", {"b": b"2", "a": b"1"})


def test_hashes_have_sixteen_hex_digits() -> None:
    for text in (secret_hash("u", {}), spec_hash({}), config_hash("")):
        assert len(text) == 16
        int(text, 16)


def test_spec_hash_ignores_the_order_of_keys_and_sees_that_of_lists() -> None:
    assert spec_hash({"a": 1, "b": [1, 2]}) == spec_hash({"b": [1, 2], "a": 1})
    assert spec_hash({"b": [1, 2]}) != spec_hash({"b": [2, 1]})
