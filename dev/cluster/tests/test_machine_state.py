"""What is put back or removed on the machine, on a copy of its folders."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from dev.cluster.native.cgroups import group_name, make_group
from dev.cluster.native.leftovers import Leftovers
from dev.cluster.native.tunables import NAMES, put_back, read_tunables, remember


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    root = tmp_path / "sys"
    for name in NAMES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("0\n")
    return root


def test_tunables_are_remembered_once_and_put_back(settings: Path, tmp_path: Path) -> None:
    memory = tmp_path / "tunables.json"
    remember(memory, settings)
    (settings / "vm/overcommit_memory").write_text("1\n")
    remember(memory, settings)  # a second cluster must not take the changed value for the original
    put_back(memory, settings)
    assert set(read_tunables(settings).values()) == {"0"}
    assert not memory.exists()
    put_back(memory, settings)


def test_leftovers_of_others_stay(tmp_path: Path) -> None:
    ours, root = tmp_path / "clusters" / "one", tmp_path / "root"
    links, results = root / "var/log/containers", root / "var/lib/cni/results"
    links.mkdir(parents=True)
    results.mkdir(parents=True)
    (links / "a.log").symlink_to(ours / "node1/pod-logs/a")
    (links / "b.log").symlink_to(tmp_path / "clusters/one-more/node1/b")
    (results / "a").write_text(f'{{"sandbox": "{ours}/node1/netns/x"}}')
    (results / "b").write_text(f'{{"sandbox": "{ours}-more/node1/netns/x"}}')
    Leftovers(ours, root).remove()
    assert [path.name for path in links.iterdir()] == ["b.log"]
    assert [path.name for path in results.iterdir()] == ["b"]


def test_empty_shared_folders_go_and_so_does_a_dead_socket(tmp_path: Path) -> None:
    # The path of a socket may have 107 characters at most, which pytest's own folders exceed.
    with tempfile.TemporaryDirectory(prefix="v") as short:
        root = Path(short)
        folder = root / "var/lib/kubelet/device-plugins"
        folder.mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(folder / "kubelet.sock"))
            server.listen()
            Leftovers(tmp_path / "one", root).remove()
            assert folder.exists()
        Leftovers(tmp_path / "one", root).remove()
        assert not (root / "var/lib/kubelet").exists()


def test_groups_get_the_processors_of_their_parent(tmp_path: Path) -> None:
    for hierarchy in ("cpuset", "memory"):
        (tmp_path / hierarchy).mkdir()
    for name, value in (("cpuset.cpus", "0-1"), ("cpuset.mems", "0")):
        (tmp_path / "cpuset" / name).write_text(value)
    # The kernel makes these files with the folder; a plain folder needs them beforehand.
    group = group_name("demo", "node1")
    for step in ("vertice-demo", "vertice-demo/node1"):
        folder = tmp_path / "cpuset" / step
        folder.mkdir()
        (folder / "cpuset.cpus").write_text("")
        (folder / "cpuset.mems").write_text("")
    make_group(group, tmp_path)
    assert (tmp_path / "cpuset/vertice-demo/node1/cpuset.cpus").read_text() == "0-1"
    assert (tmp_path / "cpuset/vertice-demo/node1/cpuset.mems").read_text() == "0"
    assert (tmp_path / "memory/vertice-demo/node1").is_dir()


def test_version_two_hands_the_controllers_down(tmp_path: Path) -> None:
    for step in ("", "vertice-demo", "vertice-demo/node1"):
        folder = tmp_path / step
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.controllers").write_text("cpuset cpu io memory pids rdma\n")
    make_group(group_name("demo", "node1"), tmp_path)
    for step in ("", "vertice-demo", "vertice-demo/node1"):
        given = (tmp_path / step / "cgroup.subtree_control").read_text().split()
        assert given == ["+cpuset", "+cpu", "+memory", "+pids"]
