"""A whole local Kubernetes cluster, shared by the tests of a session.

``VERTICE_TEST_CLUSTER=name`` uses a running cluster and leaves it; otherwise ``vertice-test`` is
made with two nodes and removed in the end, unless ``VERTICE_KEEP_CLUSTER=1``.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.folders import clusters_folder
from dev.cluster.locks import locked
from dev.cluster.progress import Progress
from dev.cluster.provider import Provider, provider

NAME = "vertice-test"


@dataclass(frozen=True)
class Cluster:
    """A running cluster with nodes, DNS, metrics and the monitoring definitions.

    Parameters
    ----------
    provider
        The cluster itself.
    """

    provider: Provider

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of an administrator."""
        return self.provider.kubeconfig

    def kubectl(
        self,
        *arguments: str,
        input: str | None = None,  # noqa: A002
        check: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl and return what it printed.

        Parameters
        ----------
        arguments
            As on the command line.
        input
            Given on standard input, for ``apply -f -``.
        check
            Fail the test, showing the error output, when kubectl fails.
        """
        done = self.provider.kubectl().call(*arguments, stdin=input)
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done

    def apply(self, text: str) -> None:
        """Apply manifests (YAML or JSON) server-side, and fail the test when one is refused."""
        self.kubectl("apply", "--server-side", "-f", "-", input=text, check=True)

    def get(self, *arguments: str) -> Any:
        """Return what ``kubectl get`` finds, as parsed JSON."""
        return self.provider.kubectl().get(*arguments)

    def load_image(self, reference: str) -> bool:
        """Bring an image of the Docker engine onto every node."""
        return self.provider.load_image(reference)

    def node_port_address(self, port: int) -> str:
        """Return ``address:port`` under which this machine reaches a node port."""
        return self.provider.node_port_address(port)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Give a running cluster; see the module for which one."""
    if name := os.environ.get("VERTICE_TEST_CLUSTER"):
        existing = provider(name)
        assert existing.running(), (
            f"cluster {name} does not run: python -m dev.cluster create --name {name}"
        )
        yield Cluster(existing)
        return
    made = provider(NAME, nodes=2)
    # Two sessions at once must not share it: the first to end would take it from the other.
    lock = clusters_folder() / f".{NAME}.session.lock"
    with locked(lock, f"another test session has {NAME}; waiting for its end", Progress()):
        made.create()
        try:
            yield Cluster(made)
        finally:
            if os.environ.get("VERTICE_KEEP_CLUSTER") != "1":
                made.delete()
