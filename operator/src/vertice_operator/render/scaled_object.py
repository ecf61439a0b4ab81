"""ScaledObject: KEDA scales the bot's Deployment by CPU and by what Prometheus knows of it."""

from __future__ import annotations

from typing import Any, Final

from vertice_operator.api import names
from vertice_operator.api.quantity import parse_quantity
from vertice_operator.api.v1alpha1 import DiscordBot, ScalingEngine
from vertice_operator.render.autoscaler import behavior
from vertice_operator.render.choices import is_off, scale_bounds
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.kinds import DEPLOYMENT, SCALED_OBJECT
from vertice_operator.render.meta import child
from vertice_operator.render.placeholders import dns_name

ANNOTATION_PAUSED: Final = "autoscaling.keda.sh/paused"
"""KEDA's own (``apis/keda/v1alpha1/scaledobject_types.go``)."""

_FAILURES: Final = 3
_POLLING_SECONDS: Final = 30


def wants_keda(bot: DiscordBot) -> bool:
    """Whether KEDA is asked to scale the bot."""
    return bot.spec.autoscaling.enabled and bot.spec.autoscaling.engine is ScalingEngine.KEDA


def scaled_object(bot: DiscordBot, facts: RenderFacts) -> dict[str, Any] | None:
    """Give the ScaledObject; None where autoscaling is off or the HPA scales.

    KEDA brings a Deployment that stands at 0 back to the minimum by itself. So it is paused while
    the bot is off, and its own annotation says so to whoever looks.
    """
    if not wants_keda(bot):
        return None
    bounds = scale_bounds(bot, facts)
    return child(
        bot,
        SCALED_OBJECT,
        bot.metadata.name,
        {
            "spec": {
                "scaleTargetRef": {
                    "apiVersion": DEPLOYMENT.api_version,
                    "kind": DEPLOYMENT.kind,
                    "name": bot.metadata.name,
                },
                # KEDA's default is 0, and nothing would ever wake a bot without a connection.
                "minReplicaCount": bounds.minimum,
                "maxReplicaCount": bounds.maximum,
                "pollingInterval": _POLLING_SECONDS,
                # Prometheus away: stay as we are, instead of KEDA's fixed number.
                "fallback": {
                    "failureThreshold": _FAILURES,
                    "replicas": bounds.minimum,
                    "behavior": "currentReplicas",
                },
                "advanced": {
                    # Removed, it leaves the replicas alone: the next owner starts from them.
                    "restoreToOriginalReplicaCount": False,
                    "horizontalPodAutoscalerConfig": {
                        "name": names.keda_autoscaler(bot.metadata.name),
                        "behavior": behavior(bot),
                    },
                },
                "triggers": _triggers(bot),
            }
        },
        annotations={ANNOTATION_PAUSED: "true"} if is_off(bot) else {},
    )


def _triggers(bot: DiscordBot) -> list[dict[str, Any]]:
    """Give the targets; the one that asks for most replicas counts."""
    scaling = bot.spec.autoscaling
    resources = {"cpu": scaling.cpu_target, "memory": scaling.memory_utilization}
    return [
        _prometheus(bot),
        *(
            {
                "type": name,
                "name": name,
                "metricType": "Utilization",
                "metadata": {"value": str(target), "containerName": names.CONTAINER_BOT},
            }
            for name, target in resources.items()
            if target is not None
        ),
    ]


def _prometheus(bot: DiscordBot) -> dict[str, Any]:
    """Ask for the sum over the pods; KEDA divides it by their number (AverageValue).

    A query without a result is a failure and no 0: silent pods must not be scaled away.
    """
    scaling = bot.spec.autoscaling
    assert scaling.prometheus is not None  # a rule of the resource
    namespace, name = dns_name(bot.metadata.namespace), dns_name(bot.metadata.name)
    selector = f'namespace="{namespace}",bot="{name}"'
    return {
        "type": "prometheus",
        "name": "busy",
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": scaling.prometheus.server_address,
            "query": f"sum(vertice_handler_busy_ratio{{{selector}}})",
            "threshold": f"{parse_quantity(scaling.keda_busy_ratio):f}",
            "ignoreNullValues": "false",
        },
    }
