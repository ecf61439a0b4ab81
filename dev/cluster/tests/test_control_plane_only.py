"""A cluster without nodes, made and kept by the command line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.cluster.__main__ import main
from dev.cluster.processes import Runner, end_process
from dev.cluster.provider import provider

pytestmark = pytest.mark.apiserver

NAME = "planes"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("VERTICE_STATE", str(tmp_path))
    folder = tmp_path / "clusters" / NAME
    assert main(["create", "--name", NAME, "--control-plane-only"]) == 0
    yield folder
    assert main(["delete", "--name", NAME]) == 0
    assert not folder.exists()
    listed = subprocess.run(["ps", "-eo", "args"], check=True, capture_output=True, text=True)
    assert str(folder) not in listed.stdout


def test_life_of_a_control_plane(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--name", NAME]) == 0
    assert "kube-apiserver: running" in capsys.readouterr().out
    pids = {path: path.read_text() for path in (made / "pids").glob("*.json")}
    assert main(["create", "--name", NAME, "--control-plane-only"]) == 0
    assert {path: path.read_text() for path in (made / "pids").glob("*.json")} == pids
    names = provider(NAME).kubectl().run("get", "crd", "-o", "name")
    assert "servicemonitors.monitoring.coreos.com" in names

    # More than it is must not be made by throwing away what runs.
    assert main(["create", "--name", NAME]) == 1
    assert "delete it first" in capsys.readouterr().err
    assert main(["status", "--name", NAME]) == 0


def test_a_dead_part_is_told_and_repaired(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cluster = provider(NAME, control_plane_only=True)
    etcd = made / "pids" / "etcd.json"
    before = etcd.read_text()

    end_process(int(json.loads(before)["pid"]))
    assert main(["status", "--name", NAME]) == 1
    assert "etcd: dead, see" in capsys.readouterr().out
    cluster.create()
    assert etcd.read_text() != before
    assert Runner(made).alive("etcd")
    assert cluster.running()
