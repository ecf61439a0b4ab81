"""Golden files: the expected text lives beside the test and is rewritten by ``--update-golden``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--update-golden``: write what was produced instead of comparing with it."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Give a function that compares a text with a golden file, or rewrites the file when asked."""
    update = bool(request.config.getoption("--update-golden"))

    def check(path: Path, produced: str) -> None:
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(produced, encoding="utf-8")
            return
        assert path.exists(), f"{path} is missing; run pytest with --update-golden and review it"
        assert produced == path.read_text(encoding="utf-8"), f"{path} differs"

    return check
