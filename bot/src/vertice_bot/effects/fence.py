"""The fence of effects: which ownership they stand under."""

from __future__ import annotations

import asyncio

from vertice_bot.clock import Clock
from vertice_bot.effects.ledger import FenceToken
from vertice_bot.gateway.ownership import Owned
from vertice_bot.gateway.work import CURRENT, EventContext

PARKED_LOOK_SECONDS = 0.05


class HeldFence:
    """Ownership as effects see it, at the moment they ask.

    Parameters
    ----------
    owned:
        What this process owns.
    clock:
        CLOCK_BOOTTIME in production.
    """

    def __init__(self, owned: Owned, clock: Clock) -> None:
        self._owned = owned
        self._clock = clock

    def epoch(self, shard: int) -> int | None:
        """Give the epoch of a shard while its ownership is provable."""
        return self._owned.epoch(shard, self._clock())

    def token(self) -> FenceToken | None:
        """Give what an effect is fenced by.

        The effect of an event stands under the ownership in which the event was begun: a shard
        that was lost and taken again meanwhile was somebody else's in between. Work without an
        event, such as writing counters, stands under any shard that is ours.
        """
        current = CURRENT.get()
        if current is not None:
            epoch = self.epoch(current.shard)
            return FenceToken(current.shard, epoch) if epoch == current.epoch else None
        for row in self._owned.rows:
            epoch = self.epoch(row)
            if epoch is not None:
                return FenceToken(row, epoch)
        return None

    async def may_start(self, context: EventContext) -> bool:
        """Say whether a handler of an event may start, waiting while ownership is not provable.

        Between an event's arrival and the start of its handler the process may have been paused.
        """
        while (epoch := self.epoch(context.shard)) != context.epoch:
            parked = epoch is None and self._owned.believed_epoch(context.shard) == context.epoch
            if not parked:
                return False
            await asyncio.sleep(PARKED_LOOK_SECONDS)
        return True
