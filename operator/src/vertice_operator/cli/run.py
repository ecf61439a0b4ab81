"""``vertice-operator run``: starts the controller."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any

import typer
from kubernetes.aio.config import ConfigException
from pydantic import ValidationError

from vertice_operator.cli.exits import ExitCode
from vertice_operator.cli.flags import signature
from vertice_operator.cluster.client import pod_namespace
from vertice_operator.runtime import logs
from vertice_operator.runtime.app import serve
from vertice_operator.runtime.settings import Settings

log = logging.getLogger(__name__)


def run(**given: Any) -> None:
    """Run the controller until SIGTERM.

    Reaches the cluster by KUBECONFIG, by the pod's service account, or by ~/.kube/config. Exit
    codes: 0 stopped by a signal, 2 bad flags or no way to a cluster, 70 an internal fault.
    """
    settings = _settings(given)
    logs.set_up(settings.log_level, settings.log_format)
    try:
        asyncio.run(serve(settings))
    except ConfigException as error:
        typer.echo(f"no way to a cluster: {error} (set KUBECONFIG)", err=True)
        raise typer.Exit(ExitCode.USAGE) from None
    except Exception:
        log.exception("the operator ends by a fault of its own; please report it")
        raise typer.Exit(ExitCode.INTERNAL) from None


run.__signature__ = signature()  # type: ignore[attr-defined]


def _settings(given: Mapping[str, Any]) -> Settings:
    """Make the settings of what was given, or end with the flag that is wrong."""
    values = {key: value for key, value in given.items() if key != "namespace"}
    values["namespaces"] = tuple(_split(given["namespace"] or ()))
    values["lease_namespace"] = given["lease_namespace"] or pod_namespace("default")
    values["operator_namespace"] = given["operator_namespace"] or pod_namespace("vertice-system")
    try:
        return Settings(**values)
    except ValidationError as error:
        for each in error.errors():
            flag = "--" + "-".join(map(str, each["loc"])).replace("_", "-") if each["loc"] else ""
            typer.echo(f"{flag} {each['msg']}".strip(), err=True)
        raise typer.Exit(ExitCode.USAGE) from None


def _split(names: Iterable[str]) -> list[str]:
    """Allow a variable to hold several names, with commas or spaces between."""
    return [name for text in names for name in text.replace(",", " ").split()]
