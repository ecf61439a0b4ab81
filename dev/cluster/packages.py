"""Debian packages that the clusters need: installed when missing, where that is possible."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.folders import clusters_folder
from dev.cluster.locks import locked
from dev.cluster.progress import Progress

_HELD = re.compile(r"Could not get lock|Unable to (acquire|lock)")

PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"))


def plugins_folder() -> Path | None:
    """Return the folder of the CNI plugins, or None when they are not installed."""
    return next((path for path in PLUGIN_FOLDERS if (path / "bridge").exists()), None)


@dataclass(frozen=True)
class Package:
    """A package and how to tell that what it brings is there already."""

    name: str
    present: Callable[[], bool]


def _has(program: str) -> Callable[[], bool]:
    return lambda: shutil.which(program) is not None


def engine_program() -> str | None:
    """Return the Docker engine, or None; Debian has it where only root's PATH looks."""
    return shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin")


NODE_PACKAGES = (
    Package("containerd", _has("containerd")),
    Package("runc", _has("runc")),
    Package("containernetworking-plugins", lambda: plugins_folder() is not None),
    Package("iptables", _has("iptables")),
    Package("iproute2", _has("ip")),
    Package("util-linux", _has("nsenter")),
)
DOCKER_PACKAGES = (Package("docker.io", lambda: engine_program() is not None),)
BASE_PACKAGES = (Package("debootstrap", _has("debootstrap")),)


def ensure(packages: Iterable[Package], progress: Progress) -> None:
    """Install the packages that are missing.

    Raises
    ------
    ClusterError
        When some are missing and this is not Debian, or not root; the message names them.
    """
    missing = [package.name for package in packages if not package.present()]
    if not missing:
        return
    names = " ".join(missing)
    if not can_install():
        raise ClusterError(
            f"missing: {names}. Install these packages (names of Debian) as root and try again."
        )
    with progress.step(f"installing {names}"):
        install(missing)


def can_install() -> bool:
    """Tell whether packages can be installed from here: Debian or a relative, as root."""
    return shutil.which("apt-get") is not None and os.geteuid() == 0


def install(names: Iterable[str]) -> None:
    """Install packages; parts of a command that install side by side take turns.

    Raises
    ------
    ClusterError
        With what apt-get said.
    """
    with locked(clusters_folder().parent / "apt.lock"):
        apt("update", "-qq")
        apt("install", "-y", "-qq", "--no-install-recommends", *names)


def apt(*arguments: str, patience: float = 300, pause: float = 2) -> None:
    """Run ``apt-get``, waiting for another one to end.

    Parameters
    ----------
    arguments
        Of ``apt-get``.
    patience
        Seconds to wait for the machine's own updates, or another installation, to let go of
        apt's locks. apt itself waits for one of its locks only, not for that of the lists.
    pause
        Seconds between two tries.

    Raises
    ------
    ClusterError
        With what apt-get said.
    """
    # Services are not to be started by the installation: each is started here, on its own socket.
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1", "LC_ALL": "C"}
    deadline = time.monotonic() + patience
    while True:
        done = subprocess.run(
            ["apt-get", *arguments], check=False, capture_output=True, text=True, env=environment
        )
        if done.returncode == 0:
            return
        if not _HELD.search(done.stderr) or time.monotonic() > deadline:
            raise ClusterError(f"apt-get {arguments[0]} failed: {done.stderr.strip()}")
        time.sleep(pause)
