"""The one interface of both kinds of cluster, and the choice between them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol

from dev.cluster.errors import ClusterError
from dev.cluster.folders import clusters_folder
from dev.cluster.images import docker_program
from dev.cluster.kubectl import Kubectl
from dev.cluster.progress import Progress
from dev.cluster.slots import checked_name

Kind = Literal["auto", "kind", "native"]
# The node image of the pinned kind.
KIND_NODE_IMAGE = "kindest/node:v1.37.0"


class Provider(Protocol):
    """A local Kubernetes cluster. Everything after it does not care which kind it is."""

    @property
    def name(self) -> str:
        """The cluster's name."""

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of an administrator."""

    def create(self) -> None:
        """Make the cluster, or do nothing when it runs already."""

    def delete(self) -> None:
        """Remove everything that the cluster made; nothing happens when there is none."""

    def load_image(self, reference: str) -> bool:
        """Bring an image of the Docker engine onto every node; False when it was there."""

    def node_port_address(self, port: int) -> str:
        """Return ``address:port`` under which this machine reaches a node port."""

    def running(self) -> bool:
        """Tell whether the API server answers."""

    def status(self) -> Mapping[str, str]:
        """Return what runs, by name."""

    def kubectl(self) -> Kubectl:
        """Return a kubectl bound to this cluster."""


def can_pull_node_image() -> bool:
    """Tell whether the Docker engine has kind's node image or can find it at its registry."""
    for command in (
        ["image", "inspect", KIND_NODE_IMAGE],
        ["manifest", "inspect", KIND_NODE_IMAGE],
    ):
        try:
            done = subprocess.run(
                [docker_program(), *command], check=False, capture_output=True, timeout=15
            )
        except (FileNotFoundError, subprocess.TimeoutExpired):
            return False
        if done.returncode == 0:
            return True
    return False


def choose_kind(wanted: Kind, *, can_pull: bool, root: bool) -> Literal["kind", "native"]:
    """Choose the kind of cluster.

    kind where images can be pulled; the native one where they cannot, which takes root on Linux.

    Raises
    ------
    ClusterError
        When neither can run here.
    """
    if wanted != "auto":
        return wanted
    if can_pull:
        return "kind"
    if root:
        return "native"
    raise ClusterError(
        "no cluster can be made here: start a Docker engine that can pull images (for kind), or "
        "run this as root on Linux (for the native provider)"
    )


def exists(name: str) -> bool:
    """Tell whether there is a cluster of this name, running or not."""
    return (clusters_folder() / checked_name(name)).exists()


def provider(
    name: str = "vertice",
    kind: Kind = "auto",
    *,
    nodes: int = 1,
    control_plane_only: bool = False,
    progress: Progress | None = None,
) -> Provider:
    """Return the cluster of a name; nothing is started before ``create()``.

    Parameters
    ----------
    name
        Of the cluster: lower-case letters, digits, dashes.
    kind
        ``auto`` takes what an existing cluster of the name is, else what can run here.
    nodes
        How many nodes a new cluster has.
    control_plane_only
        Without nodes: etcd, API server and controllers, for custom resources and operators.
    """
    from dev.cluster.kind import KindProvider
    from dev.cluster.native.provider import NativeProvider

    folder = clusters_folder() / checked_name(name)
    progress = progress or Progress()
    marker = folder / "kind.txt"
    if kind == "auto" and marker.exists():
        kind = "kind" if marker.read_text() == "kind" else "native"
    if kind == "auto" and control_plane_only:
        kind = "native"
    if kind == "auto":
        kind = choose_kind(kind, can_pull=can_pull_node_image(), root=os.geteuid() == 0)
    if kind == "kind":
        return KindProvider(name, folder, progress, nodes=nodes)
    return NativeProvider(
        name, folder, progress, nodes=nodes, control_plane_only=control_plane_only
    )
