"""Install the programs that tests run against, where the machine lacks them.

Only Debian and its relatives are installed on automatically; elsewhere the missing programs are
named, with the package that usually holds them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass


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


def _install(tools: list[Tool]) -> int:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "env": environment}
    subprocess.run(["apt-get", "update", "-qq"], **quiet)  # type: ignore[call-overload]
    packages = sorted({tool.package for tool in tools})
    subprocess.run(  # type: ignore[call-overload]
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages], **quiet
    )
    return 0


def main() -> int:
    """Install what is missing, or say what to install."""
    tools = missing()
    if not tools:
        return 0
    names = ", ".join(tool.program for tool in tools)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(f"missing programs: {names}. Install these packages and run this again:")
        print("  " + " ".join(sorted({tool.package for tool in tools})))
        return 2
    print(f"installing {names}", flush=True)
    return _install(tools)


if __name__ == "__main__":
    sys.exit(main())
