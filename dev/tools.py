"""Install the programs that tests run against, where the machine lacks them.

Only Debian and its relatives are installed on automatically; elsewhere the missing programs are
named, with the package that usually holds them.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass

from dev.cluster.packages import can_install, install


@dataclass(frozen=True)
class Tool:
    """A program that has to be on PATH and the Debian package that brings it."""

    program: str
    package: str


TOOLS = (
    Tool("redis-server", "redis-server"),
    Tool("promtool", "prometheus"),
    Tool("chromium", "chromium"),
)


def missing(tools: tuple[Tool, ...] = TOOLS) -> list[Tool]:
    """Return the tools whose program is not on PATH."""
    return [tool for tool in tools if shutil.which(tool.program) is None]


def main() -> int:
    """Install what is missing, or say what to install."""
    tools = missing()
    if not tools:
        return 0
    names = ", ".join(tool.program for tool in tools)
    if not can_install():
        print(f"missing programs: {names}. Install these packages and run this again:")
        print("  " + " ".join(sorted({tool.package for tool in tools})))
        return 2
    print(f"installing {names}", flush=True)
    install(sorted({tool.package for tool in tools}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
