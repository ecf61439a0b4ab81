"""The command line of `make up`."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.cluster.errors import ClusterError
from dev.cluster.kubectl import Kubectl
from dev.up.__main__ import ending, main, read_token


@pytest.mark.parametrize("content", [b"", b"  \n", b"two words", b"\xff\xfe"])
def test_a_token_file_holds_the_token_and_nothing_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(ClusterError, match="token"):
        read_token(path)


def test_a_missing_token_file_ends_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERTICE_STATE", str(tmp_path / "state"))
    assert main(["--provider", "native", "--token-file", str(tmp_path / "none")]) == 1
    assert "put the bot's token into it" in capsys.readouterr().err
    assert not (tmp_path / "state" / "clusters").exists()


def test_the_token_is_read_without_its_newline(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("abc.def\n")
    assert read_token(path) == "abc.def"


@pytest.mark.parametrize(
    ("page", "name", "where", "down"),
    [
        ("http://127.0.0.1:30080/", "vertice", "http://127.0.0.1:30080/", "make down"),
        (None, "x", "your Discord server", "python -m dev.up --down --name x"),
    ],
)
def test_the_ending_says_where_to_go_and_how_to_leave(
    page: str | None, name: str, where: str, down: str
) -> None:
    text = ending("NAME READY", Kubectl(Path("/b/kubectl"), Path("/k")), page, name)
    assert f"Talk to it: {where}" in text
    assert f"remove:   {down}" in text
    assert "export KUBECONFIG=/k PATH=/b:$PATH" in text
    assert text.startswith("\nNAME READY")
