"""The ledger: an append-only record of what the server saw and did.

Verdicts about a bot are read from here and never from the bot. Nothing in the Discord-facing
routes can reach it; only the admin API reads it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path

from dev.discord.clock import Clock
from dev.discord.wire import Json, dumps

Listener = Callable[[Json], None]


class Ledger:
    """Numbered entries, oldest first.

    Parameters
    ----------
    clock
        Source of the time stamps.
    limit
        How many entries are kept in memory. Older ones are dropped, and ``dropped`` says how many,
        so that a verdict over an incomplete record can refuse to be given.
    path
        When given, every entry is appended to this file as one JSON line, without a limit.
    """

    def __init__(self, clock: Clock, *, limit: int, path: Path | None = None) -> None:
        self._clock = clock
        self._entries: deque[Json] = deque(maxlen=limit)
        self._next = 1
        self._listeners: list[Listener] = []
        self._file = path.open("ab") if path else None
        self.counts: Counter[str] = Counter()

    @property
    def dropped(self) -> int:
        """How many of the oldest entries are no longer in memory."""
        return (self._next - 1) - len(self._entries)

    @property
    def last(self) -> int:
        """Number of the newest entry, 0 when there is none."""
        return self._next - 1

    def record(self, kind: str, **fields: object) -> Json:
        """Append an entry of ``kind``; ``fields`` are its own data and must be JSON values."""
        entry: Json = {
            "n": self._next,
            "at": self._clock.wall(),
            "mono": self._clock.monotonic(),
            "kind": kind,
            **fields,
        }
        self._next += 1
        self.counts[kind] += 1
        self._entries.append(entry)
        if self._file:
            self._file.write(dumps(entry) + b"\n")
        for listener in self._listeners:
            listener(entry)
        return entry

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with each new entry until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def query(
        self,
        *,
        after: int = 0,
        kinds: frozenset[str] | None = None,
        limit: int | None = None,
        match: dict[str, str] | None = None,
    ) -> list[Json]:
        """Return entries with a number above ``after``, oldest first.

        ``kinds`` keeps those kinds only; ``match`` keeps entries whose fields, written as text,
        are equal to the given ones.
        """
        found: list[Json] = []
        for entry in self._from(after):
            if kinds is not None and entry["kind"] not in kinds:
                continue
            if match and any(str(entry.get(key)) != value for key, value in match.items()):
                continue
            found.append(entry)
            if limit is not None and len(found) >= limit:
                break
        return found

    def jsonl(self, after: int = 0) -> bytes:
        """Return every kept entry above ``after`` as JSON lines."""
        return b"".join(dumps(entry) + b"\n" for entry in self._from(after))

    def close(self) -> None:
        """Flush and close the file, if there is one."""
        if self._file:
            self._file.close()
            self._file = None

    def _from(self, after: int) -> Iterator[Json]:
        skip = max(0, after - self.dropped)
        for position, entry in enumerate(self._entries):
            if position >= skip:
                yield entry
