"""The embedded Postgres."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest

from dev.local.postgres import Postgres, PostgresError, free_port, main

pytestmark = pytest.mark.postgres


async def ask(server: Postgres, question: str, password: str | None = None) -> object:
    connection = await asyncpg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=password or server.password,
        database=server.database,
    )
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_data_and_password_stay_over_a_restart(tmp_path: Path) -> None:
    with Postgres(tmp_path / "pg" / "data", "one") as server:
        await ask(server, "create table t as select 42 as x")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(server, "select 1", password="two")
    with Postgres(tmp_path / "pg" / "data", "one") as server:
        assert await ask(server, "select x from t") == 42


async def test_a_server_left_by_a_killed_run_is_stopped_first(tmp_path: Path) -> None:
    first = Postgres(tmp_path / "data", "one")
    first.start()
    with Postgres(tmp_path / "data", "one") as second:
        assert first.process.wait(5) == 0
        assert await ask(second, "select 1") == 1


async def test_another_programs_pid_is_not_touched(tmp_path: Path) -> None:
    with Postgres(tmp_path / "data", "one"):
        pass
    (tmp_path / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n0\n")
    previous = signal.signal(signal.SIGINT, lambda *_: pytest.fail("the wrong process was hit"))
    try:
        server = Postgres(tmp_path / "data", "one")
        server._stop_leftover()
    finally:
        signal.signal(signal.SIGINT, previous)


def test_an_interrupted_creation_leaves_nothing(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    broken = programs / "initdb"
    broken.write_text("#!/bin/sh\necho no space >&2\nexit 1\n")
    broken.chmod(0o755)
    with pytest.raises(PostgresError, match="no space"):
        Postgres(tmp_path / "data", "one", programs).start()
    assert [path.name for path in tmp_path.iterdir()] == ["bin"]


def test_a_failed_start_shows_the_log(tmp_path: Path) -> None:
    with Postgres(tmp_path / "data", "one") as server:
        taken = server.port
        other = Postgres(tmp_path / "other", "one", port=taken)
        with pytest.raises(PostgresError, match="could not bind"):
            other.start()
    assert not psutil.pid_exists(other.process.pid) or other.process.poll() is not None


async def test_the_command_line_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("one\n")
    port = str(free_port())
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dev.local.postgres", "--data", str(tmp_path / "data")),
        *("--password-file", str(password), "--port", port),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    assert line.decode() == f"postgres: ready on 127.0.0.1:{port}\n"
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 20) == 0


def test_a_failed_start_of_the_command_is_one_line_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    password = tmp_path / "password"
    password.write_text("one")
    arguments = ["--data", str(tmp_path / "data"), "--password-file", str(password)]
    assert main([*arguments, "--programs", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.startswith("postgres: ")
