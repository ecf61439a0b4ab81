"""Where builds are cached and where the state of a cluster lives, never inside the checkout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of builds and downloads, which every cluster of this user shares.

    ``VERTICE_CACHE`` wins, then ``XDG_CACHE_HOME/vertice``, then ``~/.cache/vertice``.
    """
    if chosen := environment.get("VERTICE_CACHE"):
        return Path(chosen)
    if base := environment.get("XDG_CACHE_HOME"):
        return Path(base) / "vertice"
    return Path.home() / ".cache" / "vertice"


def clusters_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that holds one folder for each cluster.

    ``VERTICE_STATE`` wins, then ``XDG_STATE_HOME/vertice``, then ``~/.local/state/vertice``.
    """
    if chosen := environment.get("VERTICE_STATE"):
        return Path(chosen) / "clusters"
    if base := environment.get("XDG_STATE_HOME"):
        return Path(base) / "vertice" / "clusters"
    return Path.home() / ".local" / "state" / "vertice" / "clusters"
