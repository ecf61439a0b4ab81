"""The rules are run by Prometheus' own promtool: each alert fires when it should and only then."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from vertice_operator.render.durations import seconds
from vertice_operator.render.placeholders import fill
from vertice_operator.render.rules import AlertTemplate, RuleContext, alert_templates, rule_groups

HERE = Path(__file__).parent
CONTEXT = RuleContext(
    namespace="demo",
    bot="my-bot",
    objective=Decimal("99.5"),
    interval_seconds=30,
    uses=frozenset({"running", "database", "cache", "proxy", "autoscaling"}),
    disabled=frozenset(),
    runbook_base="https://example.com/runbooks",
    dashboard_url="https://grafana.example.com/d/x",
)


def load_cases() -> list[dict[str, Any]]:
    # Every scalar stays text: YAML would read promtool's 0x40 as a hexadecimal number.
    return [
        case
        for path in sorted((HERE / "alert_cases").glob("*.yaml"))
        for case in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    ]


CASES = load_cases()


def promtool(*arguments: str | Path) -> str:
    program = shutil.which("promtool")
    if program is None:
        pytest.fail("promtool is not on PATH: run `make tools` (or install Debian's prometheus)")
    done = subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    return output


GROUPS = rule_groups(CONTEXT)


def write_rules(folder: Path, alert: str | None = None) -> Path:
    """Write all rules, or (faster to evaluate) the recording rules and those of one alert."""
    groups = [
        {
            "name": group["name"],
            "rules": [r for r in group["rules"] if alert is None or r.get("alert", alert) == alert],
        }
        for group in GROUPS
    ]
    path = folder / "rules.yaml"
    path.write_text(json.dumps({"groups": groups}), encoding="utf-8")
    return path


def template_of(alert: str, firing: Mapping[str, Any]) -> AlertTemplate:
    return next(
        item
        for item in alert_templates()
        if item.alert == alert and dict(item.labels).items() <= firing.get("labels", {}).items()
    )


def expected(alert: str, firing: Mapping[str, Any]) -> dict[str, Any]:
    template = template_of(alert, firing)
    return {
        "exp_labels": {
            "severity": template.group,
            "namespace": "demo",
            "bot": "my-bot",
            "vertice_alert_group": template.group,
            **firing.get("labels", {}),
        },
        "exp_annotations": {
            "summary": template.summary,
            "description": firing["description"],
            "runbook_url": f"https://example.com/runbooks/{alert.lower()}",
            "dashboard_url": "https://grafana.example.com/d/x",
        },
    }


def expectations(case: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield {
        "alertname": case["alert"],
        "eval_time": case["at"],
        "exp_alerts": [expected(case["alert"], firing) for firing in case["fires"]],
    }
    if case.get("alone"):
        for other in {item.alert for item in alert_templates()} - {case["alert"]}:
            yield {"alertname": other, "eval_time": case["at"], "exp_alerts": []}


def promtool_test(
    case: Mapping[str, Any], wanted: Iterable[Mapping[str, Any]], rename: tuple[str, str] = ("", "")
) -> dict[str, Any]:
    return {
        "interval": case.get("interval", "30s"),
        "input_series": [
            {"series": fill(series, CONTEXT.values()).replace(*rename), "values": values}
            for series, values in case["series"].items()
        ],
        "alert_rule_test": list(wanted),
    }


def run(folder: Path, interval: str, tests: list[dict[str, Any]], alert: str | None = None) -> None:
    document = {
        "rule_files": [write_rules(folder, alert).name],
        "evaluation_interval": interval,
        "tests": tests,
    }
    path = folder / "test.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    promtool("test", "rules", path)


def cases_of(alert: str) -> tuple[list[dict[str, Any]], str]:
    cases = [case for case in CASES if case["alert"] == alert]
    [interval] = {case.get("interval", "30s") for case in cases}
    return cases, interval


@pytest.mark.parametrize("alert", sorted({case["alert"] for case in CASES}))
def test_alert(alert: str, tmp_path: Path) -> None:
    cases, interval = cases_of(alert)
    every = None if any(case.get("alone") for case in cases) else alert
    run(tmp_path, interval, [promtool_test(case, expectations(case)) for case in cases], every)


def test_alerts_wait_before_they_fire(tmp_path: Path) -> None:
    """One promtool for all: its output names the alert and the moment that went wrong."""
    for interval, cases in by_interval().items():
        tests = []
        for case in cases:
            for firing in case["fires"]:
                wait = fill(template_of(case["alert"], firing).for_, CONTEXT.values())
                if wait == "0m":
                    continue
                moment = case.get("not_yet") or f"{total_seconds(wait) - seconds(interval)}s"
                tests.append(promtool_test(case, [quiet(case["alert"], moment)]))
        run(tmp_path, interval, tests)


def test_neighbours_fire_nothing_here(tmp_path: Path) -> None:
    """The same series of a bot with a longer name, which a loose pattern would match.

    One case for each alert is enough: another test looks at the labels of every selector.
    """
    for interval, cases in by_interval().items():
        firing = {case["alert"]: case for case in reversed(cases) if case["fires"]}
        firing.pop("VerticeBotDown", None)
        tests = [
            promtool_test(case, [quiet(case["alert"], case["at"])], ("my-bot", "my-bot-two"))
            for case in firing.values()
        ]
        run(tmp_path, interval, tests)


def quiet(alert: str, moment: str) -> dict[str, Any]:
    return {"alertname": alert, "eval_time": moment, "exp_alerts": []}


def by_interval() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for case in CASES:
        found.setdefault(case.get("interval", "30s"), []).append(case)
    return found


def test_a_neighbour_that_is_up_does_not_hide_a_bot_that_is_down(tmp_path: Path) -> None:
    case, *_ = cases_of("VerticeBotDown")[0]
    for labels in ('namespace="other",bot="my-bot"', 'namespace="demo",bot="my-bot-two"'):
        busy = {**case, "series": {f'up{{{labels},endpoint="metrics"}}': "1x40"}}
        run(tmp_path, "30s", [promtool_test(busy, expectations(busy))])


def total_seconds(text: str) -> int:
    """Seconds of ``1h30m``."""
    return sum(seconds(part) for part in re.findall(r"[0-9]+[smhd]", text))


def test_the_rules_are_valid(tmp_path: Path) -> None:
    output = promtool("check", "rules", write_rules(tmp_path))
    assert "SUCCESS" in output


def test_every_rule_is_seen_firing_and_every_alert_quiet() -> None:
    fired = {
        (case["alert"], *sorted((firing.get("labels") or {}).items() & _windows()))
        for case in CASES
        for firing in case["fires"]
    }
    assert fired == {(item.alert, *sorted(item.labels.items())) for item in alert_templates()}
    quiet = {case["alert"] for case in CASES if not case["fires"]}
    assert quiet == {item.alert for item in alert_templates()}


def _windows() -> set[tuple[str, str]]:
    return {pair for item in alert_templates() for pair in item.labels.items()}
