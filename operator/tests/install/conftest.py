"""Helm and kustomize, the real ones."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.cluster.build import build
from dev.cluster.progress import Progress
from vertice_operator.install.options import nested

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Helm:
    """The stock helm with a home of its own."""

    program: Path
    home: Path

    def call(
        self,
        *arguments: str,
        values: Mapping[str, Any] | None = None,
        kubeconfig: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run it; ``values`` are paths and values that differ from the chart's own."""
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.home)}
        if kubeconfig is not None:
            environment["KUBECONFIG"] = str(kubeconfig)
        extra = []
        if values is not None:
            extra = ["--values", "-"]
        return subprocess.run(
            [str(self.program), *arguments, *extra],
            input=json.dumps(nested(values or {})),
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def run(self, *arguments: str, **options: Any) -> str:
        """Run it and return what it printed; fail the test when it fails."""
        done = self.call(*arguments, **options)
        assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def template(self, values: Mapping[str, Any], namespace: str) -> list[dict[str, Any]]:
        """Return what the chart renders to."""
        text = self.run(
            "template", "vertice", str(ROOT / "manifests/chart"), "--namespace", namespace,
            values=values,
        )  # fmt: skip
        return [each for each in yaml.safe_load_all(text) if each]


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(build("helm", Progress()) / "helm", tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def kubectl() -> Path:
    return build("kubernetes", Progress()) / "kubectl"
