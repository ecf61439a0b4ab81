"""The replay buffer of one session: what RESUME sends again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """One dispatch as it went, or would have gone, to the socket."""

    seq: int
    at: float
    """Monotonic seconds at which the event was put into the session."""
    event: str
    event_id: int
    data: bytes
    """The whole payload, JSON, before compression."""


class ReplayBuffer:
    """Frames in order of their sequence, bounded by count and by age.

    Parameters
    ----------
    max_events
        How many frames are kept.
    max_age
        For how many seconds a frame is kept.
    """

    def __init__(self, max_events: int, max_age: float) -> None:
        self._frames: deque[Frame] = deque()
        self._max_events = max_events
        self._max_age = max_age
        self._forgotten = 0

    def __len__(self) -> int:
        return len(self._frames)

    def add(self, frame: Frame) -> None:
        """Append ``frame``, whose sequence must be above all before it, and forget old ones."""
        self._frames.append(frame)
        self.trim(frame.at)

    def trim(self, now: float) -> None:
        """Forget frames beyond the bounds as of ``now``, in monotonic seconds."""
        frames = self._frames
        while frames and (len(frames) > self._max_events or now - frames[0].at > self._max_age):
            self._forgotten = frames.popleft().seq

    def clear(self) -> None:
        """Forget everything: the session is over."""
        if self._frames:
            self._forgotten = self._frames[-1].seq
            self._frames.clear()

    def after(self, seq: int) -> tuple[Frame, ...] | None:
        """Return exactly the frames with a sequence above ``seq``, in order.

        None means that some of them are forgotten: the session cannot be resumed from there.
        """
        if seq < self._forgotten:
            return None
        return tuple(frame for frame in self._frames if frame.seq > seq)
