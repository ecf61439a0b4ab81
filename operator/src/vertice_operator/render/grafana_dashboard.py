"""GrafanaDashboard: the dashboard for the Grafana operator, in place of a ConfigMap."""

from __future__ import annotations

from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DashboardKind, DiscordBot
from vertice_operator.render.dashboard import dashboard_json
from vertice_operator.render.kinds import GRAFANA_DASHBOARD
from vertice_operator.render.meta import child


def grafana_dashboard(bot: DiscordBot) -> dict[str, Any] | None:
    """Give the GrafanaDashboard ``<bot>-dashboard``; None where nobody asks for it."""
    if not wants_grafana_dashboard(bot):
        return None
    dashboards = bot.spec.monitoring.dashboards
    return child(
        bot,
        GRAFANA_DASHBOARD,
        names.dashboard(bot.metadata.name),
        {
            "spec": {
                "instanceSelector": {"matchLabels": dict(dashboards.labels)},
                # Grafana seldom runs in the namespace of the bot.
                "allowCrossNamespaceImport": True,
                "folder": dashboards.folder,
                "json": dashboard_json(bot),
            }
        },
        extra_labels=dashboards.labels,
    )


def wants_grafana_dashboard(bot: DiscordBot) -> bool:
    """Whether the bot has a GrafanaDashboard, where the cluster knows the kind."""
    monitoring = bot.spec.monitoring
    wanted = monitoring.enabled and monitoring.dashboards.enabled
    return wanted and monitoring.dashboards.kind is DashboardKind.GRAFANA_DASHBOARD
