"""The command line: help, refusals, exit codes, the termination log."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from dev.testing.postgres import PostgresDatabase
from vertice_bot.cli.main import app

pytestmark = pytest.mark.processes

runner = CliRunner()


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(("VERTICE_", "DISCORD_")):
            monkeypatch.delenv(name)


def write(tmp_path: Path, **extra: object) -> str:
    (tmp_path / "termination").touch()
    base = {"bot": "demo/my-bot", "termination_log": str(tmp_path / "termination")}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(base | extra))
    return str(path)


@pytest.mark.parametrize("command", [[], ["run"], ["migrate"], ["check"]])
def test_help_says_what_it_does(command: list[str]) -> None:
    result = runner.invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "--config" in result.output or "Exit codes" in result.output


def test_version() -> None:
    result = runner.invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith("vertice-bot ")


def test_check_prints_what_to_grant(tmp_path: Path) -> None:
    config = write(
        tmp_path, discord={"application_id": 42, "intents": ["guilds", "guild_messages"]}
    )
    result = runner.invoke(app, ["check", "-c", config])
    assert result.exit_code == 0, result.output
    assert "intents:      guilds, guild_messages" in result.output
    assert "attach_files" in result.output
    assert "administrator" not in result.output
    assert "client_id=42" in result.output


def test_check_refuses_a_missing_intent(tmp_path: Path) -> None:
    config = write(tmp_path, discord={"intents": ["guilds"]})
    result = runner.invoke(app, ["check", "-c", config])
    assert result.exit_code == 2
    assert "features.analytics needs the intent guild_messages" in result.output


def test_check_reads_the_policy(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("nonsense: 1")
    result = runner.invoke(app, ["check", "-c", write(tmp_path, policy_file=str(policy))])
    assert result.exit_code == 2
    assert "nonsense: unknown key" in result.output


@pytest.mark.parametrize("command", ["run", "migrate", "check"])
def test_a_bad_configuration_ends_with_2_and_one_line(tmp_path: Path, command: str) -> None:
    result = runner.invoke(app, [command, "-c", write(tmp_path, typo=1)])
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert "typo: unknown key" in result.output


def test_run_without_a_token_file(tmp_path: Path) -> None:
    config = write(tmp_path, discord={"token_file": str(tmp_path / "absent")})
    done = subprocess.run(
        [sys.executable, "-m", "vertice_bot", "run", "-c", config],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "discord.token_file: cannot read" in done.stderr.splitlines()[-1]
    assert "mount the Secret" in (tmp_path / "termination").read_text()


def test_run_refuses_a_token_with_a_prefix(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("Bot abc.def.ghi")
    config = write(tmp_path, discord={"token_file": str(token)})
    done = subprocess.run(
        [sys.executable, "-m", "vertice_bot", "run", "-c", config],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "without the word Bot" in done.stderr
    assert "abc.def.ghi" not in done.stderr


def test_run_refuses_tracing_for_now(tmp_path: Path) -> None:
    result = runner.invoke(app, ["run", "-c", write(tmp_path, tracing={"endpoint": "http://x"})])
    assert result.exit_code == 2
    assert "does not send traces" in result.output


def test_migrate_needs_a_database(tmp_path: Path) -> None:
    result = runner.invoke(app, ["migrate", "-c", write(tmp_path)])
    assert result.exit_code == 2
    assert "database: required" in result.output


def section(database: PostgresDatabase, **extra: object) -> dict[str, object]:
    return {
        "host": database.host,
        "port": database.port,
        "name": database.name,
        "user": database.user,
        "user_file": None,
        "password_file": None,
    } | extra


async def test_migrate_works_and_can_be_repeated(
    tmp_path: Path, fresh_database: PostgresDatabase
) -> None:
    config = write(tmp_path, database=section(fresh_database))
    for applied in (True, False):
        done = subprocess.run(  # noqa: ASYNC221 - the only thing going on
            [sys.executable, "-m", "vertice_bot", "migrate", "-c", config],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert ("applying migration" in done.stderr) is applied


@pytest.mark.parametrize(
    ("extra", "code", "text"),
    [
        ({"name": "absent"}, 69, "database absent does not exist"),
        ({"port": 1}, 70, "did not answer within"),
    ],
)
def test_migrate_says_why_it_cannot(
    tmp_path: Path, postgres: PostgresDatabase, extra: dict[str, object], code: int, text: str
) -> None:
    config = write(tmp_path, database=section(postgres, **extra))
    result = runner.invoke(app, ["migrate", "-c", config, "--wait", "0.2"])
    assert result.exit_code == code
    assert text in result.output
    assert text in (tmp_path / "termination").read_text()
