import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vertice_operator.cli.exits import MEANINGS, ExitCode
from vertice_operator.cli.main import COMMANDS, vertice
from vertice_operator.cli.reference import _SHAPES, PAGE, page

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).parent / "golden"


def test_the_page_is_current() -> None:
    said = "run: python -m vertice_operator.cli.reference"
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(), said


@pytest.mark.parametrize("name", [each[0] for each in COMMANDS])
def test_each_command_has_help_with_examples(name: str) -> None:
    done = CliRunner().invoke(vertice, [name, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    assert "Examples:" in done.output
    assert f"vertice {name}" in done.output


def test_each_exit_code_is_explained() -> None:
    assert set(MEANINGS) == set(ExitCode)


@pytest.mark.parametrize(
    ("command", "golden"),
    [("status", "status-one"), ("tree", "tree"), ("shards", "shards"), ("top", "top"),
     ("check", "check"), ("diff", "diff")],
)  # fmt: skip
def test_the_documented_shape_has_every_field(command: str, golden: str) -> None:
    words = set(re.findall(r"\w+", dict(_SHAPES)[command]))
    (item, *_) = json.loads((GOLDEN / f"{golden}.json").read_text())["items"]
    assert set(item) <= words


def test_completion_for_each_shell() -> None:
    for shell, sign in (
        ("bash", "complete -o"),
        ("zsh", "compdef"),
        ("fish", "complete --command"),
    ):
        done = CliRunner().invoke(vertice, ["completion", shell])
        assert done.exit_code == 0, done.output
        assert sign in done.output
