"""Refuse package-registry hosts in the tree.

A file that names an index host works only on machines that reach that host. Locks hold names,
versions and hashes; the package clients of the machine know where to fetch them.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

# Written in pieces so that this file passes its own check.
_HOSTS = (
    r"pypi\." + "org",
    r"files\.python" + "hosted",
    r"proxy\.golang\." + "org",
    r"sum\.golang\." + "org",
    r"registry\.npmjs\." + "org",
    r"static\.crates\." + "io",
    r"deb\.debian\." + "org",
    r"repo1?\.maven\." + "org",
)
_PATTERN = re.compile("|".join(_HOSTS))


def offending_lines(root: Path) -> list[str]:
    """Return ``file:line: text`` for each tracked or new line that names a registry host."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found: list[str] = []
    for name in filter(None, listed.split("\0")):
        path = root / name
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [
            f"{name}:{number}: {line.strip()}"
            for number, line in enumerate(text.splitlines(), 1)
            if _PATTERN.search(line)
        ]
    return found


def main() -> int:
    """Print what was found; exit 1 when there is anything."""
    found = offending_lines(Path(__file__).resolve().parent.parent)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
