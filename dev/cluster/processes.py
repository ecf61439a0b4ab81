"""Long-running programs: started with a pid file and a log, stopped by exactly that pid.

A pid alone may have been given to a stranger since, so the pid file also holds the start time that
the kernel reports; a process is ours only when both agree.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.errors import ClusterError


def start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None when gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the command in parentheses and may hold spaces; the third is the state.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


@dataclass(frozen=True)
class Runner:
    """Starts and stops the programs whose pid files and logs live under one folder.

    Parameters
    ----------
    folder
        ``pids/`` and ``logs/`` are made in it.
    network
        Path of a network namespace to run the programs in; None is the caller's own.
    die_with_parent
        Have the kernel end the programs when the caller ends, however it ends.
    """

    folder: Path
    network: Path | None = None
    die_with_parent: bool = False

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return ``argv`` wrapped so that it runs as this runner is set up."""
        prefix: list[str] = []
        if self.network is not None:
            prefix += ["nsenter", f"--net={self.network}", "--"]
        if self.die_with_parent:
            prefix += ["setpriv", "--pdeathsig", "KILL", "--"]
        return [*prefix, *argv]

    def start(self, name: str, argv: Sequence[str]) -> None:
        """Start a program in a session of its own, with its output in ``logs/<name>.log``."""
        if self.alive(name):
            return
        log = self.log(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _CHILDREN[process.pid] = process
        record = {"pid": process.pid, "started": start_ticks(process.pid), "argv": list(argv)}
        path = self._pid_file(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))

    def run(self, argv: Sequence[str], *, stdin: str | None = None) -> str:
        """Run a short program to its end and return its output.

        Raises
        ------
        ClusterError
            With the program's error output when it fails.
        """
        done = subprocess.run(
            self.command(argv), check=False, capture_output=True, text=True, input=stdin
        )
        if done.returncode:
            raise ClusterError(f"{' '.join(argv)} failed: {done.stderr.strip()}")
        return done.stdout

    def names(self) -> list[str]:
        """Return the names of everything started and not stopped, newest first."""
        files = (self.folder / "pids").glob("*.json")
        return [file.stem for file in sorted(files, key=lambda file: -file.stat().st_mtime_ns)]

    def alive(self, name: str) -> bool:
        """Tell whether the program of this name runs."""
        return self._pid(name) is not None

    def log(self, name: str) -> Path:
        """Return the log file of a program."""
        return self.folder / "logs" / f"{name}.log"

    def log_tail(self, name: str, lines: int = 15) -> str:
        """Return the end of a program's log, for an error message."""
        log = self.log(name)
        if not log.exists():
            return f"{log} does not exist"
        tail = log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join([f"end of {log}:", *tail])

    def stop(self, name: str, grace: float = 10.0) -> None:
        """End a program: SIGTERM, then SIGKILL after ``grace`` seconds; nothing when it is gone."""
        pid = self._pid(name)
        if pid is not None:
            _end(pid, grace)
        self._pid_file(name).unlink(missing_ok=True)

    def stop_all(self) -> None:
        """Stop everything that was started under this folder, newest first."""
        for name in self.names():
            self.stop(name)

    def _pid_file(self, name: str) -> Path:
        return self.folder / "pids" / f"{name}.json"

    def _pid(self, name: str) -> int | None:
        try:
            record = json.loads(self._pid_file(name).read_text())
        except FileNotFoundError:
            return None
        pid = int(record["pid"])
        _reap(pid)
        return pid if record["started"] == start_ticks(pid) is not None else None


# Processes started by this very Python process are its children and stay zombies until awaited.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


def _reap(pid: int) -> None:
    child = _CHILDREN.get(pid)
    if child is not None and child.poll() is not None:
        del _CHILDREN[pid]


def _end(pid: int, grace: float) -> None:
    """Signal a process until it is gone. The caller has checked that the pid is ours."""
    started = start_ticks(pid)
    for sent, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 10.0)):
        try:
            os.kill(pid, sent)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            _reap(pid)
            if start_ticks(pid) != started:
                return
            time.sleep(0.05)
    raise ClusterError(f"process {pid} does not end, not even by SIGKILL; look at it with ps")


def end_process(pid: int, grace: float = 0.5) -> None:
    """End a process that is known to be ours by other means than a pid file."""
    if start_ticks(pid) is not None:
        _end(pid, grace)
