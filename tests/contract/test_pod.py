"""Ports, probes, files and variables of the pod are those of the bot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from aiohttp import web
from prometheus_client import CollectorRegistry

from tests.contract.rendered import Rendered, everything
from vertice_bot import settings as bot_settings
from vertice_bot.cli.main import app
from vertice_bot.errors import ExitCode
from vertice_bot.health import metrics_app, status_app
from vertice_bot.settings import load_settings
from vertice_operator.api import names
from vertice_operator.decide import pods

RENDERED = pytest.mark.parametrize("made", everything(), ids=lambda made: made.label)


class NoStatus:
    """The applications only ask for it when a request comes."""

    def startup(self) -> Any: ...
    def ready(self) -> Any: ...
    def live(self) -> Any: ...
    def document(self) -> dict[str, Any]: ...  # type: ignore[empty-body]


def paths(application: web.Application) -> set[str]:
    return {resource.canonical for resource in application.router.resources()}


def config(made: Rendered) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(made.config_files[names.CONFIG_FILE])
    return document


@RENDERED
def test_probes_ask_for_paths_that_the_bot_serves_on_that_port(made: Rendered) -> None:
    served = paths(status_app(NoStatus()))
    ports = {each["name"]: each["containerPort"] for each in made.container["ports"]}
    for name in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = made.container[name]["httpGet"]
        assert asked["path"] in served
        assert ports[asked["port"]] == config(made)["http"]["port"]
    assert "/statusz" in served


@RENDERED
def test_prometheus_scrapes_what_the_bot_serves(made: Rendered) -> None:
    ports = {each["name"]: each["containerPort"] for each in made.container["ports"]}
    assert ports["metrics"] == config(made)["metrics"]["port"]
    monitor = made.child("ServiceMonitor")
    if monitor is not None:
        own = [each for each in monitor["spec"]["endpoints"] if each["port"] == "metrics"]
        assert [each["path"] for each in own] == ["/metrics"]
        assert "/metrics" in paths(metrics_app(CollectorRegistry()))


@RENDERED
def test_every_file_that_the_configuration_names_is_mounted(made: Rendered) -> None:
    mounts = {each["mountPath"]: each["name"] for each in made.container["volumeMounts"]}
    volumes = {each["name"]: each for each in made.pod["volumes"]}
    document = config(made)
    sections = [document["discord"], document["database"], document["cache"] or {}]
    named = {
        value
        for section in sections
        for key, value in section.items()
        if key.endswith("_file") and value is not None
    }
    assert named
    assert named <= made.secret_files
    assert document["policy_file"] == f"{names.CONFIG_DIR}/{names.POLICY_FILE}"
    assert volumes[mounts[names.CONFIG_DIR]]["configMap"]["name"].endswith("-config")
    assert "subPath" not in str(made.container["volumeMounts"])


def test_the_default_files_of_the_bot_have_the_names_of_the_operator() -> None:
    assert str(bot_settings.SECRETS) == names.SECRETS_DIR
    discord, database = bot_settings.DiscordSettings(), bot_settings.DatabaseSettings()
    assert discord.token_file.name == names.FILE_DISCORD_TOKEN
    assert database.user_file is not None
    assert database.password_file is not None
    assert database.user_file.name == names.FILE_DATABASE_USERNAME
    assert database.password_file.name == names.FILE_DATABASE_PASSWORD


@RENDERED
def test_the_variables_of_the_pod_are_settings_of_the_bot(
    made: Rendered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(made.config_files[names.CONFIG_FILE], encoding="utf-8")
    for variable in made.container["env"]:
        monkeypatch.setenv(variable["name"], variable.get("value", f"from {variable['name']}"))
    settings = load_settings(path)
    assert settings.replica == "from VERTICE_REPLICA"
    assert settings.revision == "from VERTICE_REVISION"
    known = {"VERTICE_REPLICA", "VERTICE_REVISION", "DISCORD_API_BASE", "DISCORD_GATEWAY_URL"}
    others = {each["name"] for each in made.container["env"]} - known
    assert all(name.startswith("OTEL_") for name in others)


@RENDERED
def test_the_commands_exist_and_take_the_arguments(made: Rendered) -> None:
    group = typer.main.get_command(app)
    containers = [made.container]
    for (kind, _), body in made.children.items():
        if kind == "Job":
            containers += body["spec"]["template"]["spec"]["containers"]
    assert {each["args"][0] for each in containers} <= {"run", "migrate"}
    for container in containers:
        assert "command" not in container, "the image's entry point is the program"
        command, option, value = container["args"]
        known = group.commands[command]  # type: ignore[attr-defined]
        assert option in {name for each in known.params for name in each.opts}
        assert value == f"{names.CONFIG_DIR}/{names.CONFIG_FILE}"


@RENDERED
def test_the_pod_outlives_the_drain(made: Rendered) -> None:
    grace = made.pod["terminationGracePeriodSeconds"]
    drain = config(made)["drain"]
    assert drain["grace_seconds"] == grace
    assert drain["seconds"] + 15 <= grace


@RENDERED
def test_what_the_bot_writes_to_is_writable(made: Rendered) -> None:
    """Charts keep a font cache under /tmp, and the reason of an end goes to the termination log."""
    mounts = {each["mountPath"]: each for each in made.container["volumeMounts"]}
    assert made.container["securityContext"]["readOnlyRootFilesystem"] is True
    assert not mounts["/tmp"].get("readOnly", False)
    assert made.container["terminationMessagePath"] == config(made)["termination_log"]


def test_exit_codes_mean_the_same_to_both() -> None:
    assert pods.EXIT_REFUSED == ExitCode.REFUSED
    assert pods.EXIT_BAD_CONFIGURATION == ExitCode.BAD_CONFIGURATION
