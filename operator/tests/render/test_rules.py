"""How rules are made for one bot: which, with which numbers, and safely."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from vertice_operator.render.durations import duration, seconds
from vertice_operator.render.placeholders import dns_name, fill, promql_regex
from vertice_operator.render.rules import RuleContext, alert_templates, rule_groups

ALL = frozenset({"running", "database", "cache", "proxy", "autoscaling"})


def groups(**changes: Any) -> list[dict[str, Any]]:
    base: dict[str, Any] = {
        "namespace": "demo",
        "bot": "my-bot",
        "objective": Decimal("99.5"),
        "interval_seconds": 30,
        "uses": ALL,
        "disabled": frozenset(),
        "runbook_base": "https://example.com/runbooks/",
    }
    return rule_groups(RuleContext(**{**base, **changes}))


def alerts(**changes: Any) -> list[dict[str, Any]]:
    return [rule for group in groups(**changes) for rule in group["rules"] if "alert" in rule]


def test_groups_are_named_after_the_bot() -> None:
    assert [group["name"] for group in groups()] == [
        "my-bot.vertice.slo.rules",
        "my-bot.vertice.critical",
        "my-bot.vertice.warning",
    ]


@pytest.mark.parametrize(
    ("feature", "alert"),
    [
        ("running", "VerticeBotDown"),
        ("cache", "VerticeRedisUnavailable"),
        ("proxy", "VerticeProxyNotReady"),
        ("autoscaling", "VerticeHpaMaxedOut"),
    ],
)
def test_alerts_of_what_is_not_used_are_left_out(feature: str, alert: str) -> None:
    left = {rule["alert"] for rule in alerts(uses=ALL - {feature})}
    assert {rule["alert"] for rule in alerts()} - left == {alert}


def test_disabled_alerts_are_left_out_in_all_their_forms() -> None:
    off = {"VerticeCommandErrorBudgetBurn", "VerticeBotDown"}
    left = {rule["alert"] for rule in alerts(disabled=frozenset(off))}
    assert left == {template.alert for template in alert_templates()} - off


def test_a_group_without_rules_is_left_out() -> None:
    warnings = frozenset(t.alert for t in alert_templates() if t.group == "warning")
    assert [group["name"] for group in groups(disabled=warnings)][-1] == "my-bot.vertice.critical"


def test_the_objective_sets_the_thresholds() -> None:
    text = json.dumps(alerts(objective=Decimal("99.99")))
    assert "(14.4 * 0.0001)" in text
    assert "0.005" not in text


@pytest.mark.parametrize(("interval", "wait"), [(10, "1m"), (30, "1m"), (45, "90s"), (300, "10m")])
def test_two_scrapes(interval: int, wait: str) -> None:
    [rule] = [r for r in alerts(interval_seconds=interval) if r["alert"].endswith("HandledTwice")]
    assert rule["for"] == wait


@pytest.mark.parametrize("name", ['x"} or vector(1)', "x{{", "UPPER", "", "-x", "a b", "ä", "x\n"])
def test_a_name_that_could_end_a_string_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not a DNS name"):
        dns_name(name)
    with pytest.raises(ValueError, match="not a DNS name"):
        groups(bot=name)


def test_placeholders() -> None:
    assert fill("${a} $value {{ $labels.pod }} ${b}", {"a": "${b}", "b": "2"}) == (
        "${b} $value {{ $labels.pod }} 2"
    )
    with pytest.raises(KeyError):
        fill("${unknown}", {})
    assert promql_regex("a.b-c") == r"a\\.b-c"


@pytest.mark.parametrize(
    ("text", "number"), [("30s", 30), ("2m", 120), ("1h", 3600), ("1d", 86400)]
)
def test_durations(text: str, number: int) -> None:
    assert seconds(text) == number
    assert duration(number) == text


@pytest.mark.parametrize("text", ["", "30", "1.5m", "s", "-3s", "1y"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)


def test_odd_seconds() -> None:
    assert duration(90) == "90s"
    assert duration(0) == "0s"
