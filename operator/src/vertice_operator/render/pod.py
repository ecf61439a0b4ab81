"""Parts that the pods of the Deployment and of the migration Job have in common.

Fields that the API server would default are written out where the former value of a field could
otherwise survive: what the pods look like must depend on the spec alone, never on its history.
"""

from __future__ import annotations

from typing import Any, Final

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.api.v1alpha1.resources import BotResources, ProxyResources
from vertice_operator.render.csi_files import csi_volume
from vertice_operator.render.quantities import canonical
from vertice_operator.render.secret_files import (
    PodSecrets,
    SecretFile,
    authorities_dir,
    secret_volume,
)

USER: Final = 65532
"""The user ``nonroot`` of distroless images; the bot's image and the proxy's both have it."""

VOLUME_CONFIG: Final = "config"
VOLUME_SECRETS: Final = "secrets"
VOLUME_AUTHORITIES: Final = "authorities"
VOLUME_TMP: Final = "tmp"
VOLUME_GOOGLE_KEY: Final = "google-key"


def service_account_name(bot: DiscordBot) -> str:
    """Give the ServiceAccount of the pods: the user's own, or the one the operator makes."""
    return bot.spec.identity.service_account_name or bot.metadata.name


def pod_security_context() -> dict[str, Any]:
    """Meet the Pod Security Standard "restricted"; files of volumes belong to the bot's group."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security_context() -> dict[str, Any]:
    """Meet "restricted" in each container as well, init containers included."""
    return {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def pod_settings(bot: DiscordBot) -> dict[str, Any]:
    """Give the fields of a pod spec that do not depend on what runs in it."""
    scheduling = bot.spec.scheduling
    settings: dict[str, Any] = {
        "serviceAccountName": service_account_name(bot),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "securityContext": pod_security_context(),
    }
    if bot.spec.image.pull_secrets:
        settings["imagePullSecrets"] = [
            {"name": secret.name} for secret in bot.spec.image.pull_secrets
        ]
    if scheduling.node_selector:
        settings["nodeSelector"] = dict(scheduling.node_selector)
    if scheduling.tolerations:
        settings["tolerations"] = [dict(each) for each in scheduling.tolerations]
    if scheduling.affinity:
        settings["affinity"] = dict(scheduling.affinity)
    if scheduling.priority_class_name:
        settings["priorityClassName"] = scheduling.priority_class_name
    return settings


def bot_container(
    bot: DiscordBot, name: str, image: str, command: str, secrets: PodSecrets
) -> dict[str, Any]:
    """Give a container of the bot's image with the parts that every use of it has.

    Args:
        bot: the resource.
        name: name of the container.
        image: reference of the image.
        command: ``run`` or ``migrate``.
        secrets: secrets of the pod; without any there is no such volume.
    """
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": bot.spec.image.pull_policy.value,
        "args": [command, "--config", f"{names.CONFIG_DIR}/{names.CONFIG_FILE}"],
        "resources": resources(bot.spec.resources),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": container_security_context(),
        "volumeMounts": [
            {"name": VOLUME_CONFIG, "mountPath": names.CONFIG_DIR, "readOnly": True},
            *_secret_mounts(bot, secrets),
            {"name": VOLUME_TMP, "mountPath": "/tmp"},  # noqa: S108 - a mount of its own
        ],
    }


def _secret_mounts(bot: DiscordBot, secrets: PodSecrets) -> list[dict[str, Any]]:
    return [
        {"name": volume["name"], "mountPath": path, "readOnly": True}
        for volume, path in _secret_volumes(bot, secrets)
    ]


def _secret_volumes(bot: DiscordBot, secrets: PodSecrets) -> list[tuple[dict[str, Any], str]]:
    """Give each volume with secrets and where it is mounted."""
    found = []
    if secrets.provider_class is not None:
        volume = csi_volume(bot, VOLUME_SECRETS, secrets.provider_class)
        found.append((volume, names.SECRETS_DIR))
    if secrets.files:
        # One directory cannot be filled by two volumes.
        directory = authorities_dir(bot)
        name = VOLUME_SECRETS if directory == names.SECRETS_DIR else VOLUME_AUTHORITIES
        found.append((secret_volume(name, secrets.files), directory))
    return found


def volumes(
    bot: DiscordBot,
    config: str,
    secrets: PodSecrets,
    google_key: tuple[SecretFile, ...],
) -> list[dict[str, Any]]:
    """Give the volumes that ``bot_container`` and the proxy mount.

    ``config`` is the key of the ConfigMap that becomes ``config.yaml``.
    """
    found: list[dict[str, Any]] = [
        {
            "name": VOLUME_CONFIG,
            # A directory, no subPath: a new policy.yaml reaches a running pod only this way.
            "configMap": {
                "name": names.config_map(bot.metadata.name),
                "defaultMode": 0o444,
                "items": [
                    {"key": config, "path": names.CONFIG_FILE},
                    {"key": names.POLICY_FILE, "path": names.POLICY_FILE},
                ],
            },
        },
        *(volume for volume, _ in _secret_volumes(bot, secrets)),
        {"name": VOLUME_TMP, "emptyDir": {"sizeLimit": "64Mi"}},
    ]
    if google_key:
        found.append(secret_volume(VOLUME_GOOGLE_KEY, google_key))
    return found


def resources(spec: BotResources | ProxyResources) -> dict[str, Any]:
    """Give requests and limits as a container has them."""
    return {
        kind: {name: canonical(amount) for name, amount in amounts.to_dict().items()}
        for kind, amounts in (("requests", spec.requests), ("limits", spec.limits))
    }


def field_env(name: str, path: str) -> dict[str, Any]:
    """Give an environment variable with a field of the pod."""
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}}}
