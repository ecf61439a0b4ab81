"""What is applied besides the operator: pure functions from files and secrets to objects."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "dev" / "manifests"
LOCAL_DISCORD = MANIFESTS / "discord.yaml"
EXAMPLE = ROOT / "examples" / "local.yaml"
DEV_NAMESPACE = "vertice-dev"
DEMO_NAMESPACE = "demo"
SYSTEM_NAMESPACE = "vertice-system"
PAGE_NODE_PORT = 30080
IMAGE_ANNOTATION = "local/image-id"
DISCORD_ANNOTATION = "local/discord-image-id"
DATABASE = "cloudsql"
BACKING_SERVICES = (DATABASE, "redis", "discord")
TOKEN_URI = "http://cloudsql.vertice-dev.svc:8421/token"  # noqa: S105 - an address

Object = dict[str, Any]


@dataclass(frozen=True)
class Credentials:
    """The secret values of one local cluster, made once and then found in it.

    Attributes:
        token: The bot's Discord token.
        password: Of the database user.
        google_key: Content of the service-account key file.
    """

    token: str
    password: str
    google_key: str

    def __repr__(self) -> str:
        """Say nothing: an accidental print must not show a secret."""
        return "Credentials(...)"


def load(path: Path) -> list[Object]:
    """Return the objects of a manifest file."""
    return [item for item in yaml.safe_load_all(path.read_text()) if item is not None]


def namespaces() -> list[Object]:
    """Return the namespaces."""
    return load(MANIFESTS / "namespaces.yaml")


def backing_services(image_id: str, *, local_discord: bool) -> list[Object]:
    """Return the services that the example bot uses.

    Args:
        image_id: Id of their image's present build. It stands in the pod templates, so that a new
            build under the same tag rolls them and a repetition does not. The database is left
            alone: it would be lost, and with it the schema that the bots count on.
        local_discord: With the local Discord.
    """
    found = [
        item
        for name in service_names(local_discord=local_discord)
        for item in load(MANIFESTS / f"{name}.yaml")
    ]
    for item in found:
        if item["kind"] == "Deployment" and item["metadata"]["name"] != DATABASE:
            item["spec"]["template"]["metadata"]["annotations"] = {IMAGE_ANNOTATION: image_id}
    return found


def service_names(*, local_discord: bool) -> tuple[str, ...]:
    """Return the Deployments of the backing services."""
    return tuple(name for name in BACKING_SERVICES if local_discord or name != "discord")


def bot(image_id: str, discord_id: str, *, local_discord: bool) -> Object:
    """Return the example bot; on the real Discord it is told of no other server.

    Args:
        image_id: Id of the bot image's present build; a new one rolls the pods.
        discord_id: The same of the local Discord: a new one starts without the bot's commands,
            which a starting bot registers.
        local_discord: With the local Discord.
    """
    (body,) = load(EXAMPLE)
    body["metadata"]["namespace"] = DEMO_NAMESPACE
    annotations = {IMAGE_ANNOTATION: image_id}
    if local_discord:
        annotations[DISCORD_ANNOTATION] = discord_id
    body["spec"]["scheduling"] = {"podAnnotations": annotations}
    if not local_discord:
        del body["spec"]["discord"]["apiBase"]
    return dict(body)


def credentials(found: Mapping[str, Object], token: str, new_key: Callable[[], str]) -> Credentials:
    """Take what a running cluster has, make what it lacks.

    Args:
        found: Secrets of the demo namespace by name.
        token: The token to use now; it replaces an older one.
        new_key: Makes the content of a service-account key file.
    """
    password = _value(found.get("vertice-database"), "password") or secrets.token_urlsafe(24)
    key = _value(found.get("vertice-google"), "key.json") or new_key()
    return Credentials(token, password, key)


def _value(secret: Object | None, key: str) -> str | None:
    encoded = (secret or {}).get("data", {}).get(key)
    return base64.b64decode(encoded).decode() if encoded else None


def secret_objects(values: Credentials, *, local_discord: bool) -> list[Object]:
    """Return the Secrets of both namespaces; the two sides of a credential hold the same value."""
    objects = [
        _secret(DEMO_NAMESPACE, "vertice-discord", {"token": values.token}),
        _secret(
            DEMO_NAMESPACE,
            "vertice-database",
            {"username": "vertice", "password": values.password},
        ),
        _secret(DEMO_NAMESPACE, "vertice-google", {"key.json": values.google_key}),
        _secret(DEV_NAMESPACE, "postgres", {"password": values.password}),
        _secret(DEV_NAMESPACE, "google-key", {"key.json": values.google_key}),
    ]
    if local_discord:
        objects.append(_secret(DEV_NAMESPACE, "discord-token", {"token": values.token}))
    return objects


def _secret(namespace: str, name: str, content: Mapping[str, str]) -> Object:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in content.items()}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
