"""The network of one cluster: a namespace of its own, joined to the machine by one cable.

kube-proxy owns chains with fixed names, so two clusters cannot share one network namespace. In a
namespace of its own a cluster may use the usual ports, and everything that kube-proxy, the CNI
plugins and the kubelet set up goes when the namespace goes. On the machine itself remain one
interface, one route and a handful of iptables rules that carry the cluster's name as comment.
"""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.processes import Runner
from dev.cluster.slots import Slot

NAMESPACES = Path("/run/netns")
BRIDGE = "cni0"
# The node ports that answer on the machine's loopback; the web page of the local Discord is 30080.
NODE_PORTS = range(30080, 30084)


@dataclass(frozen=True)
class Network:
    """The names and addresses of a cluster's network."""

    cluster: str
    slot: Slot

    @property
    def namespace(self) -> str:
        """The name that ``ip netns`` shows."""
        return f"vertice-{self.cluster}"

    @property
    def path(self) -> Path:
        """The file by which programs enter the namespace."""
        return NAMESPACES / self.namespace

    @property
    def comment(self) -> str:
        """What marks the cluster's iptables rules on the machine."""
        return f"vertice:{self.cluster}"


def machine_commands(network: Network) -> list[list[str]]:
    """Return what is run on the machine: the namespace, the cable, the route."""
    slot, namespace = network.slot, network.namespace
    outer, inner = slot.machine_interface, slot.cluster_interface
    prefix = slot.uplink.prefixlen
    commands = [
        f"ip netns add {namespace}",
        f"ip link add {outer} type veth peer name {inner} netns {namespace}",
        f"ip address add {slot.machine_end}/{prefix} dev {outer}",
        f"ip link set {outer} up",
        f"ip route add {slot.pods} via {slot.cluster_end} dev {outer}",
        "sysctl -q -w net.ipv4.ip_forward=1",
        # Lets a connection to 127.0.0.1:<node port> leave by this interface after translation.
        f"sysctl -q -w net.ipv4.conf.{outer}.route_localnet=1",
    ]
    return [command.split() for command in commands]


def cluster_commands(network: Network, nodes: int) -> list[list[str]]:
    """Return what is run inside the namespace: the bridge and the addresses of the nodes.

    The bridge has its address before any kubelet starts, which refuses an address that no
    interface has. Further nodes live on loopback, so that the bridge plugin finds one address only.
    """
    slot = network.slot
    prefix = slot.pods.prefixlen
    commands = [
        "ip link set lo up",
        f"ip address add {slot.cluster_end}/{slot.uplink.prefixlen} dev {slot.cluster_interface}",
        f"ip link set {slot.cluster_interface} up",
        f"ip route add default via {slot.machine_end}",
        f"ip link add {BRIDGE} type bridge",
        f"ip address add {slot.node(1)}/{prefix} dev {BRIDGE}",
        f"ip link set {BRIDGE} up",
        *(f"ip address add {slot.node(index)}/32 dev lo" for index in range(2, nodes + 1)),
        "sysctl -q -w net.ipv4.ip_forward=1",
    ]
    return [command.split() for command in commands]


def firewall_rules(network: Network) -> list[list[str]]:
    """Return the machine's iptables rules, each without ``-A`` or ``-I``: table, chain, the rest.

    Docker sets the policy of FORWARD to DROP, so the cluster's traffic is accepted by name.
    """
    slot, outer = network.slot, network.slot.machine_interface
    ports = f"{NODE_PORTS.start}:{NODE_PORTS.stop - 1}"
    to_cluster = f"-j DNAT --to-destination {slot.cluster_end}"
    rules = [
        f"filter FORWARD -i {outer} -j ACCEPT",
        f"filter FORWARD -o {outer} -j ACCEPT",
        f"nat POSTROUTING -s {slot.uplink} ! -o {outer} -j MASQUERADE",
        f"nat POSTROUTING -s 127.0.0.0/8 -o {outer} -j MASQUERADE",
        f"nat OUTPUT -d {slot.loopback}/32 -p tcp --dport {ports} {to_cluster}",
    ]
    return [rule.split() for rule in rules]


def insert_command(network: Network, rule: list[str]) -> list[str]:
    """Return the command that puts a rule first in its chain, marked with the cluster's name."""
    table, chain, *rest = rule
    return [
        "iptables", "-w", "-t", table, "-I", chain,
        "-m", "comment", "--comment", network.comment, *rest,
    ]  # fmt: skip


def delete_commands(network: Network, table: str, listing: str) -> list[list[str]]:
    """Return the commands that delete the cluster's rules from an ``iptables -S`` listing.

    Parameters
    ----------
    table
        The table that was listed.
    listing
        The output of ``iptables -t TABLE -S``.
    """
    commands = []
    for line in listing.splitlines():
        words = shlex.split(line)
        if words and words[0] == "-A" and network.comment in words:
            commands.append(["iptables", "-w", "-t", table, "-D", *words[1:]])
    return commands


def network_up(network: Network, nodes: int) -> None:
    """Make the namespace, the cable, the bridge and the rules; whatever was there is replaced."""
    network_down(network)
    machine = Runner(Path("/nonexistent"))
    for command in machine_commands(network):
        machine.run(command)
    inside = Runner(Path("/nonexistent"), network=network.path)
    for command in cluster_commands(network, nodes):
        inside.run(command)
    if Path("/proc/sys/net/bridge").exists():
        # Services must work between pods on the same bridge, whose frames skip iptables otherwise.
        inside.run(["sysctl", "-q", "-w", "net.bridge.bridge-nf-call-iptables=1"])
    for rule in firewall_rules(network):
        machine.run(insert_command(network, rule))


def network_down(network: Network) -> None:
    """Remove everything that `network_up` made; nothing happens when there is nothing."""
    machine = Runner(Path("/nonexistent"))
    for table in ("filter", "nat"):
        listing = machine.run(["iptables", "-w", "-t", table, "-S"])
        for command in delete_commands(network, table, listing):
            machine.run(command)
    if network.path.exists():
        machine.run(["ip", "netns", "delete", network.namespace])
    if Path(f"/sys/class/net/{network.slot.machine_interface}").exists():
        # The kernel takes the cable down with the namespace, but only some time later.
        subprocess.run(
            ["ip", "link", "delete", network.slot.machine_interface],
            check=False,
            capture_output=True,
        )
