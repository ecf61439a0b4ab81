"""Entry points: ``vertice-operator`` (the controller) and ``vertice`` (for people)."""

import typer

from vertice_operator import __version__
from vertice_operator.cli.render import render
from vertice_operator.cli.run import run
from vertice_operator.cli.status import status

_OPTIONS = {"help_option_names": ["-h", "--help"]}

operator = typer.Typer(
    name="vertice-operator",
    help="The Vértice operator: runs Discord bots on Kubernetes from DiscordBot resources.",
    no_args_is_help=True,
    add_completion=False,
    context_settings=_OPTIONS,
    pretty_exceptions_enable=False,
)
operator.command()(run)

vertice = typer.Typer(
    name="vertice",
    help="Look at Discord bots on Kubernetes. Also a kubectl plug-in: kubectl vertice ...",
    no_args_is_help=True,
    add_completion=False,
    context_settings=_OPTIONS,
    pretty_exceptions_enable=False,
)
vertice.command()(render)
vertice.command()(status)


@operator.callback()
@vertice.callback()
def _root() -> None:
    """Keep ``run`` a word of its own although it is the only command."""


@operator.command("version")
@vertice.command("version")
def version() -> None:
    """Print the version."""
    typer.echo(__version__)
