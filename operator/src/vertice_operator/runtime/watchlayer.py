"""The watch layer as a whole: kopf for the DiscordBots, streams of our own for their children."""

import asyncio
import collections
from collections.abc import Iterable

from vertice_operator.runtime.watcher import Watcher


class WatchLayer:
    """Runs several watchers as one.

    Parameters
    ----------
    parts
        The watchers; each ends only when it is closed.
    restarts
        The count of restarts that all of them share.
    """

    def __init__(self, parts: Iterable[Watcher], restarts: collections.Counter[str]) -> None:
        self._parts, self.restarts = tuple(parts), restarts

    async def run(self) -> None:
        """Run all until closed."""
        async with asyncio.TaskGroup() as group:
            for part in self._parts:
                group.create_task(part.run())

    def restart(self, reason: str) -> None:
        """Start all watches anew."""
        for part in self._parts:
            part.restart(reason)

    def close(self) -> None:
        """Make :meth:`run` return."""
        for part in self._parts:
            part.close()
