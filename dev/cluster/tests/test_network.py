"""The commands that join and part a cluster's network, as pure functions."""

from __future__ import annotations

from pathlib import Path

from dev.cluster.native.kubelet import name_servers
from dev.cluster.native.mounts import mounts_under
from dev.cluster.native.network import (
    Network,
    cluster_commands,
    delete_commands,
    firewall_rules,
    insert_command,
    machine_commands,
)
from dev.cluster.slots import Slot

NETWORK = Network("demo", Slot(2))


def _lines(commands: list[list[str]]) -> list[str]:
    return [" ".join(command) for command in commands]


def test_machine_side() -> None:
    lines = _lines(machine_commands(NETWORK))
    assert lines[0] == "ip netns add vertice-demo"
    assert "ip route add 10.212.32.0/20 via 10.214.0.10 dev vertice2" in lines


def test_cluster_side_gives_every_node_its_address() -> None:
    lines = _lines(cluster_commands(NETWORK, nodes=2))
    assert "ip address add 10.212.32.1/20 dev cni0" in lines
    assert "ip address add 10.212.32.2/32 dev lo" in lines
    assert "ip address add 10.212.32.2/32 dev lo" not in _lines(cluster_commands(NETWORK, nodes=1))


def test_every_rule_carries_the_name_and_is_found_again() -> None:
    inserted = [insert_command(NETWORK, rule) for rule in firewall_rules(NETWORK)]
    assert len(inserted) == 5
    for command in inserted:
        table = command[command.index("-t") + 1]
        rest = " ".join(command[command.index("-I") + 1 :])
        listing = f"-P FORWARD ACCEPT\n-A {rest}\n-A FORWARD -j DOCKER-USER\n"
        deleted = delete_commands(NETWORK, table, listing)
        assert _lines(deleted) == [f"iptables -w -t {table} -D {rest}"]


def test_rules_of_others_stay() -> None:
    listing = (
        '-A FORWARD -i vertice0 -m comment --comment "vertice:demo-2" -j ACCEPT\n'
        '-A FORWARD -i vertice2 -m comment --comment "vertice:demo" -j ACCEPT\n'
        '-A FORWARD -m comment --comment "about vertice:demo" -j ACCEPT\n'
    )
    deleted = _lines(delete_commands(NETWORK, "filter", listing))
    assert len(deleted) == 1
    assert "-i vertice2" in deleted[0]


def test_mounts_are_listed_deepest_first_and_unescaped() -> None:
    table = (
        "/dev/vda / ext4 rw 0 0\n"
        "tmpfs /state/one tmpfs rw 0 0\n"
        "tmpfs /state/one/a\\040b tmpfs rw 0 0\n"
        "tmpfs /state/oneself tmpfs rw 0 0\n"
    )
    assert mounts_under(Path("/state/one"), table) == [Path("/state/one/a b"), Path("/state/one")]


def test_a_resolver_on_loopback_is_no_use_to_a_pod() -> None:
    stub = "# stub\nnameserver 127.0.0.53\noptions edns0\n"
    real = "nameserver 192.0.2.53\nnameserver 2001:db8::53\n"
    assert name_servers(stub, real) == ["192.0.2.53", "2001:db8::53"]
    assert name_servers(real, stub) == ["192.0.2.53", "2001:db8::53"]
    assert name_servers(stub) == []
    assert name_servers() == []
