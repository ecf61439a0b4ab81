"""Slots: what keeps clusters apart."""

from __future__ import annotations

import ipaddress
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dev.cluster.errors import ClusterError
from dev.cluster.slots import SLOTS, Slot, checked_name, claim_slot, lowest_free


def test_slots_share_no_address_and_no_name() -> None:
    slots = [Slot(number) for number in range(SLOTS)]
    for one, two in itertools.combinations(slots, 2):
        ranges = itertools.product(
            (one.pods, one.services, one.uplink), (two.pods, two.services, two.uplink)
        )
        assert not any(first.overlaps(second) for first, second in ranges)
        assert one.machine_interface != two.machine_interface
        assert one.loopback != two.loopback


@given(st.integers(0, SLOTS - 1))
def test_a_slot_is_consistent(number: int) -> None:
    slot = Slot(number)
    addresses = [slot.node(1), slot.node(2), slot.first_pod]
    assert len(set(addresses)) == 3
    assert all(ipaddress.ip_address(address) in slot.pods for address in addresses)
    assert ipaddress.ip_address(slot.dns) in slot.services
    assert {ipaddress.ip_address(slot.machine_end), ipaddress.ip_address(slot.cluster_end)} == set(
        slot.uplink.hosts()
    )
    assert not slot.pods.overlaps(slot.services)
    # The kernel takes interface names of up to 15 characters.
    assert len(slot.machine_interface) <= 15
    assert ipaddress.ip_address(slot.loopback).is_loopback


@pytest.mark.parametrize("number", [-1, SLOTS])
def test_other_slots_are_refused(number: int) -> None:
    with pytest.raises(ClusterError, match="slots"):
        Slot(number)


@given(st.sets(st.integers(0, SLOTS - 1), max_size=SLOTS - 1))
def test_the_lowest_free_slot_is_taken(taken: set[int]) -> None:
    slot = lowest_free(taken)
    assert slot.number not in taken
    assert taken >= set(range(slot.number))


def test_no_slot_left_says_what_to_do() -> None:
    with pytest.raises(ClusterError, match="delete a cluster"):
        lowest_free(range(SLOTS))


def test_a_claim_lasts_as_long_as_its_folder(tmp_path: Path) -> None:
    assert claim_slot(tmp_path, "one").number == 0
    assert claim_slot(tmp_path, "two").number == 1
    assert claim_slot(tmp_path, "one").number == 0
    (tmp_path / "one" / "slot.json").unlink()
    assert claim_slot(tmp_path, "three").number == 0
    assert json.loads((tmp_path / "three" / "slot.json").read_text()) == {"slot": 0}


@pytest.mark.parametrize("name", ["vertice", "vertice-test", "a1"])
def test_good_names(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", "a", "-a", "a-", "A1", "a/b", "..", "a b", "a" * 33])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="cannot name a cluster"):
        checked_name(name)
