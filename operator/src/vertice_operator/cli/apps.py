"""The two command lines, empty: ``vertice-operator`` and ``vertice``."""

import typer

_OPTIONS = {"help_option_names": ["-h", "--help"]}

operator = typer.Typer(
    name="vertice-operator",
    help="The Vértice operator: runs Discord bots on Kubernetes from DiscordBot resources.",
    no_args_is_help=True,
    add_completion=False,
    context_settings=_OPTIONS,
    pretty_exceptions_enable=False,
)
vertice = typer.Typer(
    name="vertice",
    help=(
        "Look after Discord bots on Kubernetes. Also a kubectl plug-in: kubectl vertice ...\n\n"
        "Exit codes: 0 yes, 1 no (not Ready, different, problems), 2 wrong use, 3 not found, "
        "4 a right is missing, 69 the cluster cannot be asked."
    ),
    no_args_is_help=True,
    add_completion=True,
    context_settings=_OPTIONS,
    pretty_exceptions_enable=False,
)
