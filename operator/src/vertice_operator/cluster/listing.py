"""A full list of one kind, and the cache brought in line with it."""

from collections.abc import Callable
from typing import NamedTuple

from vertice_operator.api import names
from vertice_operator.cluster.cache import BotKey, LiveCache, bot_of
from vertice_operator.cluster.client import KubeClient, Object
from vertice_operator.cluster.kinds import Kind


class Listed(NamedTuple):
    """What a full list brought besides its objects.

    ``version`` is where a watch goes on from; ``lost`` are the bots that lost a child which the
    cache still had.
    """

    version: str
    lost: set[BotKey]


async def bring_in_line(
    client: KubeClient,
    cache: LiveCache,
    kind: Kind,
    namespace: str | None,
    take: Callable[[Object], None],
) -> Listed:
    """List our objects of a kind, give each to ``take``, and drop from the cache what is gone.

    ``take`` is expected to store what it is given.

    Raises
    ------
    errors.ClusterError
        The list failed; nothing is dropped then.
    """
    before = {
        where: version
        for where, version in cache.versions(kind.kind).items()
        if namespace is None or where[0][0] == namespace
    }
    seen: set[tuple[BotKey, str]] = set()
    version = ""
    async for listed_at, items in client.pages(kind, namespace, names.LABEL_BOT):
        version = listed_at
        for item in items:
            take(item)
            bot = bot_of(item)
            if bot is not None:
                seen.add((bot, item["metadata"]["name"]))
    return Listed(version, cache.retain(kind.kind, before, seen))
