"""``vertice completion SHELL``, and completion behind ``kubectl vertice``.

Both go through the protocol of the parser's own completion (the variable ``_VERTICE_COMPLETE``),
so that there is one description of the command line.
"""

import enum
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from vertice_operator.cli.apps import vertice

NO_FILES = ":4"
"""Last line of an answer to kubectl: offer no file names besides."""


class Shell(enum.StrEnum):
    """Shells with completion."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(
    shell: Annotated[Shell, typer.Argument(help="Shell to write the script for.")],
) -> None:
    """Print the script that makes your shell complete this command.

    For `kubectl vertice` no script is needed: kubectl's own completion asks the program
    `kubectl_complete-vertice`, which is installed beside this one.
    """
    _with_protocol({"_VERTICE_COMPLETE": f"source_{shell.value}"})


def for_kubectl(words: Sequence[str] | None = None) -> None:
    """Answer kubectl: the words after ``kubectl vertice``, the last one unfinished.

    One proposal a line, then a line with a directive.
    """
    given = list(sys.argv[1:] if words is None else words) or [""]
    try:
        _with_protocol(
            {
                "_VERTICE_COMPLETE": "complete_bash",
                "COMP_WORDS": shlex.join(["vertice", *given]),
                "COMP_CWORD": str(len(given)),
            }
        )
    finally:
        typer.echo(NO_FILES)


def _with_protocol(variables: Mapping[str, str]) -> None:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        vertice([], prog_name="vertice")
    except SystemExit as done:
        if done.code:
            raise
    finally:
        for name in variables:
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]
