"""The stock kubectl, bound to one cluster."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dev.cluster.errors import ClusterError


@dataclass(frozen=True)
class Kubectl:
    """Runs kubectl against one cluster.

    Parameters
    ----------
    program
        The binary.
    kubeconfig
        The cluster and the user.
    """

    program: Path
    kubeconfig: Path

    def call(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command and return what it printed, whatever its exit status."""
        return subprocess.run(
            [str(self.program), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a command and return its output.

        Raises
        ------
        ClusterError
            With the error output when it fails.
        """
        done = self.call(*arguments, stdin=stdin)
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def apply(self, manifests: Iterable[Mapping[str, Any]]) -> None:
        """Apply objects server-side; what somebody else set before is taken over."""
        bundle = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        self.run("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(bundle))

    def apply_files(self, paths: Iterable[Path]) -> None:
        """Apply manifest files server-side."""
        for path in paths:
            self.run("apply", "--server-side", "--force-conflicts", "-f", str(path))

    def get(self, *arguments: str) -> Any:
        """Return what ``kubectl get`` finds, as parsed JSON."""
        return json.loads(self.run("get", *arguments, "-o", "json"))
