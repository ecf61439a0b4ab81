"""kube-proxy, which makes Services reachable: one serves every node of the namespace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dev.cluster.slots import Slot


def proxy_settings(slot: Slot, kubeconfig: Path) -> dict[str, Any]:
    """Return the KubeProxyConfiguration.

    Limits of connection tracking belong to the whole machine and are left alone. Node ports answer
    on the cluster's end of the uplink, to which the machine's loopback is translated.
    """
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "clusterCIDR": str(slot.pods),
        "hostnameOverride": "node1",
        "bindAddress": slot.node(1),
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "nodePortAddresses": [f"{slot.cluster_end}/32", f"{slot.node(1)}/32"],
        "iptables": {"localhostNodePorts": False, "minSyncPeriod": "0s", "syncPeriod": "30s"},
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
        "oomScoreAdj": 0,
    }


def proxy_arguments(program: Path, config: Path) -> list[str]:
    """Return the command line of kube-proxy."""
    return [str(program), f"--config={config}"]
