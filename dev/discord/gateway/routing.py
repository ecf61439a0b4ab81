"""Which shard an event belongs to."""

from __future__ import annotations


def shard_of(guild_id: int | None, shard_count: int) -> int:
    """Return the shard that gets events of ``guild_id``.

    Events without a guild (direct messages, interactions in them) go to shard 0. The formula is
    Discord's: ``(guild_id >> 22) % num_shards`` (docs, events/gateway, "Sharding").
    """
    if guild_id is None:
        return 0
    return (guild_id >> 22) % shard_count
