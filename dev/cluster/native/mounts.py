"""Mounts under a folder, which have to go before the folder can."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

_ESCAPE = re.compile(r"\\([0-7]{3})")


def mounts_under(folder: Path, table: str) -> list[Path]:
    """Return the mount points at or below a folder, the deepest and newest first.

    Parameters
    ----------
    folder
        An absolute path.
    table
        The content of ``/proc/self/mounts``, where blanks are written as octal escapes.
    """
    points = [line.split()[1] for line in table.splitlines() if line]
    paths = [Path(_ESCAPE.sub(lambda found: chr(int(found[1], 8)), point)) for point in points]
    return [path for path in reversed(paths) if path.is_relative_to(folder)]


def unmount_under(folder: Path) -> None:
    """Unmount everything at or below a folder; a busy mount goes as soon as nobody uses it."""
    for path in mounts_under(folder, Path("/proc/self/mounts").read_text()):
        subprocess.run(["umount", "--lazy", str(path)], check=False, capture_output=True)
