"""The Docker engine is found where its package puts it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dev.cluster.images import engine_answers, ensure_engine
from dev.cluster.packages import DOCKER_PACKAGES, engine_program, ensure
from dev.cluster.progress import Progress


def test_the_engine_is_found_beside_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program = tmp_path / "dockerd"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert engine_program() == str(program)


@pytest.mark.cluster
def test_the_installed_package_brings_an_engine_that_starts() -> None:
    ensure(DOCKER_PACKAGES, Progress())
    program = engine_program()
    assert program is not None
    assert os.access(program, os.X_OK)
    ensure_engine(Progress())
    assert engine_answers()
