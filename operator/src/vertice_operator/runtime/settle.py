"""When a status is worth writing: not in the middle of a change.

A new bot's children are answered by Kubernetes within moments (a Deployment gets its first
status, a Job starts). A status written between would be stale at once and written again; so the
status waits until nothing was written to the children for a moment, but never for long.
"""

import asyncio

from vertice_operator.runtime.queue import Key


class Settle:
    """Remembers for each key since when and until when its status waits.

    Parameters
    ----------
    quiet
        Seconds without a write to children before the status is written.
    most
        Seconds after which it is written although changes go on.
    """

    def __init__(self, quiet: float, most: float = 10.0) -> None:
        self._quiet, self._most = quiet, most
        self._waiting: dict[Key, tuple[float, float]] = {}

    def wait(self, key: Key, wrote: bool) -> float | None:
        """Return how long the status has to wait, or None to write it now."""
        now = asyncio.get_running_loop().time()
        since, until = self._waiting.get(key, (now, now))
        if wrote:
            until = now + self._quiet
        if now >= until or now - since >= self._most:
            self._waiting.pop(key, None)
            return None
        self._waiting[key] = since, until
        return until - now

    def waits(self, key: Key) -> bool:
        """Tell whether the status of ``key`` waits."""
        return key in self._waiting

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a key that is gone."""
        self._waiting.pop(key, None)
