"""Entry points: ``vertice-operator`` (the controller) and ``vertice`` (for people)."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import typer

from vertice_operator import __version__
from vertice_operator.cli import completion
from vertice_operator.cli.apps import operator, vertice
from vertice_operator.cli.commands import (
    change,
    check,
    diff,
    logs,
    manifests,
    render,
    report,
    rollback,
    shards,
    status,
    top,
    tree,
)
from vertice_operator.cli.run import run

__all__ = ["operator", "vertice"]

Example = tuple[str, str]
LOOK, TRY, CHANGE = "Look", "Before you apply", "Change"
_COMPLETION = (
    ("source <(vertice completion bash)", "for this shell; zsh likewise"),
    ("vertice completion fish > ~/.config/fish/completions/vertice.fish", "for good"),
)
COMMANDS: tuple[tuple[str, Callable[..., Any], Sequence[Example], str], ...] = (
    ("status", status.status, status.EXAMPLES, LOOK),
    ("tree", tree.tree, tree.EXAMPLES, LOOK),
    ("shards", shards.shards, shards.EXAMPLES, LOOK),
    ("logs", logs.logs, logs.EXAMPLES, LOOK),
    ("top", top.top, top.EXAMPLES, LOOK),
    ("report", report.report, report.EXAMPLES, LOOK),
    ("check", check.check, check.EXAMPLES, TRY),
    ("render", render.render, render.EXAMPLES, TRY),
    ("diff", diff.diff, diff.EXAMPLES, TRY),
    *((each.action, change.command(each), each.examples, CHANGE) for each in change.CHANGES),
    ("rollback", rollback.rollback, rollback.EXAMPLES, CHANGE),
    ("manifests", manifests.manifests, manifests.EXAMPLES, "Other"),
    ("completion", completion.completion, _COMPLETION, "Other"),
)
"""Name, function, examples and heading of each command for people."""


def help_text(function: Callable[..., Any], examples: Sequence[Example]) -> str:
    """Give the help of a command: its docstring, then its examples line by line."""
    shown = "\n".join(f"  {command}\n      {what}" for command, what in examples)
    # The parser keeps line ends, which suit the source and not the terminal.
    paragraphs = (inspect.getdoc(function) or "").split("\n\n")
    words = "\n\n".join(" ".join(each.split()) for each in paragraphs)
    return f"{words}\n\n\b\nExamples:\n{shown}"


for _name, _function, _examples, _panel in COMMANDS:
    vertice.command(
        _name,
        help=help_text(_function, _examples),
        short_help=(inspect.getdoc(_function) or "").partition("\n")[0],
        rich_help_panel=_panel,
    )(_function)
operator.command()(run)


@operator.callback()
@vertice.callback()
def _root() -> None:
    """Keep ``run`` a word of its own although it is the only command."""


@operator.command("version")
@vertice.command("version", rich_help_panel="Other")
def version() -> None:
    """Print the version."""
    typer.echo(__version__)
