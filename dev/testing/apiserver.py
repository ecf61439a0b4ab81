"""A real kube-apiserver with etcd and the controllers, private to the test session."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dev.cluster.build import monitoring_definitions
from dev.cluster.definitions import optional_definitions
from dev.cluster.kubectl import Kubectl
from dev.cluster.native.loopback import start_control_plane
from dev.cluster.progress import Progress, wait_until


@dataclass(frozen=True)
class ApiServer:
    """A running control plane without nodes.

    Parameters
    ----------
    kubeconfig
        Of an administrator (a client certificate of the group ``system:masters``).
    program
        The stock ``kubectl``.
    server
        ``https://127.0.0.1:port``.
    """

    kubeconfig: Path
    program: Path
    server: str

    @property
    def monitoring_crds(self) -> list[Path]:
        """The definitions of ServiceMonitor and PrometheusRule, to apply with ``--server-side``."""
        return monitoring_definitions()

    @property
    def optional_crds(self) -> list[Path]:
        """The definitions of all other optional kinds: KEDA's, External Secrets' and so on."""
        return optional_definitions()

    def install_all_kinds(self) -> None:
        """Define every optional kind, and wait until all of them are served."""
        for path in (*self.monitoring_crds, *self.optional_crds):
            self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(path), check=True)
        self.kubectl(
            *("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"), check=True
        )

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
        done = Kubectl(self.program, self.kubeconfig).call(*arguments, stdin=input)
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done

    def apply(self, text: str) -> None:
        """Apply manifests (YAML or JSON) server-side, and fail the test when one is refused."""
        self.kubectl("apply", "--server-side", "-f", "-", input=text, check=True)

    def make_namespace(self, name: str) -> None:
        """Create a namespace and wait until it has its default service account."""
        self.kubectl("create", "namespace", name, check=True)
        wait_until(f"namespace {name} usable", lambda: self._has_account(name), 30)

    def _has_account(self, namespace: str) -> bool:
        listed = self.kubectl("get", "serviceaccounts", "-n", namespace, "-o", "json", check=True)
        return any(
            item["metadata"]["name"] == "default" for item in json.loads(listed.stdout)["items"]
        )


@pytest.fixture(scope="session")
def apiserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """Start a control plane on free ports in a folder of its own, and stop it in the end."""
    folder = tmp_path_factory.mktemp("apiserver")
    plane = start_control_plane(folder, Progress(), die_with_parent=True)
    try:
        yield ApiServer(plane.kubeconfig, plane.programs.kubectl, plane.addresses.server)
    finally:
        plane.runner.stop_all()
