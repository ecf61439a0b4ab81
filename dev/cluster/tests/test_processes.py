"""Processes: started with a pid file, stopped by exactly that pid."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dev.cluster.errors import ClusterError
from dev.cluster.processes import Runner, end_process, start_ticks
from dev.cluster.progress import wait_until

STUBBORN = "trap '' TERM; echo ready; while true; do sleep 0.1; done"


def _pid(runner: Runner, name: str) -> int:
    return int(json.loads((runner.folder / "pids" / f"{name}.json").read_text())["pid"])


def test_starts_once_and_stops(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.start("sleeper", ["sleep", "1000"])
    pid = _pid(runner, "sleeper")
    runner.start("sleeper", ["sleep", "1000"])
    assert _pid(runner, "sleeper") == pid
    assert runner.alive("sleeper")
    assert runner.names() == ["sleeper"]
    runner.stop("sleeper")
    assert start_ticks(pid) is None
    assert not runner.alive("sleeper")
    assert runner.names() == []


def test_stops_what_ignores_the_first_signal(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.start("stubborn", ["sh", "-c", STUBBORN])
    wait_until("trap set", lambda: "ready" in runner.log("stubborn").read_text(), 10)
    pid = _pid(runner, "stubborn")
    runner.stop("stubborn", grace=0.3)
    assert start_ticks(pid) is None


def test_a_stranger_with_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        runner = Runner(tmp_path)
        (tmp_path / "pids").mkdir()
        record = {"pid": stranger.pid, "started": 1, "argv": []}
        (tmp_path / "pids" / "old.json").write_text(json.dumps(record))
        assert not runner.alive("old")
        runner.stop("old")
        assert stranger.poll() is None
        assert runner.names() == []
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_that_ended_is_not_alive(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.start("short", ["sh", "-c", "echo why it ended; exit 3"])
    wait_until("it ends", lambda: not runner.alive("short"), 10)
    assert "why it ended" in runner.log_tail("short")
    runner.stop("short")


def test_run_shows_the_error(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="no such thing"):
        Runner(tmp_path).run(["sh", "-c", "echo no such thing >&2; exit 1"])


def test_end_process_of_nobody_does_nothing() -> None:
    done = subprocess.Popen(["true"])
    done.wait()
    end_process(done.pid)


def test_children_die_with_their_parent(tmp_path: Path) -> None:
    # The signal is set up by the time the child itself runs.
    child = ["sh", "-c", f"touch {tmp_path}/started; exec sleep 1000"]
    script = (
        "from pathlib import Path; from dev.cluster.processes import Runner; import os; "
        f"Runner(Path({str(tmp_path)!r}), die_with_parent=True).start('child', {child!r})\n"
        f"started = Path({str(tmp_path)!r}) / 'started'\n"
        "while not started.exists(): pass\n"
        "os._exit(9)"
    )
    parent = subprocess.run([sys.executable, "-c", script], check=False, timeout=30)
    assert parent.returncode == 9
    pid = _pid(Runner(tmp_path), "child")
    wait_until("child gone", lambda: start_ticks(pid) is None, 10)
