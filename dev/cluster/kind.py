"""The kind cluster: Kubernetes in containers of a Docker engine that can pull images."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.cluster import addons
from dev.cluster.build import build, monitoring_definitions
from dev.cluster.errors import ClusterError
from dev.cluster.images import engine_answers, ensure_engine, image_identity, put_scratch_image
from dev.cluster.kubectl import Kubectl
from dev.cluster.locks import locked
from dev.cluster.native.network import NODE_PORTS
from dev.cluster.progress import Progress
from dev.cluster.scratch import ScratchImage
from dev.cluster.slots import claim_slot


def kind_settings(nodes: int, loopback: str) -> dict[str, Any]:
    """Return kind's configuration.

    Parameters
    ----------
    nodes
        The first one runs the control plane as well and maps the node ports.
    loopback
        The machine's address on which the node ports answer.
    """
    ports = [
        {"containerPort": port, "hostPort": port, "listenAddress": loopback, "protocol": "TCP"}
        for port in NODE_PORTS
    ]
    first: dict[str, Any] = {"role": "control-plane", "extraPortMappings": ports}
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [first, *({"role": "worker"} for _ in range(nodes - 1))],
    }


def create_command(program: str, name: str, config: Path, kubeconfig: Path) -> list[str]:
    """Return the command that makes a cluster and waits until its control plane is ready."""
    return [
        program, "create", "cluster", "--name", name, "--config", str(config),
        "--kubeconfig", str(kubeconfig), "--wait", "120s",
    ]  # fmt: skip


def load_command(program: str, name: str, reference: str) -> list[str]:
    """Return the command that brings an image of the engine onto every node."""
    return [program, "load", "docker-image", "--name", name, reference]


def delete_command(program: str, name: str, kubeconfig: Path) -> list[str]:
    """Return the command that removes a cluster."""
    return [program, "delete", "cluster", "--name", name, "--kubeconfig", str(kubeconfig)]


@dataclass(frozen=True)
class KindProvider:
    """A cluster made by kind, with the metrics server and the monitoring definitions added.

    Parameters
    ----------
    name
        Of the cluster, also for kind.
    folder
        The kubeconfig and what was loaded.
    nodes
        How many nodes.
    """

    name: str
    folder: Path
    progress: Progress
    nodes: int = 1

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the administrator."""
        return self.folder / "kubeconfig"

    def _program(self) -> str:
        return shutil.which("kind") or str(build("kind", self.progress) / "kind")

    def kubectl(self) -> Kubectl:
        """Return a kubectl bound to this cluster."""
        found = shutil.which("kubectl")
        program = Path(found) if found else build("kubernetes", self.progress) / "kubectl"
        return Kubectl(program, self.kubeconfig)

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
        """Make the cluster, or do nothing when it runs already."""
        with self._lock():
            self._create()

    def _create(self) -> None:
        if (self.folder / "shape.json").exists() and self.running():
            self.progress.say(f"cluster {self.name} runs already")
            return
        if self.folder.exists():
            self._delete()
        ensure_engine(self.progress)
        try:
            self._make()
        except BaseException:
            self.progress.say(f"cluster {self.name} not made; removing what there is of it")
            self._delete()
            raise

    def _make(self) -> None:
        slot = claim_slot(self.folder.parent, self.name)
        (self.folder / "kind.txt").write_text("kind")
        config = self.folder / "kind.json"
        config.write_text(json.dumps(kind_settings(self.nodes, slot.loopback), indent=1))
        with self.progress.step(f"making kind cluster {self.name}"):
            _run(create_command(self._program(), self.name, config, self.kubeconfig))
        program = build("metrics-server", self.progress) / "metrics-server"
        put_scratch_image(ScratchImage(addons.METRICS_IMAGE, program), self.progress)
        self.load_image(addons.METRICS_IMAGE)
        kubectl = self.kubectl()
        kubectl.apply(addons.metrics_manifests(kubelets_signed=False))
        kubectl.apply_files(monitoring_definitions())
        kubectl.run(
            "rollout", "status", "-n", "kube-system", "deployment/metrics-server", "--timeout=120s"
        )
        (self.folder / "shape.json").write_text(json.dumps({"nodes": self.nodes}))

    def load_image(self, reference: str) -> bool:
        """Bring an image of the engine onto every node; False when it was there."""
        identity = image_identity(reference)
        marker = self.folder / "images" / reference.replace("/", "_")
        if marker.exists() and marker.read_text() == identity:
            return False
        _run(load_command(self._program(), self.name, reference))
        marker.parent.mkdir(exist_ok=True)
        marker.write_text(identity)
        return True

    def node_port_address(self, port: int) -> str:
        """Return ``address:port`` under which this machine reaches a node port."""
        return f"{claim_slot(self.folder.parent, self.name).loopback}:{port}"

    def status(self) -> Mapping[str, str]:
        """Return what runs, by name."""
        answer = "answers" if self.running() else "no answer"
        return {"kubeconfig": str(self.kubeconfig), "API server": answer}

    def delete(self) -> None:
        """Remove the containers and the folder."""
        with self._lock():
            self._delete()

    def _delete(self) -> None:
        if not self.folder.exists():
            return
        with self.progress.step(f"deleting kind cluster {self.name}"):
            if engine_answers():
                _run(delete_command(self._program(), self.name, self.kubeconfig))
            shutil.rmtree(self.folder)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise ClusterError(f"{' '.join(command)} failed:\n{done.stderr.strip()}")
