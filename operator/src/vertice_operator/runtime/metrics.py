"""Every metric of the operator, in one place.

Names of the reconcile metrics are the contract that alerts and dashboards use; the work-queue
metrics are named like those of controller-runtime so that existing dashboards fit.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class BotMetrics(Collector):
    """Metrics with one series per resource, made at the scrape from one small entry each.

    Ordinary label children of a thousand resources would cost more memory than the resources.
    """

    def __init__(self) -> None:
        self._conditions: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}
        self._success: dict[tuple[str, str], float] = {}

    def conditions(self, bot: tuple[str, str], found: Iterable[tuple[str, str]]) -> None:
        """Take the type and status of each condition that a resource has now."""
        # Interned: the same few dozen strings for every resource.
        self._conditions[bot] = tuple((sys.intern(kind), sys.intern(is_)) for kind, is_ in found)

    def succeeded(self, bot: tuple[str, str], at: float) -> None:
        """Take the time of a reconcile without error, in seconds since the epoch."""
        self._success[bot] = at

    def forget(self, bot: tuple[str, str]) -> None:
        """Drop the series of a resource that is gone."""
        self._conditions.pop(bot, None)
        self._success.pop(bot, None)

    def known(self) -> Iterable[tuple[str, str]]:
        """Return the resources that have series."""
        return self._conditions.keys()

    def collect(self) -> Iterator[Metric]:
        """Make the series."""
        conditions = GaugeMetricFamily(
            "vertice_operator_bot_condition",
            "1 for the status that a condition of a resource has now.",
            labels=["namespace", "name", "type", "status"],
        )
        for bot, found in self._conditions.items():
            for kind, status in found:
                conditions.add_metric([*bot, kind, status], 1)
        yield conditions
        success = GaugeMetricFamily(
            "vertice_operator_last_success_timestamp_seconds",
            "When a resource was last reconciled without error.",
            labels=["namespace", "name"],
        )
        for bot, at in self._success.items():
            success.add_metric([*bot], at)
        yield success


class Totals(Collector):
    """Counters that are kept elsewhere and only shown here."""

    def __init__(self) -> None:
        self._queue = ""
        self._adds = self._retries = 0
        self._restarts: Mapping[str, int] = {}

    def set(self, queue: str, adds: int, retries: int, restarts: Mapping[str, int]) -> None:
        """Take the present numbers, before a scrape."""
        self._queue, self._adds, self._retries, self._restarts = queue, adds, retries, restarts

    def collect(self) -> Iterator[Metric]:
        """Make the series."""
        adds = CounterMetricFamily("workqueue_adds", "Keys taken in.", labels=["name"])
        adds.add_metric([self._queue], self._adds)
        retries = CounterMetricFamily(
            "workqueue_retries", "Keys put back after a failure.", labels=["name"]
        )
        retries.add_metric([self._queue], self._retries)
        restarts = CounterMetricFamily(
            "vertice_operator_kopf_restarts",
            "Restarts of the watch layer by the error that ended it.",
            labels=["reason"],
        )
        for reason, count in self._restarts.items():
            restarts.add_metric([reason], count)
        yield from (adds, retries, restarts)


class Metrics:
    """The metrics of one operator process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._reconcile()
        self._queue()
        self._watch()

    def _reconcile(self) -> None:
        registry = self.registry
        self.reconciles = Counter(
            "vertice_operator_reconcile",
            "Reconciles by result: ok, transient, refused, error.",
            ["result"],
            registry=registry,
        )
        self.reconcile_seconds = Histogram(
            "vertice_operator_reconcile_duration_seconds",
            "Time of one reconcile.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.bots = BotMetrics()
        registry.register(self.bots)
        self.drift_corrections = Counter(
            "vertice_operator_drift_corrections",
            "Children that somebody changed or deleted and that were put right.",
            ["kind"],
            registry=registry,
        )
        self.requests = Counter(
            "vertice_operator_api_requests",
            "Requests to the API server.",
            ["verb", "resource", "status"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "vertice_operator_api_request_duration_seconds",
            "Time of one request to the API server.",
            ["verb"],
            buckets=_SECONDS,
            registry=registry,
        )

    def _queue(self) -> None:
        registry, labels = self.registry, ["name"]
        self.queue_depth = Gauge(
            "workqueue_depth", "Keys that wait for a worker.", labels, registry=registry
        )
        self.queue_unfinished = Gauge(
            "workqueue_unfinished", "Keys that a worker holds.", labels, registry=registry
        )
        self.queue_failing = Gauge(
            "workqueue_failing", "Keys whose last attempt failed.", labels, registry=registry
        )
        self.queue_longest = Gauge(
            "workqueue_longest_running_processor_seconds",
            "Age of the oldest unfinished reconcile.",
            labels,
            registry=registry,
        )
        self.queue_seconds = Histogram(
            "workqueue_queue_duration_seconds",
            "Time a key waits for a worker.",
            labels,
            buckets=_SECONDS,
            registry=registry,
        )

    def _watch(self) -> None:
        registry = self.registry
        self.totals = Totals()
        registry.register(self.totals)
        self.watch_events = Counter(
            "vertice_operator_watch_events", "Events by resource.", ["resource"], registry=registry
        )
        self.watch_missed = Counter(
            "vertice_operator_watch_missed",
            "Changes that the resync found and the watch had not brought within a minute.",
            registry=registry,
        )
        self.last_event = Gauge(
            "vertice_operator_last_watch_event_timestamp_seconds",
            "When the watch last brought an event.",
            registry=registry,
        )
        self.leader = Gauge(
            "vertice_operator_leader", "1 while this replica leads.", registry=registry
        )
        self.resyncs = Counter(
            "vertice_operator_resyncs", "Full lists by result.", ["result"], registry=registry
        )
        self.resources = Gauge(
            "vertice_operator_resources", "DiscordBot resources known.", registry=registry
        )

    def observe_request(self, verb: str, resource: str, status: int, seconds: float) -> None:
        """Count one request to the API server; status 0 is a request without an answer."""
        self.requests.labels(verb, resource, str(status)).inc()
        self.request_seconds.labels(verb).observe(seconds)
