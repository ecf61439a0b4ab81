"""All objects of one bot, in the order of application."""

from __future__ import annotations

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.autoscaler import autoscaler
from vertice_operator.render.config_map import config_map
from vertice_operator.render.dashboard import dashboard
from vertice_operator.render.deployment import deployment
from vertice_operator.render.disruption_budget import disruption_budget
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.kinds import (
    CONFIG_MAP,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    JOB,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    SERVICE,
    SERVICE_ACCOUNT,
    Child,
)
from vertice_operator.render.metrics_service import metrics_service
from vertice_operator.render.migration_job import migration_job
from vertice_operator.render.network_policy import network_policy
from vertice_operator.render.optional import after_pods, before_pods, scaling
from vertice_operator.render.revision import controller_revision, with_history
from vertice_operator.render.service_account import service_account


def desired_objects(bot: DiscordBot, facts: RenderFacts) -> tuple[Child, ...]:
    """Give every object of a bot in the order of application.

    A child whose body is None must not exist. Left out are children of optional kinds that the
    cluster does not have (``missing_kinds`` names them), and the migration Job where it is done
    or not wanted: a finished Job may stay until its time to live ends.

    Args:
        bot: a resource without problems (``api.validation.problems`` and ``unsupported``).
        facts: what is known about the cluster and the live objects.
    """
    name = bot.metadata.name
    facts, history = with_history(bot, facts)
    job = migration_job(bot, facts)
    return (
        Child(SERVICE_ACCOUNT, name, service_account(bot)),
        Child(CONFIG_MAP, names.config_map(name), config_map(bot, facts)),
        *before_pods(bot, facts),
        Child(NETWORK_POLICY, name, network_policy(bot, facts)),
        Child(SERVICE, names.metrics_service(name), metrics_service(bot)),
        *(
            Child(CONTROLLER_REVISION, each.name, controller_revision(bot, each))
            for each in history.everything
        ),
        *([Child(JOB, job["metadata"]["name"], job)] if job is not None else []),
        Child(DEPLOYMENT, name, deployment(bot, facts)),
        Child(HORIZONTAL_POD_AUTOSCALER, name, autoscaler(bot, facts)),
        *scaling(bot, facts),
        Child(POD_DISRUPTION_BUDGET, name, disruption_budget(bot, facts)),
        *after_pods(bot, facts),
        Child(CONFIG_MAP, names.dashboard(name), dashboard(bot)),
    )
