"""CPU and memory of the containers."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from vertice_operator.api.quantity import parse_quantity
from vertice_operator.api.rule import Rule
from vertice_operator.api.v1alpha1.base import ApiModel, Quantity


class ResourceList(ApiModel):
    """Amounts of resources."""

    cpu: Quantity | None = None
    """CPU in cores, such as 150m."""
    memory: Quantity | None = None
    """Memory in bytes, such as 256Mi."""
    ephemeral_storage: Quantity | None = Field(default=None, alias="ephemeral-storage")
    """Local disk in bytes, such as 1Gi."""


class BotRequests(ResourceList):
    """What the scheduler reserves for the bot."""

    cpu: Quantity = "150m"
    """CPU in cores. Utilization targets of autoscaling are relative to it."""
    memory: Quantity = "256Mi"
    """Memory in bytes."""


class BotLimits(ResourceList):
    """What the bot may use at most. No CPU limit: throttling delays heartbeats."""

    memory: Quantity = "512Mi"
    """Memory in bytes."""


class ProxyRequests(ResourceList):
    """What the scheduler reserves for the proxy."""

    cpu: Quantity = "25m"
    """CPU in cores."""
    memory: Quantity = "64Mi"
    """Memory in bytes."""


class ProxyLimits(ResourceList):
    """What the proxy may use at most. No CPU limit: throttling delays certificate refresh."""

    memory: Quantity = "256Mi"
    """Memory in bytes."""


def _within(resource: str) -> Rule:
    """Give the rule that a request may not be more than its limit."""

    def holds(resources: BotResources | ProxyResources) -> bool:
        attribute = resource.replace("-", "_")
        request = getattr(resources.requests, attribute)
        limit = getattr(resources.limits, attribute)
        return request is None or limit is None or parse_quantity(request) <= parse_quantity(limit)

    name = resource.replace("-", "__dash__")
    request, limit = f"self.requests.{name}", f"self.limits.{name}"
    return Rule(
        name=f"resources-{resource}-request-within-limit",
        # A text that is no quantity is refused by its pattern; here it must not raise an error.
        cel=(
            f"!has({request}) || !has({limit}) || "
            f"!isQuantity(string({request})) || !isQuantity(string({limit})) || "
            f"quantity(string({request})).compareTo(quantity(string({limit}))) <= 0"
        ),
        message=f"requests.{resource} must not be more than limits.{resource} (defaults count too)",
        holds=holds,
        field=".requests",
    )


_RULES = (_within("cpu"), _within("memory"), _within("ephemeral-storage"))


class BotResources(ApiModel):
    """Resources of the bot container."""

    requests: BotRequests = BotRequests()
    """What the scheduler reserves."""
    limits: BotLimits = BotLimits()
    """What the container may use at most."""

    RULES: ClassVar = _RULES


class ProxyResources(ApiModel):
    """Resources of the proxy container."""

    requests: ProxyRequests = ProxyRequests()
    """What the scheduler reserves."""
    limits: ProxyLimits = ProxyLimits()
    """What the container may use at most."""

    RULES: ClassVar = _RULES
