"""An API server that records what the operator's account does, for questions of rights."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from dev.cluster.native.loopback import start_control_plane
from dev.cluster.progress import Progress
from dev.testing.apiserver import ApiServer
from dev.testing.audit import Act, acts, credential_of

ACCOUNT = "system:serviceaccount:vertice-system:vertice-operator"


@dataclass(frozen=True)
class Audited(ApiServer):
    """An API server with the audit log of :data:`ACCOUNT`.

    It also enforces that whoever blocks an owner's deletion may update the owner's finalizers.
    """

    log: Path

    def acts(self) -> list[Act]:
        """Return all that the account did so far."""
        return acts(self.log)

    def kubeconfig_of_operator(self, path: Path, server: str = "") -> str:
        """Write a kubeconfig with a new token of the account; return the token's name in the log.

        Parameters
        ----------
        path
            Where to write it.
        server
            Another address of the API server, such as that of a relay.
        """
        token = self.kubectl(
            "-n", "vertice-system", "create", "token", "vertice-operator", check=True
        ).stdout.strip()
        config = yaml.safe_load(self.kubeconfig.read_text())
        config["users"] = [{"name": "operator", "user": {"token": token}}]
        config["contexts"][0]["context"]["user"] = "operator"
        if server:
            config["clusters"][0]["cluster"]["server"] = server
        path.write_text(json.dumps(config))
        return credential_of(token)


def wait_for_acts(audited: Audited, seconds: float, **wanted: str) -> list[Act]:
    """Wait until the log has an act with these attributes; return all such.

    Raises
    ------
    AssertionError
        When there is none in time.
    """
    end = time.monotonic() + seconds
    while True:
        found = [
            act
            for act in audited.acts()
            if all(getattr(act, name) == value for name, value in wanted.items())
        ]
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds:g} s: {wanted}"
        time.sleep(0.05)


def policy() -> str:
    """Return the audit policy: one line a request of the account, nothing of anybody else."""
    rules = [{"level": "Metadata", "users": [ACCOUNT]}, {"level": "None"}]
    head = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"]}
    return json.dumps(head | {"rules": rules})


@pytest.fixture(scope="session")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """Start such a control plane on free ports, and stop it in the end."""
    folder = tmp_path_factory.mktemp("audited")
    (folder / "policy.json").write_text(policy())
    log = folder / "audit.log"
    plane = start_control_plane(
        folder,
        Progress(),
        die_with_parent=True,
        apiserver_flags=(
            f"--audit-policy-file={folder / 'policy.json'}",
            f"--audit-log-path={log}",
            "--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
        ),
    )
    try:
        yield Audited(plane.kubeconfig, plane.programs.kubectl, plane.addresses.server, log)
    finally:
        plane.runner.stop_all()
