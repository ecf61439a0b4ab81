"""What follows from the spec and the facts, and is needed in more than one object."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from vertice_operator.api.v1alpha1 import DiscordBot, ProxyMode
from vertice_operator.render.facts import RenderFacts

NATIVE_SIDECAR_MINOR: Final = 29
"""Kubernetes 1.29 is the first with the feature gate SidecarContainers on by default."""


@dataclass(frozen=True)
class ScaleBounds:
    """Numbers of replicas and shards after all limits.

    Args:
        shards: total number of shards.
        minimum: fewest replicas of the autoscaler.
        maximum: most replicas of the autoscaler.
        limited_by_shards: whether the shards, and not the spec, set the maximum.
    """

    shards: int
    minimum: int
    maximum: int
    limited_by_shards: bool


def bot_image(bot: DiscordBot, facts: RenderFacts) -> str:
    """Give the reference of the bot's image. A digest wins over a tag."""
    image = bot.spec.image
    if image.is_default:
        return facts.bot_image
    repository = image.repository or _repository(facts.bot_image)
    if image.digest is not None:
        return f"{repository}@{image.digest}"
    return f"{repository}:{image.tag}"


def proxy_image(bot: DiscordBot, facts: RenderFacts) -> str:
    """Give the reference of the proxy's image."""
    cloud = bot.spec.database.cloud_sql
    return (cloud and cloud.proxy.image) or facts.proxy_image


def proxy_mode(bot: DiscordBot, facts: RenderFacts) -> ProxyMode | None:
    """Say how the proxy runs; None without Cloud SQL.

    ``Auto`` keeps what was chosen before, and else takes the native sidecar where the server has
    it (Kubernetes 1.29).
    """
    cloud = bot.spec.database.cloud_sql
    if cloud is None:
        return None
    if cloud.proxy.mode is not ProxyMode.AUTO:
        return cloud.proxy.mode
    if facts.proxy_mode is not None and facts.proxy_mode is not ProxyMode.AUTO:
        return facts.proxy_mode
    native = facts.server_minor >= NATIVE_SIDECAR_MINOR
    return ProxyMode.NATIVE_SIDECAR if native else ProxyMode.CONTAINER


def shard_count(bot: DiscordBot, facts: RenderFacts) -> int:
    """Give the total number of shards.

    ``auto`` is about twice the most replicas, so that every replica has something to do and one
    more finds work, and at least what Discord recommends; once a bot runs, it stays.
    """
    count = bot.spec.shards.count
    if isinstance(count, int):
        return count
    if facts.configured_shards:
        return facts.configured_shards
    return max(2 * bot.spec.most_replicas, facts.recommended_shards or 1, 1)


def scale_bounds(bot: DiscordBot, facts: RenderFacts) -> ScaleBounds:
    """Limit the autoscaler: no more replicas than have a shard to own or stand by for one."""
    spec = bot.spec
    shards = shard_count(bot, facts)
    wanted = spec.autoscaling.max_replicas
    maximum = min(wanted, shards + spec.shards.standby)
    needed = math.ceil(shards / spec.shards.max_per_replica)
    minimum = min(max(spec.autoscaling.min_replicas, needed), maximum)
    limited = maximum < wanted
    if facts.second_replica_for is not None:
        minimum, maximum = max(minimum, 2), max(maximum, 2)
    return ScaleBounds(shards, minimum, maximum, limited_by_shards=limited)


def replicas(bot: DiscordBot, facts: RenderFacts) -> int | None:
    """Give ``spec.replicas`` of the Deployment; None where the autoscaler owns the field.

    A field that its only owner stops applying falls back to 1. So the operator goes on applying
    the live number until the autoscaler, or a stand-in manager, owns the field.
    """
    if bot.spec.suspend:
        return 0
    if not bot.spec.autoscaling.enabled:
        return bot.spec.replicas if facts.second_replica_for is None else 2
    if facts.hpa_owns_replicas:
        return None
    bounds = scale_bounds(bot, facts)
    return min(max(facts.live_replicas or 0, bounds.minimum), bounds.maximum)


def is_off(bot: DiscordBot) -> bool:
    """Whether no pod is meant to run."""
    return bot.spec.suspend or (not bot.spec.autoscaling.enabled and bot.spec.replicas == 0)


def _repository(reference: str) -> str:
    """Cut tag and digest off; a colon before the last slash belongs to a port."""
    name = reference.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
