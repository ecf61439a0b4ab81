"""A second cluster runs beside the first one, and deleting it leaves no trace on the machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dev.cluster.folders import clusters_folder
from dev.cluster.progress import wait_until
from dev.cluster.provider import provider
from dev.cluster.slots import Slot, claim_slot
from dev.testing.cluster import Cluster

pytestmark = pytest.mark.cluster

NAME = "vertice-traces"
SHARED = ("/var/log/containers", "/var/lib/cni/results", "/var/lib/kubelet", "/run/netns")


def _output(*command: str) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def _traces(slot: Slot | None = None) -> set[str]:
    """Return everything on the machine that names the second cluster or has its addresses."""
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    rules = [
        f"{table}: {line}"
        for table in ("filter", "nat")
        for line in _output("iptables", "-w", "-t", table, "-S")
    ]
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob("**/vertice-*")]
    files = [str(path) for folder in SHARED for path in Path(folder).rglob("*")]
    found = [*mounts, *rules, *groups, *_output("ip", "-o", "route"), *_output("ps", "-eo", "args")]
    marks = [f"/{NAME}/", f":{NAME}", f"-{NAME}"]
    if slot is not None:
        marks += [f"{slot.machine_interface} ", str(slot.pods), str(slot.uplink)]
    named = {line for line in found if any(mark in line for mark in marks)}
    return named | {path for path in files if NAME in path or NAME in _target(Path(path))}


def _target(path: Path) -> str:
    if path.is_symlink():
        return str(path.readlink())
    inside = path.parent.name == "results"
    return path.read_text(errors="replace") if inside else ""


def test_second_cluster_comes_and_goes_without_a_trace(cluster: Cluster) -> None:
    second = provider(NAME, "native")
    assert not _traces()
    second.create()
    slot = claim_slot(clusters_folder(), NAME)
    try:
        assert len(_traces(slot)) > 20
        first, other = cluster.get("nodes"), second.kubectl().get("nodes")
        assert len(other["items"]) == 1
        assert _addresses(first).isdisjoint(_addresses(other))
        assert second.node_port_address(30080) != cluster.node_port_address(30080)
    finally:
        second.delete()
    wait_until("no trace left", lambda: not _traces(slot), 15, explain=lambda: str(_traces(slot)))
    assert not second.kubeconfig.parent.exists()
    assert cluster.kubectl("get", "--raw", "/readyz").returncode == 0


def _addresses(nodes: dict[str, list[dict[str, dict[str, list[dict[str, str]]]]]]) -> set[str]:
    return {
        address["address"]
        for node in nodes["items"]
        for address in node["status"]["addresses"]
        if address["type"] == "InternalIP"
    }


def test_an_interrupted_creation_cleans_up_after_itself() -> None:
    log = clusters_folder() / NAME / "logs" / "kubelet-node1.log"
    process = subprocess.Popen(
        [sys.executable, "-m", "dev.cluster", "create", "--provider", "native", "--name", NAME],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        # A test run in the background of a shell has Ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    wait_until("the kubelet of the new cluster starts", log.exists, 60)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "removing what there is of it" in told
    wait_until("no trace left", lambda: not _traces(), 15, explain=lambda: str(_traces()))
    assert not log.parent.parent.exists()
