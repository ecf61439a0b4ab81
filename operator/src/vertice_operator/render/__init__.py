"""From a resource to the objects that make it real; pure, so that it can be run anywhere.

Nothing here does input or output, reads a clock or draws a random number: the same resource and
facts give the same objects, byte for byte.
"""

from __future__ import annotations

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.autoscaler import autoscaler
from vertice_operator.render.bot_config import config_document
from vertice_operator.render.choices import (
    ScaleBounds,
    bot_image,
    is_off,
    proxy_image,
    proxy_mode,
    scale_bounds,
    shard_count,
)
from vertice_operator.render.config_map import config_map
from vertice_operator.render.dashboard import dashboard
from vertice_operator.render.deployment import ANNOTATION_MIGRATED, deployment
from vertice_operator.render.disruption_budget import disruption_budget
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.hashes import secret_hash, spec_hash
from vertice_operator.render.intents import intents
from vertice_operator.render.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    JOB,
    KINDS,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    PROMETHEUS_RULE,
    SERVICE,
    SERVICE_ACCOUNT,
    SERVICE_MONITOR,
    Child,
    ChildKind,
)
from vertice_operator.render.metrics_service import metrics_service
from vertice_operator.render.migration_job import Migration, migration, migration_job
from vertice_operator.render.network_policy import network_policy
from vertice_operator.render.prometheus_rule import prometheus_rule
from vertice_operator.render.secret_files import SecretFile, referenced_secrets
from vertice_operator.render.service_account import service_account
from vertice_operator.render.service_monitor import service_monitor
from vertice_operator.render.support import unsupported

__all__ = [
    "ANNOTATION_MIGRATED",
    "KINDS",
    "Child",
    "ChildKind",
    "Migration",
    "RenderFacts",
    "ScaleBounds",
    "SecretFile",
    "bot_image",
    "config_document",
    "desired_objects",
    "intents",
    "is_off",
    "migration",
    "missing_kinds",
    "proxy_image",
    "proxy_mode",
    "referenced_secrets",
    "scale_bounds",
    "secret_hash",
    "shard_count",
    "spec_hash",
    "unsupported",
]


def desired_objects(bot: DiscordBot, facts: RenderFacts) -> tuple[Child, ...]:
    """Give every object of a bot in the order of application.

    A child whose body is None must not exist. Left out are children of optional kinds that the
    cluster does not have (``missing_kinds`` names them), and the migration Job where it is done
    or not wanted: a finished Job may stay until its time to live ends.

    Args:
        bot: a resource without problems (``api.validation.problems`` and ``unsupported``).
        facts: what is known about the cluster and the live objects.
    """
    return tuple(
        each
        for each in _children(bot, facts)
        if not each.kind.optional or each.kind.kind in facts.available_kinds
    )


def missing_kinds(bot: DiscordBot, facts: RenderFacts) -> tuple[ChildKind, ...]:
    """Give the optional kinds that this bot would use and the cluster does not have."""
    return tuple(
        each.kind
        for each in _children(bot, facts)
        if each.kind.optional
        and each.body is not None
        and each.kind.kind not in facts.available_kinds
    )


def _children(bot: DiscordBot, facts: RenderFacts) -> tuple[Child, ...]:
    name = bot.metadata.name
    job = migration_job(bot, facts)
    return (
        Child(SERVICE_ACCOUNT, name, service_account(bot)),
        Child(CONFIG_MAP, names.config_map(name), config_map(bot, facts)),
        Child(NETWORK_POLICY, name, network_policy(bot, facts)),
        Child(SERVICE, names.metrics_service(name), metrics_service(bot)),
        *([Child(JOB, job["metadata"]["name"], job)] if job is not None else []),
        Child(DEPLOYMENT, name, deployment(bot, facts)),
        Child(HORIZONTAL_POD_AUTOSCALER, name, autoscaler(bot, facts)),
        Child(POD_DISRUPTION_BUDGET, name, disruption_budget(bot)),
        Child(SERVICE_MONITOR, name, service_monitor(bot)),
        Child(PROMETHEUS_RULE, name, prometheus_rule(bot, facts)),
        Child(CONFIG_MAP, names.dashboard(name), dashboard(bot)),
    )
