"""What makes two clusters on one machine different: every number comes from one slot."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.locks import locked

SLOTS = 16
# Cluster names become parts of file, namespace and interface names.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]")
_PODS = ipaddress.IPv4Network("10.212.0.0/16")
_SERVICES = ipaddress.IPv4Network("10.213.0.0/16")
_UPLINKS = ipaddress.IPv4Network("10.214.0.0/26")


def checked_name(name: str) -> str:
    """Return ``name`` when it can name a cluster.

    Raises
    ------
    ClusterError
        When it holds anything but lower-case letters, digits and dashes, or is too long.
    """
    if not _NAME.fullmatch(name):
        raise ClusterError(
            f"{name!r} cannot name a cluster: use 2 to 32 lower-case letters, digits and dashes, "
            "beginning with a letter and not ending with a dash"
        )
    return name


def _subnet(network: ipaddress.IPv4Network, prefix: int, index: int) -> ipaddress.IPv4Network:
    return list(network.subnets(new_prefix=prefix))[index]


@dataclass(frozen=True)
class Slot:
    """Addresses and interface names of one cluster.

    Parameters
    ----------
    number
        0 to 15; clusters that run at the same time have different ones.
    """

    number: int

    def __post_init__(self) -> None:
        if not 0 <= self.number < SLOTS:
            raise ClusterError(f"there are {SLOTS} slots, 0 to {SLOTS - 1}; {self.number} is none")

    @property
    def pods(self) -> ipaddress.IPv4Network:
        """The range of pod addresses; its first few addresses are the nodes'."""
        return _subnet(_PODS, 20, self.number)

    @property
    def services(self) -> ipaddress.IPv4Network:
        """The range of Service addresses."""
        return _subnet(_SERVICES, 20, self.number)

    @property
    def dns(self) -> str:
        """The Service address of the cluster's DNS."""
        return str(self.services[10])

    def node(self, index: int) -> str:
        """Return the address of a node, counted from 1 (the first is also the pods' gateway)."""
        return str(self.pods[index])

    @property
    def first_pod(self) -> str:
        """The first address that is given to a pod."""
        return str(self.pods[16])

    @property
    def uplink(self) -> ipaddress.IPv4Network:
        """The two addresses that join the machine and the cluster's network namespace."""
        return _subnet(_UPLINKS, 30, self.number)

    @property
    def machine_end(self) -> str:
        """The machine's address on the uplink."""
        return str(self.uplink[1])

    @property
    def cluster_end(self) -> str:
        """The cluster's address on the uplink."""
        return str(self.uplink[2])

    @property
    def machine_interface(self) -> str:
        """The machine's interface of the uplink (15 characters at most)."""
        return f"vertice{self.number}"

    @property
    def cluster_interface(self) -> str:
        """The interface of the uplink inside the cluster's network namespace."""
        return f"uplink{self.number}"

    @property
    def loopback(self) -> str:
        """The loopback address on which the node ports answer."""
        return f"127.0.0.{self.number + 1}"


def lowest_free(taken: Iterable[int]) -> Slot:
    """Return the lowest slot that nobody has.

    Raises
    ------
    ClusterError
        When all slots are taken.
    """
    used = set(taken)
    for number in range(SLOTS):
        if number not in used:
            return Slot(number)
    raise ClusterError(
        f"all {SLOTS} slots are taken; delete a cluster: python -m dev.cluster delete --name NAME"
    )


def claim_slot(clusters: Path, name: str) -> Slot:
    """Return the slot of a cluster, giving it the lowest free one when it has none yet.

    The claim is the file ``slot.json`` in the cluster's folder, so it goes with the folder. A lock
    keeps two processes from claiming the same slot.
    """
    with locked(clusters / ".slots.lock"):
        claims = {path.parent.name: _claimed(path) for path in clusters.glob("*/slot.json")}
        if name in claims:
            return Slot(claims[name])
        slot = lowest_free(claims.values())
        folder = clusters / name
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "slot.json").write_text(json.dumps({"slot": slot.number}))
        return slot


def _claimed(path: Path) -> int:
    return int(json.loads(path.read_text())["slot"])
