"""Which provider is taken, and the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dev.cluster.__main__ import main, parser
from dev.cluster.errors import ClusterError
from dev.cluster.folders import cache_folder, clusters_folder
from dev.cluster.kind import KindProvider
from dev.cluster.native.provider import NativeProvider
from dev.cluster.provider import choose_kind, provider


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERTICE_STATE", str(tmp_path))


@pytest.mark.parametrize(
    ("wanted", "can_pull", "root", "chosen"),
    [
        ("auto", True, True, "kind"),
        ("auto", True, False, "kind"),
        ("auto", False, True, "native"),
        ("kind", False, True, "kind"),
        ("native", True, False, "native"),
    ],
)
def test_choice(wanted: str, can_pull: bool, root: bool, chosen: str) -> None:
    assert choose_kind(wanted, can_pull=can_pull, root=root) == chosen  # type: ignore[arg-type]


def test_no_choice_says_what_to_do() -> None:
    with pytest.raises(ClusterError, match="start a Docker engine"):
        choose_kind("auto", can_pull=False, root=False)


def test_an_existing_cluster_decides(tmp_path: Path) -> None:
    folder = tmp_path / "clusters" / "demo"
    folder.mkdir(parents=True)
    (folder / "kind.txt").write_text("kind")
    assert isinstance(provider("demo"), KindProvider)
    (folder / "kind.txt").write_text("native")
    assert isinstance(provider("demo"), NativeProvider)


def test_folders_follow_the_environment() -> None:
    assert cache_folder({"VERTICE_CACHE": "/c", "XDG_CACHE_HOME": "/x"}) == Path("/c")
    assert cache_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/vertice")
    assert cache_folder({}) == Path.home() / ".cache/vertice"
    assert clusters_folder({"VERTICE_STATE": "/s"}) == Path("/s/clusters")
    assert clusters_folder({"XDG_STATE_HOME": "/x"}) == Path("/x/vertice/clusters")
    assert clusters_folder({}) == Path.home() / ".local/state/vertice/clusters"


def test_deleting_nothing_is_well() -> None:
    assert main(["delete", "--name", "nobody"]) == 0


@pytest.mark.parametrize("command", [["kubeconfig"], ["status"], ["load", "image:1"]])
def test_missing_cluster_says_how_to_make_it(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--name", "nobody"]) == 1
    assert "python -m dev.cluster create --name nobody" in capsys.readouterr().err


def test_bad_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["create", "--name", "../x", "--provider", "native"]) == 1
    assert "cannot name a cluster" in capsys.readouterr().err


def test_every_command_has_help() -> None:
    for command in ("create", "delete", "status", "kubeconfig", "load", "build", "images"):
        with pytest.raises(SystemExit) as stopped:
            parser().parse_args([command, "--help"])
        assert stopped.value.code == 0


def test_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dev.cluster", "--help"], check=True, capture_output=True, text=True
    )
    assert "kubeconfig" in done.stdout
