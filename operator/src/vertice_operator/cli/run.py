"""``vertice-operator run``: starts the controller. Every flag is also a variable."""

import asyncio
import logging
from typing import Annotated

import typer
from kubernetes.aio.config import ConfigException
from pydantic import ValidationError

from vertice_operator.cluster.client import pod_namespace
from vertice_operator.runtime import logs
from vertice_operator.runtime.app import serve
from vertice_operator.runtime.settings import (
    DEFAULT_BOT_IMAGE,
    DEFAULT_PROXY_IMAGE,
    PREFIX,
    Settings,
)

log = logging.getLogger(__name__)
EXIT_BAD_CONFIGURATION = 2
EXIT_INTERNAL = 70


def _option(name: str, help: str, panel: str = "General") -> typer.models.OptionInfo:  # noqa: A002
    variable = PREFIX + name.removeprefix("--").replace("-", "_").upper()
    option: typer.models.OptionInfo = typer.Option(
        name, envvar=variable, help=help, rich_help_panel=panel, show_default=True
    )
    return option


_TIMES = "Intervals (seconds)"
_LEASE = "Leader Lease"
_HTTP = "HTTP and logs"


def run(
    namespace: Annotated[
        list[str] | None,
        _option("--namespace", "Serve only this namespace; may be repeated. Default: all."),
    ] = None,
    default_bot_image: Annotated[
        str, _option("--default-bot-image", "Image of bots whose resource names none.")
    ] = DEFAULT_BOT_IMAGE,
    default_proxy_image: Annotated[
        str, _option("--default-proxy-image", "Image of the Cloud SQL Auth Proxy.")
    ] = DEFAULT_PROXY_IMAGE,
    operator_namespace: Annotated[
        str, _option("--operator-namespace", "Default: the pod's, or vertice-system.")
    ] = "",
    workers: Annotated[int, _option("--workers", "Resources reconciled at once.")] = 8,
    resync_seconds: Annotated[
        float, _option("--resync-seconds", "Full list that heals missed events.", _TIMES)
    ] = 600,
    secret_recheck_seconds: Annotated[
        float, _option("--secret-recheck-seconds", "Look at referenced Secrets again.", _TIMES)
    ] = 60,
    optional_recheck_seconds: Annotated[
        float, _option("--optional-recheck-seconds", "Look for absent optional kinds.", _TIMES)
    ] = 60,
    statusz_seconds: Annotated[
        float, _option("--statusz-seconds", "Ask the bots for their shards.", _TIMES)
    ] = 15,
    status_settle_seconds: Annotated[
        float, _option("--status-settle-seconds", "Calm before a status is written.", _TIMES)
    ] = 1,
    reconcile_timeout: Annotated[
        float, _option("--reconcile-timeout", "Longest single reconcile.", _TIMES)
    ] = 60,
    request_timeout: Annotated[
        float, _option("--request-timeout", "Longest request; 0: at most 5, by the Lease.", _TIMES)
    ] = 0,
    lease_seconds: Annotated[
        float, _option("--lease-seconds", "Duration; renewal and retry follow.", _LEASE)
    ] = 15,
    lease_name: Annotated[
        str, _option("--lease-name", "Name of the Lease.", _LEASE)
    ] = "vertice-operator",
    lease_namespace: Annotated[
        str, _option("--lease-namespace", "Default: the pod's, or default.", _LEASE)
    ] = "",
    identity: Annotated[
        str, _option("--identity", "Holder name. Default: POD_UID, or made up.", _LEASE)
    ] = "",
    http_host: Annotated[str, _option("--http-host", "Address of probes and metrics.", _HTTP)] = (
        "0.0.0.0"  # noqa: S104 - probes and scrapes come from other machines
    ),
    http_port: Annotated[int, _option("--http-port", "Port; 0 takes a free one.", _HTTP)] = 8080,
    log_level: Annotated[
        str, _option("--log-level", "DEBUG, INFO, WARNING or ERROR.", _HTTP)
    ] = "INFO",
    log_format: Annotated[str, _option("--log-format", "json or console.", _HTTP)] = "json",
) -> None:
    """Run the controller until SIGTERM.

    Reaches the cluster by KUBECONFIG, by the pod's service account, or by ~/.kube/config. Exit
    codes: 0 stopped by a signal, 2 bad flags or no way to a cluster, 70 an internal fault.
    """
    given = {key: value for key, value in locals().items() if key != "namespace"}
    given["namespaces"] = tuple(_split(namespace or ()))
    given["lease_namespace"] = lease_namespace or pod_namespace("default")
    given["operator_namespace"] = operator_namespace or pod_namespace("vertice-system")
    try:
        settings = Settings(**given)
    except ValidationError as error:
        for each in error.errors():
            flag = "--" + "-".join(map(str, each["loc"])).replace("_", "-") if each["loc"] else ""
            typer.echo(f"{flag} {each['msg']}".strip(), err=True)
        raise typer.Exit(EXIT_BAD_CONFIGURATION) from None
    logs.set_up(settings.log_level, settings.log_format)
    try:
        asyncio.run(serve(settings))
    except ConfigException as error:
        typer.echo(f"no way to a cluster: {error} (set KUBECONFIG)", err=True)
        raise typer.Exit(EXIT_BAD_CONFIGURATION) from None
    except Exception:
        log.exception("the operator ends by a fault of its own; please report it")
        raise typer.Exit(EXIT_INTERNAL) from None


def _split(names: "list[str] | tuple[()]") -> list[str]:
    """Allow a variable to hold several names, with commas or spaces between."""
    return [name for text in names for name in text.replace(",", " ").split()]
