"""Names that the operator, the bot, alerts and people rely on; changing one breaks an upgrade."""

from __future__ import annotations

from typing import Final

GROUP: Final = "vertice.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "DiscordBot"
PLURAL: Final = "discordbots"
SINGULAR: Final = "discordbot"
SHORT_NAMES: Final = ("dbot",)
CATEGORIES: Final = ("vertice",)
CRD_NAME: Final = f"{PLURAL}.{GROUP}"
MAX_NAME_LENGTH: Final = 40
"""Room for the longest suffix of a child and of a pod within the 63 characters of a label."""

FIELD_MANAGER: Final = "vertice-operator"
STATUS_MANAGER: Final = "vertice-operator-status"
REPLICAS_HANDOVER_MANAGER: Final = "vertice-replicas-handover"
"""Owns ``spec.replicas`` of the Deployment between the operator and the HPA's first write."""

LABEL_NAME: Final = "app.kubernetes.io/name"
LABEL_INSTANCE: Final = "app.kubernetes.io/instance"
LABEL_COMPONENT: Final = "app.kubernetes.io/component"
LABEL_PART_OF: Final = "app.kubernetes.io/part-of"
LABEL_MANAGED_BY: Final = "app.kubernetes.io/managed-by"
LABEL_VERSION: Final = "app.kubernetes.io/version"
LABEL_BOT: Final = "vertice.dev/bot"

APP_NAME: Final = "vertice-bot"
PART_OF: Final = "vertice"
MANAGED_BY: Final = "vertice-operator"
COMPONENT_BOT: Final = "bot"
COMPONENT_MIGRATION: Final = "migration"

ANNOTATION_PAUSED: Final = "vertice.dev/paused"
ANNOTATION_CONFIG_HASH: Final = "vertice.dev/config-hash"
ANNOTATION_SECRET_HASH: Final = "vertice.dev/secret-hash"  # noqa: S105 - a name, not a secret
ANNOTATION_RESTARTED_AT: Final = "vertice.dev/restarted-at"
ANNOTATION_REVISION: Final = "vertice.dev/revision"
"""On each pod: the ControllerRevision that it was made from."""
ANNOTATION_SPEC_HASH: Final = "vertice.dev/spec-hash"
ANNOTATION_SECOND_REPLICA: Final = "vertice.dev/second-replica-for"
"""On the Deployment: the cordoned node for whose drain a second replica runs."""
ANNOTATION_DELETION_COST: Final = "controller.kubernetes.io/pod-deletion-cost"
"""Kubernetes' own: of pods that are alike, the one with the lowest cost is scaled away first."""

RESERVED_PREFIXES: Final = ("vertice.dev/", "app.kubernetes.io/")
"""Label and annotation keys under these prefixes belong to the operator."""

CONTAINER_BOT: Final = "bot"
CONTAINER_PROXY: Final = "cloud-sql-proxy"
CONTAINER_MIGRATE: Final = "migrate"

PORT_HTTP: Final = 8080
PORT_METRICS: Final = 9090
PORT_PROXY_HEALTH: Final = 9801
PORT_NAME_HTTP: Final = "http"
PORT_NAME_METRICS: Final = "metrics"
PORT_NAME_PROXY: Final = "proxy-metrics"

CONFIG_DIR: Final = "/etc/vertice"
CONFIG_FILE: Final = "config.yaml"
POLICY_FILE: Final = "policy.yaml"
SECRETS_DIR: Final = "/var/run/secrets/vertice"
AUTHORITIES_DIR: Final = "/var/run/secrets/vertice-authorities"
"""Certificate authorities, where a CSI driver fills ``SECRETS_DIR`` and nothing else fits in."""
FILE_DISCORD_TOKEN: Final = "discord-token"  # noqa: S105 - a file name
FILE_DATABASE_USERNAME: Final = "database-username"
FILE_DATABASE_PASSWORD: Final = "database-password"  # noqa: S105 - a file name
FILE_CACHE_PASSWORD: Final = "cache-password"  # noqa: S105 - a file name


def config_map(bot: str) -> str:
    """Name of the ConfigMap with the bot's ``config.yaml``, one a revision, and ``policy.yaml``."""
    return f"{bot}-config"


def revision(bot: str, digest: str) -> str:
    """Name of the ControllerRevision of one pod template, given the template's hash."""
    return f"{bot}-{digest}"


def metrics_service(bot: str) -> str:
    """Name of the headless Service that Prometheus scrapes."""
    return f"{bot}-metrics"


def dashboard(bot: str) -> str:
    """Name of the ConfigMap or GrafanaDashboard that holds the bot's dashboard."""
    return f"{bot}-dashboard"


def prometheus_role(bot: str) -> str:
    """Name of the Role and RoleBinding that let Prometheus discover the bot's pods."""
    return f"{bot}-prometheus"


def keda_autoscaler(bot: str) -> str:
    """Name of the HorizontalPodAutoscaler that KEDA makes for the bot; KEDA's own default."""
    return f"keda-hpa-{bot}"


def migration_secrets(bot: str) -> str:
    """Name of the SecretProviderClass of the migration's pod."""
    return f"{bot}-migrate"


def migration_job(bot: str, digest: str) -> str:
    """Name of the migration Job for one image and configuration.

    Args:
        bot: name of the resource.
        digest: hexadecimal hash of what the Job runs; its first eight characters are used.
    """
    return f"{bot}-migrate-{digest[:8]}"


def selector(bot: str) -> dict[str, str]:
    """Labels that select the bot's pods; a Deployment's selector can never change."""
    return {LABEL_NAME: APP_NAME, LABEL_INSTANCE: bot}
