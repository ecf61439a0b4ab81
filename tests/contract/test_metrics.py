"""Every series that alerts, rules and panels use is exported by the bot, as they use it."""

from __future__ import annotations

import math

import pytest
from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from vertice_bot.telemetry.metrics import Metrics
from vertice_operator.render.contract import Metric, metrics

BOT = [metric for metric in metrics() if metric.exporter == "bot"]


@pytest.fixture
def exported() -> dict[str, MetricWrapperBase]:
    """Metrics of the bot by the name that Prometheus shows."""
    collectors = Metrics().registry._collector_to_names
    found = {}
    for collector in collectors:
        if isinstance(collector, MetricWrapperBase):
            suffix = "_total" if collector._type == "counter" else ""
            found[collector._name + suffix] = collector
    return found


@pytest.mark.parametrize("metric", BOT, ids=lambda metric: metric.name)
def test_the_bot_exports_it_with_that_type_and_those_labels(
    metric: Metric, exported: dict[str, MetricWrapperBase]
) -> None:
    assert metric.name in exported
    collector = exported[metric.name]
    assert collector._type == metric.type
    assert set(collector._labelnames) == set(metric.labels)


@pytest.mark.parametrize(
    "metric", [metric for metric in BOT if metric.bounds], ids=lambda metric: metric.name
)
def test_histograms_have_the_bounds_that_alerts_compare_with(
    metric: Metric, exported: dict[str, MetricWrapperBase]
) -> None:
    """Between two bounds a quantile is a guess, so the compared value must be one of them."""
    collector = exported[metric.name]
    assert isinstance(collector, Histogram)
    have = {bound for bound in collector._upper_bounds if bound != math.inf}
    assert set(metric.bounds) <= have


def test_the_bot_exports_when_its_process_started() -> None:
    """The dashboard's uptime; the library exports it only from a registry that is asked to."""
    names = {family.name for family in Metrics().registry.collect()}
    assert "process_start_time_seconds" in names


def test_no_label_can_hold_an_id_of_a_person_or_place(
    exported: dict[str, MetricWrapperBase],
) -> None:
    labels = {label for collector in exported.values() for label in collector._labelnames}
    assert not labels & {"user", "guild", "channel", "message", "member", "guild_id", "user_id"}
