"""Options about where a resource comes from, and about a cluster that is not asked."""

from pathlib import Path
from typing import Annotated

import typer

from vertice_operator.cli.exits import ExitCode, Refusal
from vertice_operator.runtime.settings import DEFAULT_BOT_IMAGE, DEFAULT_PROXY_IMAGE

_PANEL = "Without a cluster"

KubernetesMinor = Annotated[
    int,
    typer.Option(
        "--kubernetes-minor", help="Its minor version, 34 for 1.34.", rich_help_panel=_PANEL
    ),
]
WithoutOptional = Annotated[
    bool,
    typer.Option(
        "--without-optional",
        help="It has none of the optional kinds, such as ServiceMonitor.",
        rich_help_panel=_PANEL,
    ),
]
BotImage = Annotated[
    str,
    typer.Option(
        "--default-bot-image",
        help="Image of bots that name none.",
        rich_help_panel=_PANEL,
    ),
]
ProxyImage = Annotated[
    str,
    typer.Option("--default-proxy-image", help="Image of the proxy.", rich_help_panel=_PANEL),
]
OperatorNamespace = Annotated[
    str,
    typer.Option("--operator-namespace", help="Where the operator runs."),
]
MINOR = 34
SYSTEM = "vertice-system"
__all__ = ["DEFAULT_BOT_IMAGE", "DEFAULT_PROXY_IMAGE", "one_of"]


def one_of(name: str, file: Path | None) -> None:
    """Refuse both and none of a live bot's name and a file."""
    if (file is None) == (not name):
        raise Refusal(ExitCode.USAGE, "give the name of a live bot or --file, one of them")
