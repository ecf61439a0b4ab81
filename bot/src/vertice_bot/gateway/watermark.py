"""The done-watermark of one session. Pure.

discord.py moves its sequence number before a handler runs, so storing that number would lose the
events whose handlers a crash interrupts. Here an event counts as done when everything that it
started has ended; the watermark is the last number below which everything is done.
"""

from __future__ import annotations

import heapq


class Watermark:
    """Counts what is open, by sequence number; never goes back.

    Parameters
    ----------
    sequence:
        Where the session is begun: 0 for a new one, the stored watermark for a resumed one.
    """

    __slots__ = ("_heap", "_open", "done", "late", "received")

    def __init__(self, sequence: int = 0) -> None:
        self.received = sequence
        self.done = sequence
        self.late = 0
        self._open: dict[int, int] = {}
        self._heap: list[int] = []

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, sequence: int) -> bool:
        """Open an event once more.

        Returns
        -------
        bool
            False for an event that is done already, such as one whose forgotten task starts
            another; it is counted, and there is nothing to end.
        """
        if sequence <= self.done:
            self.late += 1
            return False
        count = self._open.get(sequence, 0)
        if not count:
            heapq.heappush(self._heap, sequence)
        self._open[sequence] = count + 1
        if sequence > self.received:
            self.received = sequence
        return True

    def end(self, sequence: int) -> None:
        """Close what :meth:`begin` opened, once for each time that it gave True."""
        count = self._open.get(sequence)
        if count is None:
            return  # rewound meanwhile
        if count > 1:
            self._open[sequence] = count - 1
            return
        del self._open[sequence]
        self._settle()

    def rewind(self, sequence: int) -> None:
        """Forget everything above a number: it was dropped unhandled, and will be read again."""
        for above in [number for number in self._open if number > sequence]:
            del self._open[above]
        self.received = max(self.done, sequence)
        self._settle()

    def _settle(self) -> None:
        heap = self._heap
        while heap and heap[0] not in self._open:
            heapq.heappop(heap)
        self.done = heap[0] - 1 if heap else self.received
