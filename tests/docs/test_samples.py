"""What the pages tell people to type works: resources are accepted, commands and files exist."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from tests.contract.rendered import facts
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.api.validation import problems
from vertice_operator.render import unsupported

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "dev").rglob("*.md")]
    + [ROOT / name / "README.md" for name in ("bot", "operator", "examples")]
)
_RESOURCE = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
_CODE = re.compile(r"```(?:sh|console)\n(.*?)```|`([^`\n]+)`", re.DOTALL)


def code(page: Path) -> str:
    """Return all code of a page, a line for each piece."""
    found = _CODE.findall(page.read_text(encoding="utf-8"))
    return "\n".join(block or inline for block, inline in found)


def resources() -> list[tuple[str, str]]:
    """Return page and text of every DiscordBot that a page shows."""
    return [
        (str(page.relative_to(ROOT)), text)
        for page in PAGES
        for text in _RESOURCE.findall(page.read_text(encoding="utf-8"))
        if "kind: DiscordBot" in text
    ]


@pytest.mark.parametrize(("page", "text"), resources(), ids=lambda part: part[:24])
def test_a_resource_that_a_page_shows_can_be_used(page: str, text: str) -> None:
    document = yaml.safe_load(text)
    extra = {"namespace": "bots", "uid": "00000000-0000-4000-8000-000000000000"}
    document["metadata"] = extra | document["metadata"]
    bot = DiscordBot.from_object(document)
    assert (problems(bot), unsupported(bot, facts())) == ((), ()), page


def test_some_page_shows_a_resource() -> None:
    assert {"README.md", "docs/install.md"} <= {page for page, _ in resources()}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_a_page_names_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.MULTILINE))
    text = code(page)
    named = set(re.findall(r"(?:^|[\s(])make (?:-s )?([a-z][a-z0-9-]*)", text, re.MULTILINE))
    assert named - targets == set()
    modules = set(re.findall(r"python -m ((?:dev|bench|vertice_operator)(?:\.\w+)*)", text))
    assert {name for name in modules if importlib.util.find_spec(name) is None} == set()
    applied = set(re.findall(r"\b((?:examples|manifests|crds)/[\w./-]+\.yaml)\b", text))
    assert {name for name in applied if not (ROOT / name).is_file()} == set()
