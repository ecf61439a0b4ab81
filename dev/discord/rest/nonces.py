"""Which nonces of the last minutes belong to which message."""

from __future__ import annotations

from collections import OrderedDict

Key = tuple[int, int, str]


class Nonces:
    """Remembers (channel, author, nonce) for ``window`` seconds."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._known: OrderedDict[Key, tuple[float, int]] = OrderedDict()

    def remember(self, key: Key, message_id: int, now: float) -> None:
        """Note that ``key`` made ``message_id`` at ``now``, in monotonic seconds."""
        self._known[key] = (now, message_id)
        self._known.move_to_end(key)

    def find(self, key: Key, now: float) -> int | None:
        """Return the message that ``key`` made within the window before ``now``."""
        while self._known:
            oldest, (at, _) = next(iter(self._known.items()))
            if now - at < self._window:
                break
            del self._known[oldest]
        found = self._known.get(key)
        return found[1] if found else None
