"""The native cluster: Kubernetes' own programs, run on this machine."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dev.cluster import addons
from dev.cluster.build import CLUSTER_PARTS, build, monitoring_definitions
from dev.cluster.errors import ClusterError
from dev.cluster.folders import cache_folder, clusters_folder
from dev.cluster.images import image_identity, save_image
from dev.cluster.kubectl import Kubectl
from dev.cluster.locks import locked
from dev.cluster.native.cgroups import group_name, make_group, remove_groups
from dev.cluster.native.containerd import PAUSE_IMAGE, Containerd
from dev.cluster.native.controlplane import Addresses, ControlPlane, Programs
from dev.cluster.native.kubelet import (
    Node,
    kubelet_arguments,
    machine_name_servers,
    write_kubelet_settings,
)
from dev.cluster.native.leftovers import Leftovers
from dev.cluster.native.loopback import start_control_plane
from dev.cluster.native.mounts import unmount_under
from dev.cluster.native.network import Network, network_down, network_up
from dev.cluster.native.pki import Pki, node_kubeconfig, user_kubeconfig
from dev.cluster.native.proxy import proxy_arguments, proxy_settings
from dev.cluster.native.tunables import put_back, remember
from dev.cluster.packages import NODE_PACKAGES, ensure, plugins_folder
from dev.cluster.processes import Runner
from dev.cluster.progress import Progress, wait_until
from dev.cluster.scratch import ScratchImage, full_reference, write_archive
from dev.cluster.slots import Slot, claim_slot

# Seconds: ten times what an idle machine needs, for one that builds something meanwhile.
_PATIENCE = 180
_TIMEOUT = f"--timeout={_PATIENCE}s"


@dataclass(frozen=True)
class NativeProvider:
    """A cluster whose processes, data and mounts live under one folder.

    Parameters
    ----------
    name
        Of the cluster.
    folder
        Its state.
    nodes
        How many nodes; the second one is for trying out drains.
    control_plane_only
        Run no node at all; then neither root nor a network namespace is needed.
    """

    name: str
    folder: Path
    progress: Progress
    nodes: int = 1
    control_plane_only: bool = False

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the administrator."""
        return self.folder / "kubeconfig"

    @property
    def _tunables(self) -> Path:
        return self.folder.parent / "tunables.json"

    @cached_property
    def _programs(self) -> Mapping[str, Path]:
        return {part: build(part, self.progress) for part in CLUSTER_PARTS}

    def kubectl(self) -> Kubectl:
        """Return a kubectl bound to this cluster."""
        return Kubectl(build("kubernetes", self.progress) / "kubectl", self.kubeconfig)

    def running(self) -> bool:
        """Tell whether the API server answers."""
        if not self.kubeconfig.exists():
            return False
        return (
            self.kubectl().call("get", "--raw", "/readyz", "--request-timeout=5s").returncode == 0
        )

    def _lock(self) -> AbstractContextManager[None]:
        """Return the lock that keeps two processes from making or removing the same cluster."""
        path = self.folder.parent / f".{self.name}.lock"
        return locked(path, f"another process has cluster {self.name}; waiting", self.progress)

    def create(self) -> None:
        """Make the cluster, or do nothing when it runs already.

        What an interrupted run or a restart of the machine left is removed first, and so is
        everything when this run fails or is interrupted.
        """
        with self._lock():
            self._create()

    def _create(self) -> None:
        if self._as_wanted():
            self.progress.say(f"cluster {self.name} runs already")
            return
        if self.folder.exists():
            self._delete()
        self.folder.mkdir(parents=True, mode=0o700)
        (self.folder / "kind.txt").write_text("native")
        try:
            self._create_control_plane() if self.control_plane_only else self._create_whole()
        except BaseException:
            self.progress.say(f"cluster {self.name} not made; removing what there is of it")
            self._keep_logs()
            self._delete()
            raise

    def _as_wanted(self) -> bool:
        shape = self.folder / "shape.json"
        runner = self._runner()
        if not shape.exists() or not all(runner.alive(name) for name in runner.names()):
            return False
        if not self.running():
            return False
        has, wanted = json.loads(shape.read_text())["nodes"], self._shape()["nodes"]
        if has < wanted:
            raise ClusterError(
                f"cluster {self.name} runs with {has} nodes, not {wanted}; delete it first: "
                f"python -m dev.cluster delete --name {self.name}"
            )
        return True

    def _shape(self) -> dict[str, int]:
        return {"nodes": 0 if self.control_plane_only else self.nodes}

    def _finish(self) -> None:
        (self.folder / "shape.json").write_text(json.dumps(self._shape()))

    def _keep_logs(self) -> None:
        logs = self.folder / "logs"
        if logs.exists():
            kept = cache_folder() / "logs" / f"{self.name}-{time.strftime('%Y%m%dT%H%M%S')}"
            shutil.copytree(logs, kept)
            self.progress.say(f"its logs are kept in {kept}")

    def _create_control_plane(self) -> None:
        start_control_plane(self.folder, self.progress)
        self.kubectl().apply_files(monitoring_definitions())
        self._finish()

    def _create_whole(self) -> None:
        if os.geteuid() != 0:
            raise ClusterError("the native provider needs root for namespaces and mounts; use sudo")
        ensure(NODE_PACKAGES, self.progress)
        programs = Programs(self._programs["etcd"], self._programs["kubernetes"])
        slot = claim_slot(self.folder.parent, self.name)
        remember(self._tunables)
        network = Network(self.name, slot)
        with self.progress.step("joining the cluster's network to this machine"):
            network_up(network, self.nodes)
        runner = Runner(self.folder, network=network.path)
        with self.progress.step("starting the control plane"):
            plane = ControlPlane(self.folder, _addresses(slot), programs, runner)
            pki = plane.start(scheduler=True)
        for index in range(1, self.nodes + 1):
            with self.progress.step(f"starting node{index}"):
                self._start_node(self._node(index, slot), runner, pki, plane)
        with self.progress.step("starting kube-proxy, DNS and metrics"):
            self._start_proxy(slot, runner, pki, plane)
            self._apply_addons(slot)
        with self.progress.step("waiting until nodes, DNS and metrics are ready"):
            self._wait_ready()
        self._finish()

    def _node(self, index: int, slot: Slot) -> Node:
        return Node(index, self.name, slot, self.folder / f"node{index}")

    def _containerd(self, node: Node) -> Containerd:
        return Containerd(node.name, node.folder, self._runner())

    def _runner(self) -> Runner:
        path = Network(self.name, Slot(0)).path
        return Runner(self.folder, network=path if path.exists() else None)

    def _start_node(self, node: Node, runner: Runner, pki: Pki, plane: ControlPlane) -> None:
        plugins = plugins_folder()
        if plugins is None:
            raise ClusterError(
                "the CNI plugins are not installed; install containernetworking-plugins"
            )
        node.folder.mkdir(parents=True, exist_ok=True)
        containerd = Containerd(node.name, node.folder, runner)
        containerd.start(node.slot, plugins, self.folder / "leases")
        for image in self._images():
            archive = write_archive(image, cache_folder() / "images")
            containerd.import_once(archive, image.full_reference, archive.name)
        group = group_name(self.name, node.name)
        make_group(group)
        serving = pki.authority.issue(
            f"{node.name}-serving", f"system:node:{node.name}", hosts=(node.name, node.address)
        )
        authority = pki.authority.files.certificate
        config = write_kubelet_settings(node, authority, serving, group)
        kubeconfig = node_kubeconfig(
            pki, node.name, plane.addresses.server, node.folder / "kubeconfig"
        )
        program = plane.programs.kubernetes / "kubelet"
        runner.start(f"kubelet-{node.name}", kubelet_arguments(program, node, kubeconfig, config))

    def _images(self) -> tuple[ScratchImage, ...]:
        programs = self._programs
        return (
            ScratchImage(PAUSE_IMAGE, programs["pause"] / "pause"),
            ScratchImage(addons.COREDNS_IMAGE, programs["coredns"] / "coredns"),
            ScratchImage(addons.METRICS_IMAGE, programs["metrics-server"] / "metrics-server"),
        )

    def _start_proxy(self, slot: Slot, runner: Runner, pki: Pki, plane: ControlPlane) -> None:
        kubeconfig = user_kubeconfig(
            pki, "proxy", plane.addresses.server, self.folder / "proxy.kubeconfig"
        )
        config = self.folder / "kube-proxy.json"
        config.write_text(json.dumps(proxy_settings(slot, kubeconfig), indent=1))
        program = plane.programs.kubernetes / "kube-proxy"
        runner.start("kube-proxy", proxy_arguments(program, config))

    def _apply_addons(self, slot: Slot) -> None:
        kubectl = self.kubectl()
        kubectl.apply(addons.dns_manifests(slot.dns, machine_name_servers()))
        kubectl.apply(addons.metrics_manifests(kubelets_signed=True))
        kubectl.apply_files(monitoring_definitions())

    def _wait_ready(self) -> None:
        kubectl = self.kubectl()
        names = [f"node/node{index}" for index in range(1, self.nodes + 1)]
        wait_until(
            "nodes registered",
            lambda: kubectl.call("get", *names).returncode == 0,
            _PATIENCE,
            pause=0.3,
            explain=lambda: self._runner().log_tail("kubelet-node1"),
        )
        kubectl.run("wait", "--for=condition=Ready", _TIMEOUT, *names)
        for name in ("coredns", "metrics-server"):
            kubectl.run("rollout", "status", "-n", "kube-system", f"deployment/{name}", _TIMEOUT)
        available = "--for=condition=Available"
        kubectl.run("wait", available, "apiservice/v1beta1.metrics.k8s.io", _TIMEOUT)

    def load_image(self, reference: str) -> bool:
        """Bring an image of the Docker engine onto every node; False when it was there."""
        identity, complete = image_identity(reference), full_reference(reference)
        nodes = [node for node in self._node_folders() if not node.has_image(complete, identity)]
        if not nodes:
            return False
        with save_image(reference) as archive:
            for node in nodes:
                node.import_once(archive, complete, identity)
        return True

    def _node_folders(self) -> list[Containerd]:
        folders = sorted(self.folder.glob("node[0-9]*"))
        return [Containerd(folder.name, folder, self._runner()) for folder in folders]

    def node_port_address(self, port: int) -> str:
        """Return ``address:port`` under which this machine reaches a node port."""
        return f"{claim_slot(clusters_folder(), self.name).loopback}:{port}"

    def status(self) -> Mapping[str, str]:
        """Return what runs, by name."""
        runner = self._runner()
        parts = {
            name: "running" if runner.alive(name) else f"dead, see {runner.log(name)}"
            for name in sorted(runner.names())
        }
        answer = "answers" if self.running() else "no answer"
        return {"kubeconfig": str(self.kubeconfig), "API server": answer, **parts}

    def delete(self) -> None:
        """End every process, unmount, remove the network, the control groups and the folder."""
        with self._lock():
            self._delete()

    def _delete(self) -> None:
        if not self.folder.exists():
            return
        with self.progress.step(f"deleting cluster {self.name}"):
            self._end_nodes()
            self._runner().stop_all()
            if (self.folder / "slot.json").exists():
                remove_groups(self.name)
                unmount_under(self.folder)
                network_down(Network(self.name, claim_slot(self.folder.parent, self.name)))
                Leftovers(self.folder).remove()
            shutil.rmtree(self.folder)
            if not list(self.folder.parent.glob("*/slot.json")):
                put_back(self._tunables)

    def _end_nodes(self) -> None:
        runner = self._runner()
        nodes = self._node_folders()
        for node in nodes:
            # The kubelet first: it would start again what is ended here.
            runner.stop(f"kubelet-{node.node}")
        for node in nodes:
            node.end_containers()


def _addresses(slot: Slot) -> Addresses:
    """Return the usual ports: in a network namespace of its own nobody else has them."""
    return Addresses(
        host=slot.node(1),
        apiserver=6443,
        etcd=2379,
        etcd_peer=2380,
        controller_manager=10257,
        scheduler=10259,
        services=str(slot.services),
        first_service=str(slot.services[1]),
    )
