"""Starts work beside the present one, whose failure somebody has to hear of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


def start(
    work: Coroutine[Any, Any, None],
    failed: Callable[[BaseException], None],
    *,
    kept: set[asyncio.Task[None]] | None = None,
    name: str | None = None,
) -> asyncio.Task[None]:
    """Start a task.

    Parameters
    ----------
    work:
        What it does.
    failed:
        Gets the exception that it ends with; a cancelled task is no failure.
    kept:
        Holds the task as long as it runs: the loop alone does not keep it alive.
    name:
        For logs and for finding it.
    """
    task = asyncio.create_task(work, name=name)
    if kept is not None:
        kept.add(task)
        task.add_done_callback(kept.discard)

    def ended(done: asyncio.Task[None]) -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            failed(error)

    task.add_done_callback(ended)
    return task
