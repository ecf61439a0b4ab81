"""The kubelet of one node."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.cluster.certs import KeyPair
from dev.cluster.slots import Slot

_RESOLVERS = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


@dataclass(frozen=True)
class Node:
    """One node: its name, address and the ports that must differ on one machine.

    Parameters
    ----------
    index
        Counted from 1.
    """

    index: int
    cluster: str
    slot: Slot
    folder: Path

    @property
    def name(self) -> str:
        """The name of the Node object."""
        return f"node{self.index}"

    @property
    def address(self) -> str:
        """The address on which the kubelet listens."""
        return self.slot.node(self.index)

    @property
    def health_port(self) -> int:
        """The port of the kubelet's health answer, on loopback."""
        return 10238 + 10 * self.index


def name_servers(*contents: str) -> list[str]:
    """Return the first resolvers that a pod can reach, from the contents of ``resolv.conf`` files.

    A resolver on the machine's loopback is none: in a pod, loopback is the pod itself.
    """
    for content in contents:
        lines = [line.split() for line in content.splitlines()]
        servers = [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]
        if reachable := [server for server in servers if not server.startswith(("127.", "::1"))]:
            return reachable
    return []


def machine_name_servers() -> list[str]:
    """Return the resolvers of this machine that pods can reach."""
    return name_servers(*(path.read_text() for path in _RESOLVERS if path.exists()))


def kubelet_settings(node: Node, authority: Path, serving: KeyPair, group: str) -> dict[str, Any]:
    """Return the KubeletConfiguration of a node.

    The soft eviction thresholds are for shared disks, which look full long before they are; all
    paths lie in the node's folder, so that nothing is left elsewhere.

    Parameters
    ----------
    authority
        The cluster's CA certificate.
    serving
        The certificate that names the node's address, so that ``exec`` and ``logs`` need no DNS.
    group
        The control group that holds the node's pods.
    """
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": node.address,
        "port": 10250,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": node.health_port,
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(authority)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(serving.certificate),
        "tlsPrivateKeyFile": str(serving.key),
        "containerRuntimeEndpoint": f"unix://{node.folder}/containerd.sock",
        "clusterDomain": "cluster.local",
        "clusterDNS": [node.slot.dns],
        "resolvConf": str(node.folder / "resolv.conf"),
        "podLogsDir": str(node.folder / "pod-logs"),
        "volumePluginDir": str(node.folder / "volume-plugins"),
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": group,
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
    }


def kubelet_arguments(program: Path, node: Node, kubeconfig: Path, config: Path) -> list[str]:
    """Return the command line of a kubelet."""
    return [
        str(program),
        f"--config={config}",
        f"--kubeconfig={kubeconfig}",
        f"--hostname-override={node.name}",
        f"--node-ip={node.address}",
        f"--root-dir={node.folder / 'kubelet'}",
        f"--cert-dir={node.folder / 'kubelet' / 'pki'}",
    ]


def write_kubelet_settings(node: Node, authority: Path, serving: KeyPair, group: str) -> Path:
    """Write the kubelet's files into the node's folder and return the configuration file."""
    servers = "".join(f"nameserver {server}\n" for server in machine_name_servers())
    (node.folder / "resolv.conf").write_text(servers)
    config = node.folder / "kubelet.json"
    config.write_text(json.dumps(kubelet_settings(node, authority, serving, group), indent=1))
    return config
