"""Locks between processes: released by the kernel when the holder ends, however it ends."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.cluster.progress import Progress


@contextmanager
def locked(path: Path, waiting: str = "", progress: Progress | None = None) -> Iterator[None]:
    """Hold the lock of a file, waiting for whoever has it.

    Parameters
    ----------
    path
        The lock file; it is made, and stays.
    waiting
        Said once when somebody else has the lock.
    progress
        Where it is said.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if progress is not None and waiting:
                progress.say(waiting)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
