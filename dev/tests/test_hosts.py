"""The check for registry hosts finds one, and nothing in the tree as it is."""

import subprocess
from pathlib import Path

from dev.hosts import offending_lines

ROOT = Path(__file__).resolve().parents[2]


def test_the_tree_names_no_registry_host() -> None:
    assert offending_lines(ROOT) == []


def test_a_named_host_is_found_with_its_line(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "requirements.txt").write_text("ok\n--index-url https://pypi." + "org/simple\n")
    assert [line.split(": ")[0] for line in offending_lines(tmp_path)] == ["requirements.txt:2"]
