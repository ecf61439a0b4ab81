"""ServiceMonitor: tells a Prometheus operator to scrape the bot and its proxy."""

from __future__ import annotations

from typing import Any, Final

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.durations import seconds
from vertice_operator.render.kinds import SERVICE_MONITOR
from vertice_operator.render.meta import child

_TIMEOUT: Final = 10


def service_monitor(bot: DiscordBot) -> dict[str, Any] | None:
    """Give the ServiceMonitor; None where monitoring is off."""
    monitoring = bot.spec.monitoring
    if not monitoring.enabled:
        return None
    endpoints = [_endpoint(bot, names.PORT_NAME_METRICS)]
    if bot.spec.database.cloud_sql is not None:
        endpoints.append(_endpoint(bot, names.PORT_NAME_PROXY))
    return child(
        bot,
        SERVICE_MONITOR,
        bot.metadata.name,
        {
            "spec": {
                "jobLabel": names.LABEL_NAME,
                "selector": {"matchLabels": names.selector(bot.metadata.name)},
                "endpoints": endpoints,
                "sampleLimit": 20000,
                "labelLimit": 30,
            }
        },
        extra_labels=monitoring.labels,
    )


def _endpoint(bot: DiscordBot, port: str) -> dict[str, Any]:
    interval = bot.spec.monitoring.interval
    return {
        "port": port,
        "path": "/metrics",
        "interval": interval,
        # A time-out above the interval makes the Prometheus operator refuse the whole object.
        "scrapeTimeout": f"{min(_TIMEOUT, seconds(interval))}s",
        "honorLabels": False,
        "relabelings": [
            {"action": "replace", "targetLabel": "bot", "replacement": bot.metadata.name}
        ],
    }
