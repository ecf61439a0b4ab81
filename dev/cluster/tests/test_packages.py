"""Installing packages beside another installation."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from dev.cluster.errors import ClusterError
from dev.cluster.packages import Package, apt, ensure
from dev.cluster.progress import Progress

# Refuses like apt-get while another one runs: it knows of it by a folder that only one can make.
_APT = """#!/bin/sh
echo "$@" >> {log}
if ! mkdir {held} 2>/dev/null; then
  echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)" >&2
  exit 100
fi
for i in 1 2 3; do [ "$1" = install ] && touch {folder}/$i; done
rmdir {held}
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put an ``apt-get`` first on the PATH that keeps a log and refuses a second one."""
    log, program = tmp_path / "log", tmp_path / "bin" / "apt-get"
    program.parent.mkdir()
    program.write_text(_APT.format(log=log, held=tmp_path / "held", folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("VERTICE_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return log


def test_waits_for_the_lock_of_another_apt(log: Path, tmp_path: Path) -> None:
    (tmp_path / "held").mkdir()
    threading.Timer(0.3, (tmp_path / "held").rmdir).start()
    apt("update", patience=30, pause=0.05)
    assert len(log.read_text().splitlines()) > 1


def test_gives_up_with_what_apt_said(log: Path, tmp_path: Path) -> None:
    (tmp_path / "held").mkdir()
    with pytest.raises(ClusterError, match="held by process 1"):
        apt("update", patience=0.2, pause=0.05)


def test_parts_that_install_side_by_side_take_turns(log: Path, tmp_path: Path) -> None:
    """The images and the node are prepared at once, and each needs packages."""
    failed: list[Exception] = []

    def run(number: int) -> None:
        try:
            ensure([Package(f"p{number}", lambda: False)], Progress())
        except Exception as error:  # noqa: BLE001 - a thread's error is asserted on below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(log.read_text().splitlines()) == 8
