"""Grafana dashboard of one bot, in a ConfigMap that Grafana's sidecar finds by its label."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any, Final

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DashboardKind, DiscordBot
from vertice_operator.render.hashes import document_hash
from vertice_operator.render.kinds import CONFIG_MAP
from vertice_operator.render.meta import child

_FOLDER: Final = "grafana_folder"


def dashboard(bot: DiscordBot) -> dict[str, Any] | None:
    """Give the ConfigMap ``<bot>-dashboard``; None where nobody asks for it."""
    monitoring = bot.spec.monitoring
    dashboards = monitoring.dashboards
    wanted = monitoring.enabled and dashboards.enabled
    if not wanted or dashboards.kind is not DashboardKind.CONFIG_MAP:
        return None
    # The sidecar writes all files of a folder into one directory: the name must be unique in the
    # cluster, or one bot's dashboard would replace another's.
    file = f"vertice-{bot.metadata.namespace}-{bot.metadata.name}.json"
    return child(
        bot,
        CONFIG_MAP,
        names.dashboard(bot.metadata.name),
        {"data": {file: json.dumps(dashboard_document(bot), indent=1, ensure_ascii=False) + "\n"}},
        extra_labels=dashboards.labels,
        annotations={_FOLDER: dashboards.folder},
    )


def dashboard_document(bot: DiscordBot) -> dict[str, Any]:
    """Give the dashboard: the one in ``data/dashboards``, opened on this bot."""
    namespace, name = bot.metadata.namespace, bot.metadata.name
    document = copy.deepcopy(dashboard_template())
    document["title"] = f"Vértice: {namespace}/{name}"
    document["uid"] = f"vertice-{document_hash([namespace, name])}"
    objective = Decimal(bot.spec.monitoring.rules.slo_objective)
    preset = {"namespace": namespace, "bot": name, "budget": f"{(100 - objective) / 100:f}"}
    for variable in document["templating"]["list"]:
        value = preset.get(variable["name"])
        if value is not None:
            variable["current"] = {"text": value, "value": value}
            if variable["type"] == "constant":
                variable["query"] = value
    return document


@cache
def dashboard_template() -> dict[str, Any]:
    """Load the dashboard as it is in the package. Not to be changed: it is shared."""
    data = resources.files("vertice_operator.render").joinpath("data", "dashboards", "bot.json")
    document: dict[str, Any] = json.loads(data.read_text(encoding="utf-8"))
    return document
