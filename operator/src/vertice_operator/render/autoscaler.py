"""HorizontalPodAutoscaler."""

from __future__ import annotations

from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot, ScaleDown, ScaleUp, ScalingEngine
from vertice_operator.render.choices import scale_bounds
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.kinds import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER
from vertice_operator.render.meta import child
from vertice_operator.render.quantities import canonical


def autoscaler(bot: DiscordBot, facts: RenderFacts) -> dict[str, Any] | None:
    """Give the autoscaler; None where it is off or another engine scales.

    It targets the Deployment, so that scaling goes on while the operator is away.
    """
    scaling = bot.spec.autoscaling
    if not scaling.enabled or scaling.engine is not ScalingEngine.HPA:
        return None
    bounds = scale_bounds(bot, facts)
    return child(
        bot,
        HORIZONTAL_POD_AUTOSCALER,
        bot.metadata.name,
        {
            "spec": {
                "scaleTargetRef": {
                    "apiVersion": DEPLOYMENT.api_version,
                    "kind": DEPLOYMENT.kind,
                    "name": bot.metadata.name,
                },
                "minReplicas": bounds.minimum,
                "maxReplicas": bounds.maximum,
                "metrics": _metrics(bot),
                "behavior": behavior(bot),
            }
        },
    )


def behavior(bot: DiscordBot) -> dict[str, Any]:
    """Give the speed of scaling, which KEDA passes on to the autoscaler that it makes."""
    speeds = bot.spec.autoscaling.behavior
    return {"scaleUp": _speed(speeds.scale_up), "scaleDown": _speed(speeds.scale_down)}


def _metrics(bot: DiscordBot) -> list[dict[str, Any]]:
    """Give the targets; the autoscaler follows the one that asks for most replicas."""
    scaling = bot.spec.autoscaling
    metrics = []
    if scaling.cpu_target is not None:
        metrics.append(_container("cpu", scaling.cpu_target))
    if scaling.memory_utilization is not None:
        metrics.append(_container("memory", scaling.memory_utilization))
    if scaling.busy_ratio is not None:
        metrics.append(
            {
                "type": "Pods",
                "pods": {
                    "metric": {"name": "vertice_handler_busy_ratio"},
                    "target": {
                        "type": "AverageValue",
                        "averageValue": canonical(scaling.busy_ratio),
                    },
                },
            }
        )
    return metrics


def _container(resource: str, utilization: int) -> dict[str, Any]:
    """Look at the bot's container alone: the proxy's idle share would dilute the figure."""
    return {
        "type": "ContainerResource",
        "containerResource": {
            "name": resource,
            "container": names.CONTAINER_BOT,
            "target": {"type": "Utilization", "averageUtilization": utilization},
        },
    }


def _speed(speed: ScaleUp | ScaleDown) -> dict[str, Any]:
    return {
        "stabilizationWindowSeconds": speed.stabilization_window_seconds,
        "selectPolicy": speed.select_policy.value,
        "policies": [
            {"type": each.type, "value": each.value, "periodSeconds": each.period_seconds}
            for each in speed.policies
        ],
    }
