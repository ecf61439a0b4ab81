"""The control groups under which a node's pods run: made before the kubelet, removed after it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from dev.cluster.processes import end_process
from dev.cluster.progress import wait_until

ROOT = Path("/sys/fs/cgroup")
_CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "devices", "hugetlb")


def unified(root: Path = ROOT) -> bool:
    """Tell whether the machine has cgroup version 2 only."""
    return (root / "cgroup.controllers").exists()


def group_name(cluster: str, node: str) -> str:
    """Return the path of a node's group, as the kubelet's ``cgroupRoot`` wants it."""
    return f"/vertice-{cluster}/{node}"


def make_group(group: str, root: Path = ROOT) -> None:
    """Make a group in every hierarchy and hand it the controllers.

    In version 1 a new cpuset is empty, and nothing can run in it until it is told its processors.
    """
    steps = [*reversed(Path(group).parents), Path(group)][1:]
    if unified(root):
        for step in steps:
            _delegate((root / step.relative_to("/")).parent)
            (root / step.relative_to("/")).mkdir(exist_ok=True)
        _delegate(root / group.lstrip("/"))
        return
    for hierarchy in sorted(path for path in root.iterdir() if path.is_dir()):
        for step in steps:
            folder = hierarchy / step.relative_to("/")
            folder.mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                if (folder / name).exists():
                    (folder / name).write_text((folder.parent / name).read_text())


def _delegate(folder: Path) -> None:
    offered = (folder / "cgroup.controllers").read_text().split()
    wanted = [name for name in offered if name in _CONTROLLERS]
    (folder / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in wanted))


def _folders(cluster: str, root: Path) -> list[Path]:
    tops = [root / f"vertice-{cluster}", *root.glob(f"*/vertice-{cluster}")]
    return [top for top in tops if top.is_dir() and not top.is_symlink()]


def remove_groups(cluster: str, root: Path = ROOT) -> None:
    """End every process that still runs under a cluster's groups, and remove the groups."""
    for top in _folders(cluster, root):
        for tasks in top.rglob("cgroup.procs"):
            for pid in tasks.read_text().split():
                end_process(int(pid))
        deepest_first = sorted(
            (path for path in [top, *top.rglob("*")] if path.is_dir()),
            key=lambda path: -len(path.parts),
        )
        for folder in deepest_first:
            wait_until(f"{folder} empty", partial(_removed, folder), 10)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
