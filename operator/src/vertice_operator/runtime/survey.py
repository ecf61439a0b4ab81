"""The full list: at start, at each gain of leadership, and every ten minutes after.

It heals whatever the watch missed, brings the optional kinds that are not watched, and judges
whether the watch is blind.
"""

import asyncio
import logging
from collections.abc import AsyncIterator

from vertice_operator.api import names
from vertice_operator.api.problem import SpecError
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.cluster import errors
from vertice_operator.cluster.cache import LiveCache, News
from vertice_operator.cluster.client import KubeClient, Object
from vertice_operator.cluster.discovery import Discovery
from vertice_operator.cluster.facts import FactsGatherer
from vertice_operator.cluster.kinds import BOT, POD, Kind
from vertice_operator.cluster.listing import bring_in_line
from vertice_operator.cluster.versions import ordinal
from vertice_operator.render import KINDS
from vertice_operator.runtime.index import BotIndex, Suspicion
from vertice_operator.runtime.queue import Key

log = logging.getLogger(__name__)
_TOKENS_AT_ONCE = 16


class Survey:
    """Lists everything through our own client.

    Parameters
    ----------
    namespaces
        The namespaces to look at; empty for all.
    """

    def __init__(
        self,
        client: KubeClient,
        cache: LiveCache,
        index: BotIndex,
        discovery: Discovery,
        gatherer: FactsGatherer,
        namespaces: tuple[str, ...],
    ) -> None:
        self._client, self._cache, self._index = client, cache, index
        self._discovery, self._gatherer = discovery, gatherer
        self._scopes: tuple[str | None, ...] = namespaces or (None,)
        self.done = False
        """Whether a full list ever succeeded: the operator is then ready."""
        self.problem = "the first list is not read yet"
        self.news: dict[str, str] = {}
        """By plural: the newest version that the last list had and the watch had not brought."""

    async def take(self, *, tokens: bool = False) -> tuple[list[Key], list[Suspicion]]:
        """List all; return the keys to reconcile, and what the watch seems to have missed.

        With ``tokens`` the bots' tokens are compared as well, so that of two bots with one token
        the younger one cannot be started before the older one was looked at.

        Raises
        ------
        errors.ClusterError
            The list failed; nothing is assumed then.
        """
        try:
            await self._discovery.refresh()
            kinds: tuple[Kind, ...] = (*KINDS, POD)
            self.news = {}
            for kind in kinds:
                await self._children(kind)
            before = self._index.known()
            listed = await self._bots(tokens)
        except errors.KindMissingError:
            self.problem = (
                f"the CRD {names.CRD_NAME} is not installed: kubectl apply --server-side "
                "-f crds/discordbots.vertice.dev.yaml"
            )
            raise
        except errors.ClusterError as error:
            self.problem = error.message
            raise
        self.done, self.problem = True, ""
        return list(listed), self._index.suspicions(before, listed)

    async def _bots(self, tokens: bool) -> dict[Key, str]:
        listed: dict[Key, str] = {}
        unclaimed: list[DiscordBot] = []
        async for item in self._each(BOT, None):
            meta = item["metadata"]
            key = Key(meta["namespace"], meta["name"])
            listed[key] = meta["resourceVersion"]
            self._index.expect(key, meta["resourceVersion"])
            if tokens and (bot := _readable(item)) is not None:
                unclaimed.append(bot)
        gate = asyncio.Semaphore(_TOKENS_AT_ONCE)

        async def claim(bot: DiscordBot) -> None:
            async with gate:
                await self._gatherer.claim_token(bot)

        await asyncio.gather(*(claim(bot) for bot in unclaimed))
        return listed

    async def _children(self, kind: Kind) -> None:
        """Bring the cache of one kind in line with the server."""
        known = self._discovery.known
        optional = getattr(kind, "optional", False)
        if optional and known is not None and kind.kind not in known.available_kinds:
            return

        def take(item: Object) -> None:
            if self._cache.store(kind, item) is not News.NONE and not optional:
                version = item["metadata"]["resourceVersion"]
                self.news[kind.plural] = max(version, self.news.get(kind.plural, ""), key=ordinal)

        try:
            for namespace in self._scopes:
                await bring_in_line(self._client, self._cache, kind, namespace, take)
        except (errors.KindMissingError, errors.ForbiddenError):
            # An installation may go without an optional kind, and without the right to it.
            if not optional:
                raise

    async def _each(self, kind: Kind, selector: str | None) -> AsyncIterator[Object]:
        for namespace in self._scopes:
            async for item in self._client.list(kind, namespace, selector):
                yield item


def _readable(item: Object) -> DiscordBot | None:
    try:
        return DiscordBot.from_object(item)
    except SpecError:
        return None


async def first_survey(survey: Survey, pause: float = 2.0) -> None:
    """Take the first survey, however long the API server needs to answer."""
    while not survey.done:
        try:
            await survey.take()
        except errors.ClusterError as error:
            log.warning("the first list failed and is tried again: %s", error)
            await asyncio.sleep(pause)
