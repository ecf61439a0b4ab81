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
from vertice_operator.render.placeholders import dns_name

_FOLDER: Final = "grafana_folder"
_NAMESPACE: Final = "@namespace@"
_BOT: Final = "@bot@"
_UID: Final = "@uid@"
_BUDGET: Final = "@budget@"


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
        {"data": {file: dashboard_json(bot)}},
        extra_labels=dashboards.labels,
        annotations={_FOLDER: dashboards.folder},
    )


def dashboard_json(bot: DiscordBot) -> str:
    """Give the text of the dashboard: the one in ``data/dashboards``, opened on this bot."""
    namespace, name = dns_name(bot.metadata.namespace), dns_name(bot.metadata.name)
    objective = Decimal(bot.spec.monitoring.rules.slo_objective)
    text = _prepared()
    # Names and numbers need no escaping in JSON, and replacing is far faster than writing it anew.
    for mark, value in {
        _NAMESPACE: namespace,
        _BOT: name,
        _UID: document_hash([namespace, name]),
        _BUDGET: f"{(100 - objective) / 100:f}",
    }.items():
        text = text.replace(mark, value)
    return text


@cache
def dashboard_template() -> dict[str, Any]:
    """Load the dashboard as it is in the package. Not to be changed: it is shared."""
    data = resources.files("vertice_operator.render").joinpath("data", "dashboards", "bot.json")
    document: dict[str, Any] = json.loads(data.read_text(encoding="utf-8"))
    return document


@cache
def _prepared() -> str:
    """Write the dashboard once, with marks where bots differ."""
    document = copy.deepcopy(dashboard_template())
    document["title"] = f"Vértice: {_NAMESPACE}/{_BOT}"
    document["uid"] = f"vertice-{_UID}"
    preset = {"namespace": _NAMESPACE, "bot": _BOT, "budget": _BUDGET}
    for variable in document["templating"]["list"]:
        mark = preset.get(variable["name"])
        if mark is not None:
            variable["current"] = {"text": mark, "value": mark}
            if variable["type"] == "constant":
                variable["query"] = mark
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
