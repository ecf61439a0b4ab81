"""The rules are run by Prometheus' own promtool: each alert fires when it should and only then."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from vertice_operator.render.placeholders import fill
from vertice_operator.render.rules import RuleContext, alert_templates, rule_groups

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


def write_rules(folder: Path) -> Path:
    path = folder / "rules.yaml"
    path.write_text(json.dumps({"groups": rule_groups(CONTEXT)}), encoding="utf-8")
    return path


def expected(alert: str, firing: Mapping[str, Any]) -> dict[str, Any]:
    template = next(
        item
        for item in alert_templates()
        if item.alert == alert and dict(item.labels).items() <= firing.get("labels", {}).items()
    )
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


def promtool_test(case: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "interval": case.get("interval", "30s"),
        "input_series": [
            {"series": fill(series, CONTEXT.values()), "values": values}
            for series, values in case["series"].items()
        ],
        "alert_rule_test": list(expectations(case)),
    }


@pytest.mark.parametrize("alert", sorted({case["alert"] for case in CASES}))
def test_alert(alert: str, tmp_path: Path) -> None:
    cases = [case for case in CASES if case["alert"] == alert]
    [interval] = {case.get("interval", "30s") for case in cases}
    document = {
        "rule_files": [write_rules(tmp_path).name],
        "evaluation_interval": interval,
        "tests": [promtool_test(case) for case in cases],
    }
    path = tmp_path / "test.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    promtool("test", "rules", path)


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
