"""Headless Service through which Prometheus finds the pods."""

from __future__ import annotations

from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.kinds import SERVICE
from vertice_operator.render.meta import child


def metrics_service(bot: DiscordBot) -> dict[str, Any] | None:
    """Give the Service ``<bot>-metrics``; None where monitoring is off."""
    if not bot.spec.monitoring.enabled:
        return None
    ports = [_port(names.PORT_NAME_METRICS, names.PORT_METRICS)]
    if bot.spec.database.cloud_sql is not None:
        ports.append(_port(names.PORT_NAME_PROXY, names.PORT_PROXY_HEALTH))
    return child(
        bot,
        SERVICE,
        names.metrics_service(bot.metadata.name),
        {
            "spec": {
                "type": "ClusterIP",
                "clusterIP": "None",
                "internalTrafficPolicy": "Cluster",
                "sessionAffinity": "None",
                # A pod that starts or drains is not ready, and just then worth watching.
                "publishNotReadyAddresses": True,
                "selector": names.selector(bot.metadata.name),
                "ports": ports,
            }
        },
    )


def _port(name: str, port: int) -> dict[str, Any]:
    return {"name": name, "port": port, "targetPort": name, "protocol": "TCP"}
