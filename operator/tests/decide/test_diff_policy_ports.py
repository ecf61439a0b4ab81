"""Ports of a NetworkPolicy rule are one value, however much like a container's they look."""

from typing import Any

from vertice_operator.decide.diff import first_difference


def _policy(*ports: int) -> dict[str, Any]:
    rule = {"from": [{"podSelector": {}}], "ports": [{"port": p, "protocol": "TCP"} for p in ports]}
    return {"spec": {"ingress": [rule]}}


def test_several_ports_of_one_protocol_are_no_difference() -> None:
    assert first_difference(_policy(9090, 9801), _policy(9090, 9801)) is None


def test_a_changed_port_is_a_difference() -> None:
    found = first_difference(_policy(9090, 9801), _policy(9090, 9802))
    assert found == "spec.ingress[0].ports[1].port: 9802 instead of 9801"
