"""A control plane without nodes, on loopback: enough for custom resources and operators."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

from dev.cluster.build import build
from dev.cluster.native.controlplane import Addresses, ControlPlane, Programs
from dev.cluster.processes import Runner
from dev.cluster.progress import Progress


def free_ports(count: int) -> list[int]:
    """Return distinct TCP ports that are free on loopback right now."""
    with ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def loopback_addresses() -> Addresses:
    """Return addresses on loopback with free ports."""
    apiserver, etcd, etcd_peer, manager, scheduler = free_ports(5)
    return Addresses(
        host="127.0.0.1",
        apiserver=apiserver,
        etcd=etcd,
        etcd_peer=etcd_peer,
        controller_manager=manager,
        scheduler=scheduler,
        services="10.96.0.0/16",
        first_service="10.96.0.1",
    )


def programs(progress: Progress) -> Programs:
    """Return the programs of a control plane, built when the cache lacks them."""
    return Programs(etcd=build("etcd", progress), kubernetes=build("kubernetes", progress))


def start_control_plane(
    folder: Path,
    progress: Progress,
    *,
    die_with_parent: bool = False,
    apiserver_flags: tuple[str, ...] = (),
) -> ControlPlane:
    """Start etcd, kube-apiserver and kube-controller-manager on free ports of loopback.

    Parameters
    ----------
    folder
        Holds all of its state: data, keys, logs, pid files, the kubeconfig.
    die_with_parent
        End the processes when the caller ends, however it ends.
    apiserver_flags
        More flags of kube-apiserver; a list flag given again adds to the one that is there.
    """
    plane = ControlPlane(
        folder=folder,
        addresses=loopback_addresses(),
        programs=programs(progress),
        runner=Runner(folder, die_with_parent=die_with_parent),
        apiserver_flags=apiserver_flags,
    )
    with progress.step("starting etcd, kube-apiserver and kube-controller-manager"):
        try:
            plane.start(scheduler=False)
        except BaseException:
            plane.runner.stop_all()
            raise
    return plane
