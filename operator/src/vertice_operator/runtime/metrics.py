"""Every metric of the operator, in one place.

Names of the reconcile metrics are the contract that alerts and dashboards use; the work-queue
metrics are named like those of controller-runtime so that existing dashboards fit.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


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
        self.last_success = Gauge(
            "vertice_operator_last_success_timestamp_seconds",
            "When a resource was last reconciled without error.",
            ["namespace", "name"],
            registry=registry,
        )
        self.bot_condition = Gauge(
            "vertice_operator_bot_condition",
            "1 for the status that a condition of a resource has now.",
            ["namespace", "name", "type", "status"],
            registry=registry,
        )
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
        self.queue_adds = Counter("workqueue_adds", "Keys taken in.", labels, registry=registry)
        self.queue_retries = Counter(
            "workqueue_retries", "Keys put back after a failure.", labels, registry=registry
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
        self.kopf_restarts = Counter(
            "vertice_operator_kopf_restarts",
            "Restarts of the watch layer by the error that ended it.",
            ["reason"],
            registry=registry,
        )
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
