"""The operator as a whole: what runs always, what runs only while leading, and how it stops."""

import asyncio
import collections
import contextlib
import logging
import signal
import time
from collections.abc import Iterable, Mapping
from typing import Any

from vertice_operator.api.v1alpha1.status import DiscordBotStatus
from vertice_operator.cluster import errors
from vertice_operator.cluster.cache import BotKey, LiveCache, News, bot_of
from vertice_operator.cluster.client import KubeClient, load_configuration
from vertice_operator.cluster.discovery import Discovery
from vertice_operator.cluster.events import EventPoster
from vertice_operator.cluster.facts import FactsGatherer
from vertice_operator.cluster.kinds import BOT, POD, Kind
from vertice_operator.cluster.lease import LeaseStore
from vertice_operator.cluster.nodes import CordonedNodes
from vertice_operator.cluster.secrets import SecretReader
from vertice_operator.cluster.statusz import StatuszReader
from vertice_operator.cluster.tokens import TokenRegistry
from vertice_operator.decide.facts import Defaults
from vertice_operator.render import KINDS
from vertice_operator.runtime.coverage import CoveragePoller
from vertice_operator.runtime.health import HealthServer, Heartbeat
from vertice_operator.runtime.index import BotIndex, Suspicion
from vertice_operator.runtime.leader import LeaderElector
from vertice_operator.runtime.listwatch import ListWatcher
from vertice_operator.runtime.metrics import Metrics
from vertice_operator.runtime.queue import Backoff, Key, WorkQueue
from vertice_operator.runtime.reconcile import Reconciler, RefusedError
from vertice_operator.runtime.settings import Settings, default_identity
from vertice_operator.runtime.settle import Settle
from vertice_operator.runtime.survey import Survey, first_survey
from vertice_operator.runtime.watcher import KopfWatcher
from vertice_operator.runtime.watchlayer import WatchLayer

log = logging.getLogger(__name__)
QUEUE = "discordbot"
BLIND_AFTER = 60.0


class Operator:
    """One operator process.

    Parameters
    ----------
    settings
        All settings.
    client
        The way to the API server.
    """

    def __init__(
        self,
        settings: Settings,
        client: KubeClient,
    ) -> None:
        self.settings, self.client = settings, client
        identity = settings.identity or default_identity()
        self.metrics, self.queue = Metrics(), WorkQueue()
        self.cache, self.index, self.tokens = LiveCache(), BotIndex(), TokenRegistry()
        self.discovery = Discovery(client, [kind for kind in KINDS if kind.optional])
        self.poller = CoveragePoller(
            self.cache, StatuszReader(), settings.statusz_seconds, self.queue.add
        )
        self.secrets = SecretReader(client, fresh=min(2.0, settings.secret_recheck_seconds / 2))
        self.nodes = CordonedNodes(client, settings.drain_help_seconds, self._drained)
        self.gatherer = FactsGatherer(
            self.cache,
            self.secrets,
            self.tokens,
            self.discovery,
            Defaults(
                settings.operator_version, settings.default_bot_image, settings.default_proxy_image
            ),
            self.poller.reports,
            self._wake,
            cordoned=self.nodes.until,
        )
        self.survey = Survey(
            client, self.cache, self.index, self.discovery, self.gatherer, settings.namespaces
        )
        store = LeaseStore(client, settings.lease_namespace, settings.lease_name)
        self.elector = LeaderElector(store, identity, settings.lease)
        self.settle = Settle(settings.status_settle_seconds)
        self.reconciler = self._make_reconciler(identity)
        self.children = self._watch_children()
        self.watcher = self._watch_layer()
        self.health = self._make_health()
        client.guard = self.elector.require
        client.observers.append(self.metrics.observe_request)
        self.queue.waited = self.metrics.queue_seconds.labels(QUEUE).observe

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, then give the Lease back and close everything."""
        await self.health.start(self.settings.http_host, self.settings.http_port)
        watching = asyncio.create_task(self.watcher.run(), name="watcher")
        self._watching = watching
        tasks = [
            asyncio.create_task(coroutine, name=name)
            for name, coroutine in (
                ("heartbeat", self.heartbeat.run()),
                ("elector", self.elector.run()),
                ("lead", self._lead()),
            )
        ]
        try:
            await _first_of(stop, *tasks, watching)
        finally:
            self.watcher.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._release()
            await _within(5.0, watching)
            await self.poller.close()
            await self.health.stop()
            await self.client.close()

    def take(self, kind: Kind, event: str | None, document: dict[str, Any]) -> None:
        """Take one watch event: remember the object, and want its bot if that is news."""
        self.metrics.watch_events.labels(kind.plural).inc()
        self.metrics.last_event.set(time.time())
        if kind is BOT:
            self._take_bot(event, document)
            return
        bot = bot_of(document)
        if bot is None:
            return
        if event == "DELETED":
            if self.cache.remove(kind, document):
                self.queue.add(Key(*bot))
            return
        key, news = Key(*bot), self.cache.store(kind, document)
        # Statuses and pods change in bursts, of which only the last one matters; and what comes
        # while the bot is worked on is most likely the echo of that work, ahead of its answer.
        burst = news is News.STATUS or kind is POD or self.queue.holds(key)
        if news is not News.NONE and burst:
            self.queue.add_after(key, self.settings.status_settle_seconds)
        elif news is not News.NONE:
            self.queue.add(key)

    def _take_bot(self, event: str | None, document: Mapping[str, Any]) -> None:
        meta = document["metadata"]
        key = Key(meta["namespace"], meta["name"])
        if event == "DELETED":
            self.index.gone(key)
            self.queue.add(key)
        elif self.index.saw(key, meta["resourceVersion"]):
            self.queue.add(key)

    async def _lead(self) -> None:
        """Work while leading; everything that writes ends with the leadership."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * self.settings.lease.retry):
                await self.elector.gained.wait()
        if not self.elector.gained.is_set():
            await first_survey(self.survey)  # a follower is ready as well, and keeps warm
        while True:
            await self.elector.gained.wait()
            self.metrics.leader.set(1)
            work = asyncio.create_task(self._work(), name="work")
            lost = asyncio.create_task(self.elector.lost.wait(), name="lost")
            try:
                done, _ = await asyncio.wait((work, lost), return_when=asyncio.FIRST_COMPLETED)
            finally:
                self.metrics.leader.set(0)
                for task in (work, lost):
                    task.cancel()
                await asyncio.gather(work, lost, return_exceptions=True)
            if work in done:
                _reraise(work)

    async def _work(self) -> None:
        """List, then work: without the list every child would have to be read one by one."""
        listed = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for number in range(self.settings.workers):
                group.create_task(self._worker(listed), name=f"worker-{number}")
            group.create_task(self._resync(listed), name="resync")
            group.create_task(self._recheck_kinds(), name="optional-kinds")
            group.create_task(self.poller.run(), name="statusz")
            if self.settings.helps_drains:
                group.create_task(self.nodes.run(), name="nodes")

    async def _worker(self, listed: asyncio.Event) -> None:
        await listed.wait()
        while True:
            key = await self.queue.get()
            try:
                await self._serve(key)
            finally:
                self.queue.done(key)

    async def _serve(self, key: Key) -> None:
        """Reconcile one key and decide when it is wanted again."""
        started, result = time.monotonic(), "ok"
        try:
            async with asyncio.timeout(self.settings.reconcile_timeout):
                again = await self.reconciler.reconcile(key)
            self.queue.forget(key)
            if again is not None:
                # A status that waits is looked at once, when its time has come.
                self.queue.add_after(key, again, instead=self.settle.waits(key))
            self.metrics.bots.succeeded(key, time.time())
        except errors.NotLeaderError:
            result = "lost"
        except (RefusedError, errors.ClusterError) as error:
            lasting = isinstance(error, RefusedError) or not error.transient
            result = "refused" if lasting else "transient"
            patience = Backoff.REFUSED if lasting else Backoff.TRANSIENT
            at_least = 0.0 if isinstance(error, RefusedError) else error.retry_after
            delay = self.queue.retry(key, patience, at_least)
            log.warning("%s: %s (again in %.0f s)", key, error, delay)
        except TimeoutError:
            result = "transient"
            delay = self.queue.retry(key, Backoff.TRANSIENT)
            log.warning("%s: took too long and was given up (again in %.0f s)", key, delay)
        except Exception:
            result = "error"
            delay = self.queue.retry(key, Backoff.REFUSED)
            log.exception("reconcile of %s failed (again in %.0f s)", key, delay)
        self.metrics.reconciles.labels(result).inc()
        self.metrics.reconcile_seconds.observe(time.monotonic() - started)

    async def _resync(self, listed: asyncio.Event) -> None:
        """List everything now and at each interval, and want every bot."""
        tokens = True
        while True:
            try:
                keys, suspicions = await self.survey.take(tokens=tokens)
                behind = dict(self.survey.news)
            except errors.ClusterError as error:
                self.metrics.resyncs.labels("failed").inc()
                log.warning("the full list failed and is tried again: %s", error)
                await asyncio.sleep(min(5.0, self.settings.resync_seconds))
                continue
            tokens = False
            if self.settings.helps_drains:
                await self.nodes.known.wait()  # or a restart in a drain would take its help away
            listed.set()
            self.metrics.resyncs.labels("ok").inc()
            self.metrics.resources.set(len(keys))
            for key in keys:
                self.queue.add(key)
            for key in self._unlisted(keys):
                self.queue.add(key)
            await self._judge_watch(suspicions, behind)

    async def _judge_watch(self, suspicions: list[Suspicion], news: Mapping[str, str]) -> None:
        """Wait until the next list; in between restart the watch if it proves to be blind."""
        interval = self.settings.resync_seconds * self.queue.spread(0.1)
        grace = min(BLIND_AFTER, interval)
        await asyncio.sleep(grace)
        missed = self.index.confirmed(suspicions)
        if missed:
            self.metrics.watch_missed.inc(len(missed))
            for key in missed:
                self.queue.add(key)
            self.watcher.restart(f"blind: {len(missed)} changes missed, such as {missed[0]}")
        elif behind := [kind for kind, at in news.items() if self.children.behind(kind, at)]:
            self.metrics.watch_missed.inc(len(behind))
            self.children.restart(f"blind: changes of {', '.join(behind)} missed")
        await asyncio.sleep(interval - grace)

    async def _recheck_kinds(self) -> None:
        """Look for optional kinds that appear or go, and want every bot when one does."""
        while True:
            known = self.discovery.known
            await asyncio.sleep(self.settings.optional_recheck_seconds * self.queue.spread(0.1))
            try:
                if await self.discovery.refresh() != known and known is not None:
                    log.info("optional kinds now: %s", self.discovery.known)
                    for key in self.index.known():
                        self.queue.add(key)
            except errors.ClusterError as error:
                log.warning("optional kinds could not be looked for: %s", error)

    async def _release(self) -> None:
        try:
            await self.elector.release()
        except (errors.ClusterError, TimeoutError) as error:
            log.warning("the Lease was not given back and runs out by itself: %s", error)

    def _wake(self, bots: Iterable[BotKey]) -> None:
        for bot in bots:
            self.queue.add(Key(*bot))

    def _drained(self, nodes: frozenset[str]) -> None:
        """Want the bots that have a pod on one of these nodes."""
        for bot in self.cache.bots_with_pods():
            if any(
                (pod.get("spec") or {}).get("nodeName") in nodes for pod in self.cache.pods(bot)
            ):
                self.queue.add(Key(*bot))

    def _unlisted(self, keys: Iterable[Key]) -> set[Key]:
        """Return bots that we remember and the list no longer has: their deletion was missed."""
        return {Key(*bot) for bot in self.metrics.bots.known()} - set(keys)

    def _gone(self, key: Key) -> None:
        self.queue.discard(key)
        self.cache.forget(key)
        self.secrets.forget(key)
        self.poller.reports.pop(key, None)
        self.metrics.bots.forget(key)
        self._wake(self.tokens.release(key))

    def _status(self, key: Key, status: DiscordBotStatus) -> None:
        self.metrics.bots.conditions(key, ((c.type, c.status.value) for c in status.conditions))

    def _make_reconciler(self, identity: str) -> Reconciler:
        drift = self.metrics.drift_corrections
        return Reconciler(
            self.client,
            self.cache,
            self.gatherer,
            EventPoster(self.client, identity),
            self.settle,
            self.settings.operator_namespace,
            self.settings.secret_recheck_seconds,
            on_gone=self._gone,
            on_status=self._status,
            on_drift=lambda kind: drift.labels(kind).inc(),
            on_written=self.index.expect,
        )

    def _watch_children(self) -> ListWatcher:
        watcher = ListWatcher(
            self.client,
            self.cache,
            self.take,
            self._wake,
            _watched(frozenset()),
            self.settings.namespaces,
            collections.Counter(),
        )
        self.discovery.observers.append(
            lambda cluster: watcher.follow(_watched(cluster.available_kinds))
        )
        return watcher

    def _watch_layer(self) -> WatchLayer:
        restarts = self.children.restarts
        bots = KopfWatcher(self.take, self.settings.namespaces, restarts)
        return WatchLayer((bots, self.children), restarts)

    def _make_health(self) -> HealthServer:
        self.heartbeat = Heartbeat()
        limit = 1.5 * self.settings.reconcile_timeout
        return HealthServer(
            live={
                "event loop": self.heartbeat.check,
                "workers": lambda: (
                    f"a worker is busy for {self.queue.longest_running():.0f} s"
                    if self.queue.longest_running() > limit
                    else None
                ),
                "watcher": lambda: "the watcher has ended" if self._watching.done() else None,
            },
            ready={"first list": lambda: None if self.survey.done else self.survey.problem},
            registry=self.metrics.registry,
            collect=self._collect,
        )

    def _collect(self) -> None:
        metrics, queue = self.metrics, self.queue
        metrics.queue_depth.labels(QUEUE).set(len(queue))
        metrics.queue_unfinished.labels(QUEUE).set(queue.unfinished)
        metrics.queue_failing.labels(QUEUE).set(queue.failing)
        metrics.queue_longest.labels(QUEUE).set(queue.longest_running())
        metrics.totals.set(QUEUE, queue.adds, queue.retries, self.watcher.restarts)


def connections(settings: Settings) -> int:
    """Return how many connections are needed: one for each stream, and enough for requests.

    A request that found none left would wait for a stream to end, and time out.
    """
    streams = (len(KINDS) + 1) * max(1, len(settings.namespaces))
    return streams + settings.workers * 2 + 32


def _watched(available: frozenset[str]) -> list[Kind]:
    """Give the kinds to watch: ours, the pods, and what the cluster has of the optional ones."""
    kinds: list[Kind] = [k for k in KINDS if not k.optional or k.kind in available]
    return [*kinds, POD]


async def _first_of(stop: asyncio.Event, *tasks: "asyncio.Task[Any]") -> None:
    """Wait for the order to stop, or for a task that should never end to end."""
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait((stopping, *tasks), return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            _reraise(task)
    finally:
        stopping.cancel()


def _reraise(task: "asyncio.Task[Any]") -> None:
    error = task.exception()
    raise error if error is not None else RuntimeError(f"task {task.get_name()} ended by itself")


async def _within(seconds: float, task: "asyncio.Task[Any]") -> None:
    """Wait for a task for a while; kopf's thread is a daemon and may be left behind."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await task


async def serve(settings: Settings) -> None:
    """Run the operator until SIGTERM or SIGINT.

    Raises ``ConfigException`` at once when no way to a cluster is configured.
    """
    await load_configuration()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    client = KubeClient(timeout=settings.request_timeout, pool=connections(settings))
    await Operator(settings, client).run(stop)
