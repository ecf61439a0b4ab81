"""Asks the running pods for their shards, and wakes a bot whose answer changed."""

import asyncio
import logging
from collections.abc import Callable

from vertice_operator.cluster.cache import BotKey, LiveCache
from vertice_operator.cluster.statusz import StatuszReader
from vertice_operator.decide.facts import PodFact, Report
from vertice_operator.decide.pods import live_replicas, read_pod
from vertice_operator.runtime.queue import Key

log = logging.getLogger(__name__)


class CoveragePoller:
    """Keeps the last report of every pod in ``reports``.

    ``wake`` is told a bot when what its pods say is not what they said before; latencies and
    counters are not part of it, so a bot at rest causes nothing.
    """

    def __init__(
        self,
        cache: LiveCache,
        reader: StatuszReader,
        interval: float,
        wake: Callable[[Key], None],
    ) -> None:
        self._cache, self._reader, self._interval, self._wake = cache, reader, interval, wake
        self.reports: dict[BotKey, tuple[Report, ...]] = {}

    async def run(self) -> None:
        """Ask, again and again, until cancelled."""
        while True:
            started = asyncio.get_running_loop().time()
            await self.round()
            spent = asyncio.get_running_loop().time() - started
            await asyncio.sleep(max(self._interval - spent, self._interval / 4))

    async def close(self) -> None:
        """Close the connections."""
        await self._reader.close()

    async def round(self) -> None:
        """Ask all pods once."""
        asked = {
            bot: [pod for pod in live_replicas(map(read_pod, self._cache.pods(bot))) if pod.ip]
            for bot in (self._cache.bots_with_pods())
        }
        await asyncio.gather(*(self._ask(bot, pods) for bot, pods in asked.items()))
        for bot in self.reports.keys() - asked.keys():
            del self.reports[bot]
            self._wake(Key(*bot))

    async def _ask(self, bot: BotKey, pods: list[PodFact]) -> None:
        answers = await asyncio.gather(*(self._reader.read(pod) for pod in pods))
        reports = tuple(sorted(answers, key=lambda report: report.pod))
        if reports != self.reports.get(bot, ()):
            self.reports[bot] = reports
            self._wake(Key(*bot))
