"""Messages waiting to be counted. Pure: bounded memory, no clock, no database."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from vertice_bot.db.repos.message_counts import MessageBatch


def _column() -> array[int]:
    return array("q")


@dataclass(frozen=True, slots=True)
class Frozen:
    """A batch on its way to the database. Its key names it for ever, so it is applied once."""

    key: str
    messages: MessageBatch

    def __len__(self) -> int:
        return len(self.messages.ids)


@dataclass(slots=True)
class CountBuffer:
    """Holds at most ``capacity`` messages, 32 bytes each, in the order in which they came.

    A batch that was taken stays the next one until :meth:`confirm`: whether its transaction took
    effect may be unknown (the answer to COMMIT was lost), so it must be tried again unchanged.
    """

    owner: str
    capacity: int
    _ids: array[int] = field(default_factory=_column)
    _guilds: array[int] = field(default_factory=_column)
    _channels: array[int] = field(default_factory=_column)
    _members: array[int] = field(default_factory=_column)
    _frozen: Frozen | None = None
    _taken: int = 0
    dropped: int = 0

    def __len__(self) -> int:
        waiting = 0 if self._frozen is None else len(self._frozen)
        return waiting + len(self._ids)

    def add(self, message_id: int, guild_id: int, channel_id: int, member_id: int) -> bool:
        """Keep a message; False when the buffer is full and the message is dropped and counted."""
        if len(self) >= self.capacity:
            self.dropped += 1
            return False
        self._ids.append(message_id)
        self._guilds.append(guild_id)
        self._channels.append(channel_id)
        self._members.append(member_id)
        return True

    def take(self, limit: int) -> Frozen | None:
        """Return the batch to write now: the unconfirmed one, or the oldest ``limit`` messages."""
        if self._frozen is None and self._ids:
            self._taken += 1
            columns = (self._ids, self._guilds, self._channels, self._members)
            batch = MessageBatch(*(column[:limit] for column in columns))
            for column in columns:
                del column[:limit]
            self._frozen = Frozen(f"{self.owner}:{self._taken}", batch)
        return self._frozen

    def confirm(self, batch: Frozen) -> None:
        """Forget a batch that is known to be in the database."""
        if self._frozen is batch:
            self._frozen = None
