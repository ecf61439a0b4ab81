"""Alerts, dashboard, runbooks and reference pages agree with each other and with the contract."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import promql_parser
import pytest

from vertice_operator.render.contract import load_data, metrics
from vertice_operator.render.dashboard import dashboard_template
from vertice_operator.render.reference import alerts_page, metrics_page
from vertice_operator.render.rules import RuleContext, alert_templates, rule_groups

ROOT = Path(__file__).resolve().parents[3]
RUNBOOKS = ROOT / "docs" / "runbooks"
HEADINGS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]
ALERTS = sorted({template.alert for template in alert_templates()})
RULES = [
    rule
    for group in rule_groups(
        RuleContext(
            namespace="demo",
            bot="my-bot",
            objective=Decimal("99.5"),
            interval_seconds=30,
            uses=frozenset({"running", "database", "cache", "proxy", "autoscaling"}),
            disabled=frozenset(),
            runbook_base="https://example.com",
        )
    )
    for rule in group["rules"]
]
RECORDED = {rule["record"] for rule in RULES if "record" in rule}
SERIES = {series for metric in metrics() for series in metric.series} | RECORDED
GRAFANA = {
    "$__rate_interval": "5m",
    "$__range": "6h",
    "$namespace": "demo",
    "$bot": "my-bot",
    "$pod": ".*",
    "$budget": "0.005",
}


def concrete(query: str) -> str:
    for name, value in GRAFANA.items():
        query = query.replace(name, value)
    assert "$" not in query, query
    return query


def dashboard_queries() -> Iterator[tuple[str, str]]:
    board = dashboard_template()
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield f"{panel['title']} {target['refId']}", concrete(target["expr"])
    for annotation in board["annotations"]["list"]:
        yield annotation["name"], concrete(annotation["expr"])


QUERIES = [
    *dashboard_queries(),
    *((rule.get("alert") or rule["record"], rule["expr"]) for rule in RULES),
]


def selectors(node: Any) -> Iterator[Any]:
    """Every vector selector below a node of the syntax tree."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
        return
    for field in ("expr", "lhs", "rhs", "vector_selector", "param"):
        child = getattr(node, field, None)
        if child is not None:
            yield from selectors(child)
    for argument in getattr(node, "args", None) or ():
        yield from selectors(argument)


@pytest.mark.parametrize(("name", "query"), QUERIES, ids=[name for name, _ in QUERIES])
def test_query_parses_and_uses_only_contract_metrics(name: str, query: str) -> None:
    used = list(selectors(promql_parser.parse(query)))
    words = set(
        re.findall(r"\b(?:bot:)?(?:vertice|kube|container|process)_[a-z0-9_:]*[a-z0-9]", query)
    )
    assert {each.name for each in used} >= words, "the walk missed a part"
    assert {each.name for each in used} <= SERIES
    labels = {metric.name: metric for metric in metrics()}
    for each in used:
        metric = labels.get(re.sub(r"_(bucket|sum|count)$", "", each.name)) or labels.get(each.name)
        for matcher in each.matchers.matchers if metric else ():
            known = metric.values.get(matcher.name) if metric else None
            if known and "|" not in matcher.value:
                assert matcher.value in known, (
                    f"{each.name} never has {matcher.name}={matcher.value}"
                )


SCOPES = (
    {"namespace", "bot"},
    {"namespace", "pod"},
    {"namespace", "name"},
    {"namespace", "deployment"},
    {"namespace", "horizontalpodautoscaler"},
)


@pytest.mark.parametrize("rule", RULES, ids=[r.get("alert") or r["record"] for r in RULES])
def test_every_selector_of_a_rule_is_confined_to_the_bot(rule: dict[str, Any]) -> None:
    own = {"demo", "my-bot", "my-bot-[a-z0-9]+-[a-z0-9]+"}
    for each in selectors(promql_parser.parse(rule["expr"])):
        confined = {m.name for m in each.matchers.matchers if m.value in own}
        assert any(scope <= confined for scope in SCOPES), each.name


def test_every_metric_of_ours_is_used_or_documented_once() -> None:
    names = [metric.name for metric in metrics()]
    assert len(names) == len(set(names))
    queries = " ".join(query for _, query in QUERIES)
    foreign = [metric for metric in metrics() if metric.exporter not in ("bot", "operator")]
    unused = [metric.name for metric in foreign if metric.name not in queries]
    assert unused == []


def test_alerts_carry_what_the_receivers_need() -> None:
    for rule in RULES:
        if "alert" not in rule:
            continue
        assert rule["alert"].startswith("Vertice")
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert (rule["labels"]["namespace"], rule["labels"]["bot"]) == ("demo", "my-bot")
        notes = rule["annotations"]
        assert notes["summary"].endswith(".")
        assert "{{" not in notes["summary"]
        assert notes["runbook_url"] == f"https://example.com/{rule['alert'].lower()}"
        assert "${" not in json.dumps(rule)
    critical = {
        rule["alert"] for rule in RULES if rule.get("labels", {}).get("severity") == "critical"
    }
    assert len(critical) == 10


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    assert sorted(path.stem for path in RUNBOOKS.iterdir()) == ALERTS


@pytest.mark.parametrize("alert", ALERTS)
def test_runbook(alert: str) -> None:
    text = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0] == f"# {alert}"
    assert [line for line in lines if line.startswith("## ")] == HEADINGS
    for part in re.split(r"^## .*$", text, flags=re.M)[1:]:
        assert len(part.strip()) > 20
    for target in re.findall(r"\]\(([A-Za-z]+)\.md\)", text):
        assert target in ALERTS
        assert target != alert
    for query in re.findall(r"```promql\n(.*?)```", text, flags=re.S):
        for line in query.strip().splitlines():
            promql_parser.parse(line.replace("$NS", "demo").replace("$BOT", "my-bot"))
    for name in re.findall(r"\bvertice_[a-z_]+_(?:total|owned|seconds)\b", text):
        assert name in SERIES


def test_original_alerts_are_covered() -> None:
    entries = load_data("original_alerts.yaml")
    assert len(entries) == 10
    for entry in entries:
        assert set(entry["covered_by"]) <= set(ALERTS)


def test_dashboard_layout() -> None:
    panels = dashboard_template()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    cells: dict[int, set[tuple[int, int]]] = {}
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells[panel["id"]] = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
    for first, second in combinations(cells.values(), 2):
        assert not first & second
    rows = max(y for covered in cells.values() for _, y in covered) + 1
    assert sum(map(len, cells.values())) == 24 * rows, "there is a hole in the grid"


def test_dashboard_can_be_provisioned() -> None:
    board = dashboard_template()
    assert "__inputs" not in board
    assert "id" not in board
    for panel in board["panels"]:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["description"]
    assert [variable["name"] for variable in board["templating"]["list"]] == [
        "datasource",
        "namespace",
        "bot",
        "pod",
        "budget",
    ]


# The panels of the original dashboard, and the panel here that shows the same.
ORIGINAL_PANELS = {
    "status": "Replicas ready",
    "uptime": "Uptime",
    "commands in all": "Commands in all",
    "command rate": "Commands and errors",
    "success rate": "Command success, 1 hour",
    "memory against limit": "Memory",
    "CPU": "CPU",
    "database": "Database",
    "Redis": "Redis",
    "gateway latency": "Gateway latency",
}


def test_original_panels_are_covered() -> None:
    assert set(ORIGINAL_PANELS.values()) <= {
        panel["title"] for panel in dashboard_template()["panels"]
    }


def test_reference_pages_are_current(golden: Callable[[Path, str], None]) -> None:
    golden(ROOT / "docs" / "reference" / "metrics.md", metrics_page())
    golden(ROOT / "docs" / "reference" / "alerts.md", alerts_page())
