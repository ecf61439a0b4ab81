"""The pod template: what the resource alone decides about the pods of the bot."""

from __future__ import annotations

from typing import Any, Final

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot, Migrations
from vertice_operator.api.v1alpha1.rollout import ProbeSpec
from vertice_operator.render.choices import bot_image
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.hashes import config_hash
from vertice_operator.render.history import config_key
from vertice_operator.render.meta import image_label, labels
from vertice_operator.render.migration_job import migrate_container
from vertice_operator.render.pod import bot_container, field_env, pod_settings, volumes
from vertice_operator.render.secret_files import bot_secrets, google_key_files
from vertice_operator.render.sql_proxy import plain_containers, sidecars

_SPREAD_KEYS_MINOR: Final = 27
"""matchLabelKeys of a spread constraint is on by default since Kubernetes 1.27."""


def pod_template(bot: DiscordBot, facts: RenderFacts, config: str) -> dict[str, Any]:
    """Give the pod template. It depends on the resource only, never on the operator's version.

    ``render.revision.stamped`` adds what a roll-out brings: the hash of the secrets, the time of a
    restart and the name of the revision.

    Args:
        bot: the resource.
        facts: what is known about the cluster and the live objects.
        config: text of the ``config.yaml`` that the pods are to read, and no other one.
    """
    image, digest = bot_image(bot, facts), config_hash(config)
    spread = _spread(bot, facts)
    starters = [*sidecars(bot, facts), *_migration_at_start(bot, image)]
    return {
        "metadata": {
            "labels": {
                **bot.spec.scheduling.pod_labels,
                **labels(bot),
                names.LABEL_VERSION: image_label(image),
            },
            "annotations": {
                **bot.spec.scheduling.pod_annotations,
                "kubectl.kubernetes.io/default-container": names.CONTAINER_BOT,
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "true",
                names.ANNOTATION_CONFIG_HASH: digest,
            },
        },
        "spec": {
            **pod_settings(bot),
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": bot.spec.drain.grace_period_seconds,
            **({"topologySpreadConstraints": spread} if spread else {}),
            **({"initContainers": starters} if starters else {}),
            "containers": [_bot(bot, image), *plain_containers(bot, facts)],
            "volumes": volumes(bot, config_key(digest), bot_secrets(bot), google_key_files(bot)),
        },
    }


def _bot(bot: DiscordBot, image: str) -> dict[str, Any]:
    probes = bot.spec.probes
    return {
        **bot_container(bot, names.CONTAINER_BOT, image, "run", bot_secrets(bot)),
        "env": _environment(bot),
        "ports": [
            _port(names.PORT_NAME_HTTP, names.PORT_HTTP),
            _port(names.PORT_NAME_METRICS, names.PORT_METRICS),
        ],
        # None of them asks for Discord or for a shard: an outage of Discord must neither block a
        # roll-out nor restart pods, each of which would cost an identify per shard.
        "startupProbe": _probe("/startupz", probes.startup),
        "readinessProbe": _probe("/readyz", probes.readiness),
        "livenessProbe": _probe("/livez", probes.liveness),
    }


def _environment(bot: DiscordBot) -> list[dict[str, Any]]:
    """Give the variables: what only the pod knows, and nothing secret."""
    discord, tracing = bot.spec.discord, bot.spec.tracing
    variables = [
        field_env("VERTICE_REPLICA", "metadata.name"),
        field_env("VERTICE_REVISION", "metadata.labels['pod-template-hash']"),
    ]
    values = {
        "DISCORD_API_BASE": discord.api_base,
        "DISCORD_GATEWAY_URL": discord.gateway_url,
        "OTEL_SERVICE_NAME": bot.metadata.name if tracing else None,
        "OTEL_RESOURCE_ATTRIBUTES": (
            f"service.namespace={bot.metadata.namespace},k8s.pod.name=$(VERTICE_REPLICA)"
            if tracing
            else None
        ),
    }
    variables += [{"name": name, "value": value} for name, value in values.items() if value]
    return variables


def _migration_at_start(bot: DiscordBot, image: str) -> list[dict[str, Any]]:
    """Migrate in an init container, behind the proxy, where no Job does it."""
    if bot.spec.database.migrations is not Migrations.STARTUP:
        return []
    return [migrate_container(bot, image, bot_secrets(bot))]


def _spread(bot: DiscordBot, facts: RenderFacts) -> list[dict[str, Any]]:
    """Spread over hosts and zones where possible; never leave a pod unscheduled for it."""
    own = bot.spec.scheduling.topology_spread_constraints
    if own is not None:
        return [dict(each) for each in own]
    by_revision = facts.server_minor >= _SPREAD_KEYS_MINOR
    return [
        {
            "maxSkew": 1,
            "topologyKey": topology,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": names.selector(bot.metadata.name)},
            **({"matchLabelKeys": ["pod-template-hash"]} if by_revision else {}),
        }
        for topology in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]


def _port(name: str, port: int) -> dict[str, Any]:
    return {"name": name, "containerPort": port, "protocol": "TCP"}


def _probe(path: str, spec: ProbeSpec) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": names.PORT_NAME_HTTP, "scheme": "HTTP"},
        "periodSeconds": spec.period_seconds,
        "timeoutSeconds": spec.timeout_seconds,
        "successThreshold": 1,
        "failureThreshold": spec.failure_threshold,
    }
