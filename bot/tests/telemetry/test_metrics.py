"""The metric contract: names that alerts and dashboards rely on, with their labels."""

from __future__ import annotations

import pytest
from prometheus_client.openmetrics.exposition import generate_latest

from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.metrics import Metrics

CONTRACT: dict[str, tuple[str, ...]] = {
    "vertice_bot_info": ("version",),
    "vertice_shards_configured": (),
    "vertice_shard_owned": ("shard",),
    "vertice_shard_ready": ("shard",),
    "vertice_shard_latency_seconds": ("shard",),
    "vertice_gateway_events": ("event",),
    "vertice_gateway_event_lag_seconds": (),
    "vertice_dispatch_queue_depth": (),
    "vertice_handler_busy_ratio": (),
    "vertice_gateway_identify_remaining": (),
    "vertice_gateway_reconnects": ("kind",),
    "vertice_gateway_sequence_gaps": (),
    "vertice_events_duplicate_handled": (),
    "vertice_events_fenced": (),
    "vertice_lease_transitions": ("kind",),
    "vertice_commands": ("command", "outcome"),
    "vertice_command_duration_seconds": (),
    "vertice_discord_http_requests": ("route", "status"),
    "vertice_discord_ratelimited": ("scope",),
    "vertice_discord_auth_failed": (),
    "vertice_db_query_duration_seconds": (),
    "vertice_db_pool_size": (),
    "vertice_db_pool_in_use": (),
    "vertice_db_pool_waiters": (),
    "vertice_cache_operation_duration_seconds": ("op",),
    "vertice_circuit_state": ("dependency",),
    "vertice_degraded": ("feature",),
}
UNBOUNDED = {"user", "guild", "guild_id", "channel", "channel_id", "message", "member", "id"}


def collectors(metrics: Metrics) -> dict[str, tuple[str, ...]]:
    return {c._name: tuple(c._labelnames) for c in vars(metrics).values() if hasattr(c, "_name")}


def test_every_name_of_the_contract_is_there_with_its_labels() -> None:
    found = collectors(Metrics())
    assert {name: found.get(name) for name in CONTRACT} == CONTRACT


def test_no_label_is_unbounded() -> None:
    for name, labels in collectors(Metrics()).items():
        assert name.startswith("vertice_")
        assert not UNBOUNDED & set(labels), name


def test_two_processes_in_one_test_do_not_share() -> None:
    first, second = Metrics(), Metrics()
    first.events_fenced.inc()
    assert second.registry.get_sample_value("vertice_events_fenced_total") == 0.0


def test_openmetrics_can_be_written() -> None:
    assert b"# EOF" in generate_latest(Metrics().registry)


def test_degraded_parts() -> None:
    metrics = Metrics()
    degraded = Degraded(metrics)
    degraded.set("redis", "CircuitOpen")
    degraded.set("postgres", "TimedOut")
    assert degraded.items() == [
        {"part": "postgres", "reason": "TimedOut"},
        {"part": "redis", "reason": "CircuitOpen"},
    ]
    assert metrics.registry.get_sample_value("vertice_degraded", {"feature": "redis"}) == 1.0
    degraded.clear("redis")
    assert degraded.reason("redis") is None
    assert metrics.registry.get_sample_value("vertice_degraded", {"feature": "redis"}) == 0.0


@pytest.mark.parametrize("name", ["vertice_commands_total", "vertice_gateway_events_total"])
def test_counters_end_in_total(name: str) -> None:
    metrics = Metrics()
    metrics.commands.labels(command="x", outcome="ok").inc()
    metrics.gateway_events.labels(event="READY").inc()
    assert name in generate_latest(metrics.registry).decode()
