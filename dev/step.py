"""Run one command as a named step: says what runs, how long it took, and keeps its exit status."""

from __future__ import annotations

import subprocess
import sys
import time


def main(arguments: list[str]) -> int:
    """Run ``arguments[1:]`` under the name ``arguments[0]`` and return its exit status."""
    name, *command = arguments
    print(f"==> {name}", flush=True)
    started = time.monotonic()
    status = subprocess.run(command, check=False).returncode
    verdict = "ok" if status == 0 else f"FAILED (exit {status})"
    print(f"<== {name}: {verdict} in {time.monotonic() - started:.1f} s", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
