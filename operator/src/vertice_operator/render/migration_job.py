"""Job that brings the database schema up to date before the pods of a new image start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot, Migrations
from vertice_operator.render.bot_config import config_yaml, database_document
from vertice_operator.render.choices import bot_image
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.hashes import config_hash, document_hash
from vertice_operator.render.history import config_key
from vertice_operator.render.kinds import JOB
from vertice_operator.render.meta import child, labels
from vertice_operator.render.pod import bot_container, pod_settings, volumes
from vertice_operator.render.secret_files import (
    PodSecrets,
    google_key_files,
    migration_secrets,
)
from vertice_operator.render.sql_proxy import sidecars

_POD_APP: Final = "vertice-bot-migration"


@dataclass(frozen=True)
class Migration:
    """The migration that the present spec asks for.

    Args:
        name: name of its Job.
        digest: what the Job is made of; ``RenderFacts.migrated`` is compared with it.
    """

    name: str
    digest: str


def migration(bot: DiscordBot, facts: RenderFacts) -> Migration | None:
    """Give the migration of the present spec; None where no Job migrates.

    A rollback migrates nothing: migrations only go forward, and the older image must live with the
    newer schema. Nor does a revision that is only held back from a newer rendering.

    The digest covers the whole pod and the database it works on. A Job's template cannot be
    changed, so whatever would change it must lead to another name; but for the name of the
    configuration, most of which matters to no migration: a Job keeps the one that it began with.
    """
    if bot.spec.database.migrations is not Migrations.JOB or _kept(facts):
        return None
    digest = document_hash([_template(bot, facts, names.CONFIG_FILE), database_document(bot)])
    return Migration(names.migration_job(bot.metadata.name, digest), digest)


def migration_job(bot: DiscordBot, facts: RenderFacts) -> dict[str, Any] | None:
    """Give the Job; None where there is nothing to migrate, or nothing any more."""
    wanted = migration(bot, facts)
    if wanted is None or bot.spec.suspend or facts.migrated == wanted.digest:
        return None
    return child(
        bot,
        JOB,
        wanted.name,
        {
            "spec": {
                "completions": 1,
                "parallelism": 1,
                "completionMode": "NonIndexed",
                "suspend": False,
                "backoffLimit": 3,
                # Long enough for any migration, and an end for one that hangs.
                "activeDeadlineSeconds": 3600,
                "ttlSecondsAfterFinished": 86400,
                "template": _template(bot, facts, _config(bot, facts, wanted.name)),
            }
        },
        component=names.COMPONENT_MIGRATION,
    )


def migrate_container(bot: DiscordBot, image: str, secrets: PodSecrets) -> dict[str, Any]:
    """Give the container that migrates; also the init container of ``migrations: Startup``."""
    return bot_container(bot, names.CONTAINER_MIGRATE, image, "migrate", secrets)


def _kept(facts: RenderFacts) -> bool:
    """Tell whether an older revision, or an older rendering, is what runs."""
    history = facts.history
    if history is None:
        return False
    return history.running is not None or bool(history.held and facts.migrated)


def _config(bot: DiscordBot, facts: RenderFacts, job: str) -> str:
    """Name the configuration that the Job mounts: a live Job keeps its own."""
    if job in facts.job_configs:
        return facts.job_configs[job]
    history = facts.history
    text = history.asked.revision.config if history else config_yaml(bot, facts)
    return config_key(config_hash(text))


def _template(bot: DiscordBot, facts: RenderFacts, config: str) -> dict[str, Any]:
    # A name of its own: the Deployment's selector, the autoscaler, the disruption budget and the
    # metrics Service must not take this pod for one of the bot's replicas.
    proxy, secrets = sidecars(bot, facts), migration_secrets(bot)
    pod_labels = {
        **labels(bot, names.COMPONENT_MIGRATION),
        names.LABEL_NAME: _POD_APP,
    }
    return {
        "metadata": {
            "labels": pod_labels,
            "annotations": {
                "kubectl.kubernetes.io/default-container": names.CONTAINER_MIGRATE,
                "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            },
        },
        "spec": {
            **pod_settings(bot),
            # A new pod for each attempt: the logs of a failed one stay to be read.
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 30,
            **({"initContainers": proxy} if proxy else {}),
            # Only what a migration needs: the token stays out of this pod.
            "containers": [migrate_container(bot, bot_image(bot, facts), secrets)],
            "volumes": volumes(bot, config, secrets, google_key_files(bot)),
        },
    }
