"""containerd of one node, on its own socket and folders, apart from any other on the machine."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.cluster.errors import ClusterError
from dev.cluster.native.network import BRIDGE
from dev.cluster.processes import Runner, end_process
from dev.cluster.progress import wait_until
from dev.cluster.slots import Slot

PAUSE_IMAGE = "docker.io/library/vertice-pause:dev"
# The longest path that the kernel takes for a socket is 107 bytes.
_LONGEST_SOCKET = 107


def containerd_settings(folder: Path, plugins: Path) -> str:
    """Return ``config.toml`` of a node's containerd.

    ``restrict_oom_score_adj`` keeps it from asking for what a machine without ``CAP_SYS_RESOURCE``
    refuses; ``netns_mounts_under_state_dir`` keeps the pods' network namespaces in our folder.

    Parameters
    ----------
    folder
        The node's folder.
    plugins
        The folder of the CNI plugins.
    """
    cri = '"io.containerd.grpc.v1.cri"'
    return f"""version = 2
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"

[grpc]
address = "{folder}/containerd.sock"

[plugins."io.containerd.internal.v1.opt"]
path = "{folder}/containerd/opt"

[plugins.{cri}]
sandbox_image = "{PAUSE_IMAGE}"
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true

[plugins.{cri}.cni]
bin_dir = "{plugins}"
conf_dir = "{folder}/cni"

[plugins.{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"""


def cni_settings(slot: Slot, leases: Path) -> dict[str, Any]:
    """Return the CNI configuration: one bridge, addresses from the slot's range.

    Parameters
    ----------
    leases
        The folder of given addresses; all nodes of a cluster share it, as they share the bridge.
    """
    pods = {"subnet": str(slot.pods), "rangeStart": slot.first_pod, "gateway": slot.node(1)}
    bridge = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "isDefaultGateway": True,
        "hairpinMode": True,
        "ipMasq": True,
        "ipam": {"type": "host-local", "dataDir": str(leases), "ranges": [[pods]]},
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "vertice", "plugins": [bridge, portmap]}


@dataclass(frozen=True)
class Containerd:
    """One node's containerd."""

    node: str
    folder: Path
    runner: Runner

    @property
    def socket(self) -> Path:
        """The socket of this containerd."""
        return self.folder / "containerd.sock"

    def start(self, slot: Slot, plugins: Path, leases: Path) -> None:
        """Write the settings, start and wait until it answers."""
        if len(str(self.socket)) > _LONGEST_SOCKET:
            raise ClusterError(f"{self.socket} is too long for a socket; set VERTICE_STATE shorter")
        (self.folder / "cni").mkdir(parents=True, exist_ok=True)
        network = json.dumps(cni_settings(slot, leases), indent=1)
        (self.folder / "cni" / "10-vertice.conflist").write_text(network)
        config = self.folder / "containerd.toml"
        config.write_text(containerd_settings(self.folder, plugins))
        name = f"containerd-{self.node}"
        self.runner.start(name, ["containerd", "--config", str(config), "--log-level", "warn"])
        wait_until(
            f"{name} answers",
            lambda: self._ctr("version").returncode == 0,
            30,
            explain=lambda: self.runner.log_tail(name),
        )

    def _ctr(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ctr", "--address", str(self.socket), "--namespace", "k8s.io", *arguments],
            check=False,
            capture_output=True,
            text=True,
        )

    def images(self) -> set[str]:
        """Return the references of the images that the node has."""
        return set(self._ctr("images", "list", "--quiet").stdout.split())

    def import_image(self, archive: Path) -> None:
        """Import an image archive, as ``docker save`` writes it."""
        done = self._ctr("images", "import", "--digests", str(archive))
        if done.returncode:
            raise ClusterError(f"image {archive} not imported: {done.stderr.strip()}")

    def import_once(self, archive: Path, reference: str, identity: str) -> bool:
        """Import an archive unless the node has this very image; tell whether it was imported.

        Parameters
        ----------
        reference
            The full name under which the node knows the image.
        identity
            What changes when the image changes.
        """
        marker = self._marker(reference)
        if self.has_image(reference, identity):
            return False
        self.import_image(archive)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.write_text(identity)
        return True

    def has_image(self, reference: str, identity: str) -> bool:
        """Tell whether the node has an image in exactly this state."""
        marker = self._marker(reference)
        known = marker.exists() and marker.read_text() == identity
        return known and reference in self.images()

    def _marker(self, reference: str) -> Path:
        return self.folder / "images" / hashlib.sha256(reference.encode()).hexdigest()[:16]

    def shims(self) -> Iterator[int]:
        """Yield the pids of the shims, which outlive their containerd and name its socket."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if b"containerd-shim" in words[0] and str(self.socket).encode() in words:
                yield int(path.parent.name)

    def end_containers(self) -> None:
        """Kill every container and let its shim go."""
        for container in self._ctr("tasks", "list", "--quiet").stdout.split():
            self._ctr("tasks", "delete", "--force", container)
        for pid in self.shims():
            end_process(pid)
