"""Options that several commands share, and the choice of cluster and namespace they make."""

import enum
from dataclasses import dataclass
from typing import Annotated

import typer

from vertice_operator.cli import complete

_WHERE = "Which bots"


class Output(enum.StrEnum):
    """How the answer is written."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@dataclass(frozen=True, slots=True)
class Target:
    """Which cluster, and where in it.

    ``namespace`` is empty where the context's own one is meant.
    """

    namespace: str = ""
    all_namespaces: bool = False
    context: str | None = None
    kubeconfig: str | None = None


Bot = Annotated[
    str,
    typer.Argument(metavar="BOT", help="Name of the DiscordBot.", autocompletion=complete.bots),
]
OptionalBot = Annotated[
    str,
    typer.Argument(
        metavar="BOT",
        help="Name of the DiscordBot. Left out: all of the namespace.",
        autocompletion=complete.bots,
        show_default=False,
    ),
]
Namespace = Annotated[
    str,
    typer.Option(
        "--namespace",
        "-n",
        metavar="NAMESPACE",
        help="Namespace. Left out: that of the context.",
        autocompletion=complete.namespaces,
        rich_help_panel=_WHERE,
        show_default=False,
    ),
]
AllNamespaces = Annotated[
    bool,
    typer.Option("--all-namespaces", "-A", help="Every namespace.", rich_help_panel=_WHERE),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="CONTEXT",
        help="Context of the kubeconfig. Left out: the current one.",
        autocompletion=complete.contexts,
        rich_help_panel=_WHERE,
        show_default=False,
    ),
]
Kubeconfig = Annotated[
    str | None,
    typer.Option(
        "--kubeconfig",
        metavar="FILE",
        help="Left out: $KUBECONFIG, or ~/.kube/config.",
        rich_help_panel=_WHERE,
        show_default=False,
    ),
]
Format = Annotated[Output, typer.Option("--output", "-o", help="How the answer is written.")]
