"""Kernel settings of the whole machine that a kubelet changes: remembered, and put back."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

# What the kubelet sets at its start; see "setupKernelTunables" in its sources.
NAMES = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)


def read_tunables(root: Path = Path("/proc/sys")) -> dict[str, str]:
    """Return the present values, by the names under ``/proc/sys``."""
    return {name: (root / name).read_text().strip() for name in NAMES if (root / name).exists()}


def remember(memory: Path, root: Path = Path("/proc/sys")) -> None:
    """Write the present values to a file, unless a running cluster has done so already."""
    if not memory.exists():
        memory.write_text(json.dumps(read_tunables(root), indent=1))


def put_back(memory: Path, root: Path = Path("/proc/sys")) -> None:
    """Set the remembered values again and forget them."""
    with contextlib.suppress(FileNotFoundError):
        remembered: Mapping[str, str] = json.loads(memory.read_text())
        for name, value in remembered.items():
            (root / name).write_text(value)
        memory.unlink()
