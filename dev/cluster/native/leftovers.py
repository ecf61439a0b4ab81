"""Files that the kubelet and the CNI library put outside the cluster's folder, with no choice."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Leftovers:
    """Finds and removes what one cluster left in folders that it shares with others.

    Parameters
    ----------
    folder
        The cluster's folder; what points into it or names it is the cluster's.
    root
        The root of the file system, for tests.
    """

    folder: Path
    root: Path = Path("/")

    def remove(self) -> None:
        """Remove them, and the shared folders when nothing else is in them."""
        self._log_links()
        self._network_results()
        self._device_socket()
        for path in (
            "var/log/containers",
            "var/lib/cni/results",
            "var/lib/cni",
            "var/lib/kubelet/device-plugins",
            "var/lib/kubelet",
        ):
            with contextlib.suppress(OSError):
                (self.root / path).rmdir()

    def _log_links(self) -> None:
        for link in (self.root / "var/log/containers").glob("*.log"):
            if link.is_symlink() and link.readlink().is_relative_to(self.folder):
                link.unlink()

    def _network_results(self) -> None:
        for result in (self.root / "var/lib/cni/results").glob("*"):
            if f"{self.folder}/" in result.read_text(errors="replace"):
                result.unlink()

    def _device_socket(self) -> None:
        """Remove the device plugins' socket when no kubelet answers on it any more."""
        path = self.root / "var/lib/kubelet/device-plugins/kubelet.sock"
        if not path.is_socket():
            return
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
