"""Reference pages made from the data files, so that they cannot say anything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from vertice_operator.render.contract import Metric, load_data, metrics
from vertice_operator.render.rules import AlertTemplate, alert_templates

_MADE: Final = "<!-- Made from operator/src/vertice_operator/render/data; see the render tests. -->"

_METRICS_INTRO: Final = """\
The names below are a contract between the bot, the operator, the alerts and the dashboard. Labels
are bounded: never an id of a user, server, channel or message. Prometheus adds `namespace`, `pod`,
`container` and `endpoint`, and the ServiceMonitor adds `bot`, the name of the resource.

Counters without labels are there, at 0, from the start of the process: an increase from nothing
to 1 cannot be seen otherwise. `vertice_gateway_identify_remaining` is absent while it is not
known."""

_ALERTS_INTRO: Final = """\
Each bot has a PrometheusRule of its name with the alerts below. A critical alert wakes somebody, so
there are few; a warning can wait for the next working day. Every rule has the labels `severity`,
`namespace`, `bot` and `vertice_alert_group`, and the annotations `summary`, `description` and
`runbook_url` (the runbook base and the name in lower case).

- `monitoring.rules.disabled` leaves alerts out by name.
- `monitoring.rules.sloObjective` sets the share of commands that must succeed (99.5 % by default);
  the thresholds of the budget alerts follow from it.
- Alerts that make no sense for a bot are not rendered: those of Redis without `cache`, of the proxy
  without Cloud SQL, of the autoscaler without autoscaling, and `VerticeBotDown` while the bot is
  suspended or has `replicas: 0`.
- `VerticeEventHandledTwice` waits two scrape intervals, at least a minute: during a hand-over two
  replicas may each be scraped as the owner once.
- Alerts on containers, roll-outs and the autoscaler need kube-state-metrics
  (`job="kube-state-metrics"`) and the kubelet's cAdvisor metrics.
- Those on `vertice_operator_*` need the operator's own metrics scraped with `honorLabels: true`, or
  Prometheus renames the label `namespace`."""

_NEEDS: Final = {
    "running": "not suspended",
    "database": "a database",
    "cache": "`cache`",
    "proxy": "Cloud SQL",
    "autoscaling": "autoscaling",
}


def metrics_page() -> str:
    """Give the text of ``docs/reference/metrics.md``."""
    ours = {"bot": "Of the bot", "operator": "Of the operator"}
    parts = ["# Metrics", _MADE, _METRICS_INTRO]
    for exporter, title in ours.items():
        rows = [_metric_row(each) for each in metrics() if each.exporter == exporter]
        parts += [f"## {title}", _table(("metric", "type", "labels", "meaning"), rows)]
    foreign = [each for each in metrics() if each.exporter not in ours]
    foreign_rows = [(f"`{each.name}`", each.exporter, each.help) for each in foreign]
    parts += [
        "## Of others",
        "What alerts and dashboard take from elsewhere.",
        _table(("metric", "from", "meaning"), foreign_rows),
        "## Recorded",
        "Made by the recording rules of each bot, by namespace and bot.",
        _table(("series", "meaning"), list(_recorded())),
    ]
    return "\n\n".join(parts) + "\n"


def alerts_page() -> str:
    """Give the text of ``docs/reference/alerts.md``."""
    parts = ["# Alerts", _MADE, _ALERTS_INTRO]
    for group in ("critical", "warning"):
        rows = [_alert_row(each) for each in alert_templates() if each.group == group]
        parts += [f"## {group.capitalize()}", _table(("alert", "for", "fires when", "needs"), rows)]
    originals = [
        (
            entry["original"],
            entry["condition"],
            ", ".join(_link(name) for name in entry["covered_by"]),
            entry["difference"],
        )
        for entry in load_data("original_alerts.yaml")
    ]
    parts += [
        "## From the original bot",
        "What covers the alerts of the original TypeScript bot.",
        _table(("original", "condition", "covered by", "difference"), originals),
    ]
    return "\n\n".join(parts) + "\n"


def _metric_row(metric: Metric) -> tuple[str, str, str, str]:
    labels = []
    for label in metric.labels:
        known = metric.values.get(label)
        labels.append(f"`{label}`" + (f" ({', '.join(known)})" if known else ""))
    return (f"`{metric.name}`", metric.type, ", ".join(labels), metric.help)


def _alert_row(template: AlertTemplate) -> tuple[str, str, str, str]:
    windows = ", ".join(f"`{key}={value}`" for key, value in sorted(template.labels.items()))
    name = _link(template.alert) + (f" {windows}" if windows else "")
    wait = template.for_ if "$" not in template.for_ else "two scrapes, at least 1m"
    needs = ", ".join(_NEEDS[each] for each in sorted(template.requires))
    return (name, wait, template.summary, needs)


def _recorded() -> Iterator[tuple[str, str]]:
    windows = load_data("alerts", "recording.yaml")
    ratio, count = ", ".join(windows["windows"]), ", ".join(windows["count_windows"])
    yield (
        "`bot:vertice_command_errors:ratio_rate<window>`",
        f"Share of commands that the bot failed, over {ratio}.",
    )
    yield "`bot:vertice_commands:increase<window>`", f"Number of commands, over {count}."


def _link(alert: str) -> str:
    return f"[{alert}](../runbooks/{alert}.md)"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
