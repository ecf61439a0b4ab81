"""Every metric of the bot, in one place, with bounded labels only.

Never a user, guild, channel or message id in a label: each value makes a new time series. Names
are a contract with the alerts and dashboards that the operator renders.
"""

from __future__ import annotations

import math

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
LAG_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
LAG_BUCKETS_SHORT = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 8.0, 15.0, 60.0)
QUERY_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The metrics of one process.

    Parameters
    ----------
    registry:
        Where they are registered; a fresh one by default, so that tests do not share counters.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._gateway()
        self._commands()
        self._discord_http()
        self._stores()
        self._features()

    def _gateway(self) -> None:
        reg = self.registry
        self.bot_info = Gauge(
            "vertice_bot_info", "Always 1; the version is in the label.", ["version"], registry=reg
        )
        self.shards_configured = Gauge(
            "vertice_shards_configured", "Shards of this bot over all replicas.", registry=reg
        )
        self.shard_owned = Gauge(
            "vertice_shard_owned", "1 while this replica owns the shard.", ["shard"], registry=reg
        )
        self.shard_ready = Gauge(
            "vertice_shard_ready", "1 while its session is live.", ["shard"], registry=reg
        )
        self.shard_latency = Gauge(
            "vertice_shard_latency_seconds", "Heartbeat round trip.", ["shard"], registry=reg
        )
        self.gateway_events = Counter(
            "vertice_gateway_events_total", "Dispatches received.", ["event"], registry=reg
        )
        self.gateway_event_lag = Histogram(
            "vertice_gateway_event_lag_seconds",
            "From an event's creation at Discord to its arrival here.",
            buckets=LAG_BUCKETS,
            registry=reg,
        )
        self.gateway_identify_remaining = Gauge(
            "vertice_gateway_identify_remaining", "IDENTIFYs left for today.", registry=reg
        )
        # Unknown until Discord was asked: a standby must not look like an empty budget.
        self.gateway_identify_remaining.set(math.nan)
        self.gateway_reconnects = Counter(
            "vertice_gateway_reconnects_total", "Connections made again.", ["kind"], registry=reg
        )
        self.gateway_sequence_gaps = Counter(
            "vertice_gateway_sequence_gaps_total", "Sequence numbers never seen.", registry=reg
        )
        self.gateway_poison = Counter(
            "vertice_gateway_poison_events_total",
            "Events the library could not read; skipped.",
            ["event"],
            registry=reg,
        )
        self.events_duplicate_handled = Counter(
            "vertice_events_duplicate_handled_total",
            "Events handled twice; must stay 0.",
            registry=reg,
        )
        self.events_fenced = Counter(
            "vertice_events_fenced_total", "Effects stopped by the fence.", registry=reg
        )
        self.effects_suppressed = Counter(
            "vertice_effects_suppressed_total",
            "Effects that were done before and not repeated.",
            ["kind"],
            registry=reg,
        )
        self.gateway_session_lost = Counter(
            "vertice_gateway_session_lost_total",
            "Sessions that could not be resumed; events may be missing.",
            registry=reg,
        )
        self.gateway_hydration_failed = Counter(
            "vertice_gateway_hydration_failed_total",
            "Sessions resumed without what was stored of their guilds.",
            registry=reg,
        )
        self.gateway_tasks_detached = Counter(
            "vertice_gateway_tasks_detached_total",
            "Tasks of events that ran so long that the watermark no longer waits for them.",
            registry=reg,
        )
        self.shard_handover_gap = Histogram(
            "vertice_shard_handover_gap_seconds",
            "From the moment a shard had no owner to its session being live here.",
            buckets=LAG_BUCKETS_SHORT,
            registry=reg,
        )
        self.lease_transitions = Counter(
            "vertice_lease_transitions_total", "Changes of ownership.", ["kind"], registry=reg
        )
        self.dispatch_queue_depth = Gauge(
            "vertice_dispatch_queue_depth", "Events received and not yet handled.", registry=reg
        )
        self.handler_busy_ratio = Gauge(
            "vertice_handler_busy_ratio",
            "Share of the last second in which the event loop was busy.",
            registry=reg,
        )

    def _commands(self) -> None:
        self.handler_errors = Counter(
            "vertice_handler_errors_total",
            "Listeners that ended with an exception.",
            ["event"],
            registry=self.registry,
        )
        self.commands = Counter(
            "vertice_commands_total",
            "Commands by outcome: ok, error, user_error.",
            ["command", "outcome"],
            registry=self.registry,
        )
        self.command_duration = Histogram(
            "vertice_command_duration_seconds",
            "From arrival to the end of the handler.",
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )

    def _discord_http(self) -> None:
        reg = self.registry
        self.discord_http_requests = Counter(
            "vertice_discord_http_requests_total",
            "Requests to Discord.",
            ["route", "status"],
            registry=reg,
        )
        self.discord_ratelimited = Counter(
            "vertice_discord_ratelimited_total", "Answers 429.", ["scope"], registry=reg
        )
        self.discord_auth_failed = Gauge(
            "vertice_discord_auth_failed", "1 after Discord refused the token.", registry=reg
        )

    def _stores(self) -> None:
        reg = self.registry
        self.db_query_duration = Histogram(
            "vertice_db_query_duration_seconds",
            "Time a connection was used for one unit of work.",
            buckets=QUERY_BUCKETS,
            registry=reg,
        )
        self.db_pool_size = Gauge("vertice_db_pool_size", "Open connections.", registry=reg)
        self.db_pool_in_use = Gauge("vertice_db_pool_in_use", "Connections in use.", registry=reg)
        self.db_pool_waiters = Gauge(
            "vertice_db_pool_waiters", "Tasks waiting for a connection.", registry=reg
        )
        self.cache_operation_duration = Histogram(
            "vertice_cache_operation_duration_seconds",
            "Redis calls.",
            ["op"],
            buckets=QUERY_BUCKETS,
            registry=reg,
        )
        self.circuit_state = Gauge(
            "vertice_circuit_state",
            "0 closed, 1 half-open, 2 open.",
            ["dependency"],
            registry=reg,
        )
        self.degraded = Gauge(
            "vertice_degraded", "1 while a part does not work.", ["feature"], registry=reg
        )
        self.dispatch_log_dropped = Counter(
            "vertice_dispatch_log_dropped_total",
            "Rows of the dispatch log that could not be written.",
            registry=reg,
        )

    def _features(self) -> None:
        reg = self.registry
        self.moderation_cases = Counter(
            "vertice_moderation_cases_total",
            "Moderation cases by action and outcome: applied, failed.",
            ["action", "outcome"],
            registry=reg,
        )
        self.automod_actions = Counter(
            "vertice_automod_actions_total",
            "Rules that matched, by kind of rule and action taken.",
            ["rule", "action"],
            registry=reg,
        )
        self.timer_lateness = Histogram(
            "vertice_timer_lateness_seconds",
            "From the due time of a timer to its effect.",
            buckets=LAG_BUCKETS,
            registry=reg,
        )
        self.stats_flushed = Counter(
            "vertice_stats_events_flushed_total", "Counted events written.", registry=reg
        )
        self.stats_pending = Gauge(
            "vertice_stats_events_pending", "Counted events not yet written.", registry=reg
        )
