"""Installs the judges, pinned, outside the project's environment: they bring old dependencies."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from dev.cluster.folders import cache_folder
from dev.cluster.locks import locked

CHECKOV: Final = "3.3.30"
KUBE_SCORE: Final = "v1.20.0"
_KUBE_SCORE_MODULE: Final = "github.com/zegl/kube-score/cmd/kube-score"


class InstallError(Exception):
    """A judge could not be installed; the message has the installer's words."""


def checkov() -> Path:
    """Return the path of checkov, installed into an environment of its own when missing."""
    folder = cache_folder() / "judges" / f"checkov-{CHECKOV}"
    program, done = folder / "bin" / "checkov", folder / "complete"
    with locked(cache_folder() / "judges" / "checkov.lock"):
        if not done.exists():
            _run("uv", "venv", "--quiet", "--clear", f"--python={sys.executable}", str(folder))
            wanted = f"checkov=={CHECKOV}"
            _run("uv", "pip", "install", "--quiet", f"--python={folder / 'bin/python'}", wanted)
            done.touch()
    return program


def kube_score() -> Path:
    """Return the path of kube-score, built by Go when missing."""
    folder = cache_folder() / "judges" / f"kube-score-{KUBE_SCORE}"
    program = folder / "kube-score"
    with locked(cache_folder() / "judges" / "kube-score.lock"):
        if not program.exists():
            _run("go", "install", f"{_KUBE_SCORE_MODULE}@{KUBE_SCORE}", GOBIN=str(folder))
    return program


def _run(*command: str, **environment: str) -> None:
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=os.environ | environment
        )
    except FileNotFoundError:
        raise InstallError(f"{command[0]} is not on PATH; install it first") from None
    if done.returncode:
        raise InstallError(f"{' '.join(command)}:\n{done.stderr.strip()[-2000:]}")
