"""The command line, as the backing services' pod runs it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from dev.cloudsql.__main__ import main


async def test_serve_says_when_it_is_ready_and_ends_on_sigterm(tmp_path: Path) -> None:
    key_file = tmp_path / "key.json"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dev.cloudsql", "serve", "--instance", "p:r:i"),
        *("--postgres", "127.0.0.1:1", "--api-port", "0", "--tls-port", "0"),
        *("--key-file", str(key_file), "--public-url", "http://cloudsql.test:8421"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
    assert line.startswith("cloudsql: ready api=http://cloudsql.test:8421 tls=127.0.0.1:")
    assert json.loads(key_file.read_text())["token_uri"] == "http://cloudsql.test:8421/token"
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0


def test_a_key_file_is_written(tmp_path: Path) -> None:
    out = tmp_path / "key.json"
    assert main(["key", "--project", "p", "--token-uri", "http://t", "--out", str(out)]) == 0
    assert json.loads(out.read_text())["type"] == "service_account"


def test_an_unreadable_key_file_ends_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "key.json"
    bad.write_text("{}")
    flags = ["--postgres", "127.0.0.1:1", "--api-port", "0", "--tls-port", "0"]
    assert main(["serve", "--instance", "p:r:i", *flags, "--key-file", str(bad)]) == 2
    assert "delete it to have one made" in capsys.readouterr().err


@pytest.mark.parametrize("flag", [("--instance", "p:r"), ("--postgres", "nowhere")])
def test_bad_flags_are_refused(flag: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    good = {"--instance": "p:r:i", "--postgres": "127.0.0.1:1"} | dict([flag])
    with pytest.raises(SystemExit) as ended:
        main(["serve", *(part for pair in good.items() for part in pair)])
    assert ended.value.code == 2
    assert flag[1] in capsys.readouterr().err
