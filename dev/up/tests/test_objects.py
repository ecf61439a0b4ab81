"""What is applied besides the operator."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from dev.up import objects
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.api.validation import problems

KEY = '{"type": "service_account"}'


def bot(*, local_discord: bool = True) -> DiscordBot:
    body = objects.bot("sha256:1", "sha256:2", local_discord=local_discord)
    return DiscordBot.from_object({**body, "metadata": {**body["metadata"], "uid": "u"}})


def decoded(secret: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def test_secrets_are_made_once_and_then_found_again() -> None:
    first = objects.credentials({}, "token", lambda: KEY)
    made = objects.secret_objects(first, local_discord=True)
    found = {item["metadata"]["name"]: item for item in made}
    second = objects.credentials(found, "token", lambda: pytest.fail("a key was there"))
    assert second == first
    assert len(first.password) >= 24


def test_a_new_token_replaces_the_old_one() -> None:
    old = objects.secret_objects(objects.credentials({}, "old", lambda: KEY), local_discord=True)
    found = {item["metadata"]["name"]: item for item in old}
    assert objects.credentials(found, "new", lambda: KEY).token == "new"


def test_both_sides_of_a_credential_hold_the_same() -> None:
    values = objects.credentials({}, "token", lambda: KEY)
    made = {
        (item["metadata"]["namespace"], item["metadata"]["name"]): decoded(item)
        for item in objects.secret_objects(values, local_discord=True)
    }
    database = made["demo", "vertice-database"]
    assert database["password"] == made["vertice-dev", "postgres"]["password"]
    assert made["demo", "vertice-google"] == made["vertice-dev", "google-key"]
    assert made["demo", "vertice-discord"] == made["vertice-dev", "discord-token"]


def test_credentials_do_not_show_in_a_print() -> None:
    values = objects.credentials({}, "tok", lambda: KEY)
    assert "tok" not in repr(values)
    assert values.password not in f"{values}"


@pytest.mark.parametrize("local_discord", [True, False])
def test_the_example_is_accepted_and_its_secrets_exist(local_discord: bool) -> None:
    made = bot(local_discord=local_discord)
    assert problems(made) == ()
    assert (made.spec.discord.api_base is not None) == local_discord
    values = objects.credentials({}, "token", lambda: KEY)
    secrets = {
        item["metadata"]["name"]: set(item["data"])
        for item in objects.secret_objects(values, local_discord=local_discord)
        if item["metadata"]["namespace"] == "demo"
    }
    database, token = made.spec.database, made.spec.discord.token_secret_ref
    assert token is not None
    assert token.key in secrets[token.name]
    assert database.credentials_secret_ref is not None
    assert secrets[database.credentials_secret_ref.name] == {"username", "password"}
    assert database.cloud_sql is not None
    key = database.cloud_sql.proxy.credentials_secret_ref
    assert key is not None
    assert key.key in secrets[key.name]


def test_the_example_reaches_services_that_exist_through_its_network_policy() -> None:
    made = bot()
    services = {
        (item["metadata"]["name"], port["port"])
        for item in objects.backing_services("sha256:1", local_discord=True)
        if item["kind"] == "Service" and item["metadata"]["namespace"] == "vertice-dev"
        for port in item["spec"]["ports"]
    }
    database = made.spec.database.cloud_sql
    assert database is not None
    assert made.spec.cache is not None
    asked = {
        made.spec.discord.api_base,
        database.proxy.sql_admin_api_endpoint,
        f"http://{made.spec.cache.host}:{made.spec.cache.port}",
    }
    names = {f"http://{name}.vertice-dev.svc:{port}" for name, port in services}
    assert {str(url).removesuffix("/api/v10") for url in asked} <= names
    (rule,) = yaml.safe_load(objects.EXAMPLE.read_text())["spec"]["networkPolicy"]["extraEgress"]
    assert {port["port"] for port in rule["ports"]} == {port for _, port in services}


def test_the_stand_in_plays_the_instance_that_the_example_names() -> None:
    database = bot().spec.database.cloud_sql
    assert database is not None
    deployments = objects.backing_services("sha256:1", local_discord=True)
    arguments = [
        argument
        for item in deployments
        if item["kind"] == "Deployment"
        for container in item["spec"]["template"]["spec"]["containers"]
        for argument in container["args"]
    ]
    assert f"--instance={database.instance}" in arguments


def templates(build: str) -> dict[str, Any]:
    found = objects.backing_services(build, local_discord=True)
    return {
        item["metadata"]["name"]: item["spec"]["template"]
        for item in found
        if item["kind"] == "Deployment"
    }


def test_a_new_build_rolls_the_pods_and_the_same_build_does_not() -> None:
    old, new = templates("a"), templates("b")
    assert old == templates("a")
    assert {name for name in old if old[name] != new[name]} == {"redis", "discord"}


def test_the_database_outlives_a_new_build() -> None:
    assert templates("a")["cloudsql"] == templates("b")["cloudsql"]


def test_the_bot_rolls_with_its_image_and_with_a_new_local_discord() -> None:
    bots = {
        (image, discord): str(objects.bot(image, discord, local_discord=True))
        for image in "ab"
        for discord in "ab"
    }
    assert len(set(bots.values())) == 4
    real = [str(objects.bot("a", discord, local_discord=False)) for discord in "ab"]
    assert real[0] == real[1]


def test_on_the_real_discord_there_is_no_local_one() -> None:
    names = {
        item["metadata"]["name"]
        for item in objects.backing_services("a", local_discord=False)
        if item["kind"] == "Deployment"
    }
    assert names == {"cloudsql", "redis"}
    values = objects.credentials({}, "token", lambda: KEY)
    made = objects.secret_objects(values, local_discord=False)
    assert "discord-token" not in {item["metadata"]["name"] for item in made}


def test_every_pod_is_fit_for_the_restricted_standard() -> None:
    for item in objects.backing_services("a", local_discord=True):
        if item["kind"] != "Deployment":
            continue
        spec = item["spec"]["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
