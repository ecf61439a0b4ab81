"""Writes answers: tables and colour for people, JSON or YAML for programs."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO

import typer
import yaml
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from vertice_operator.cli.options import Output

Document = dict[str, Any]
Drawing = Iterable[RenderableType]

API_VERSION = "cli.vertice.dev/v1"
"""Of the documents that ``-o json`` and ``-o yaml`` print; fields are added, never changed."""

_UNLIMITED = 10_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

GOOD, BAD, WAIT, DIM = "green", "red", "yellow", "dim"


def document(kind: str, **fields: Any) -> Document:
    """Begin a document for programs."""
    return {"apiVersion": API_VERSION, "kind": kind, **fields}


def write(words: str) -> None:
    """Write to standard output; a reader that went away (``| head``) is a normal end."""
    try:
        sys.stdout.write(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered must not raise once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def emit(answer: Document, output: Output, draw: Callable[[Document], Drawing]) -> None:
    """Print an answer on standard output in the form that was asked for."""
    if output is Output.JSON:
        write(json.dumps(answer, indent=2, ensure_ascii=False) + "\n")
    elif output is Output.YAML:
        write(yaml.safe_dump(answer, sort_keys=False, allow_unicode=True))
    else:
        paint(draw(answer), sys.stdout)


def paint(drawing: Drawing, stream: TextIO) -> None:
    """Draw for a person.

    Colour only on a terminal and without NO_COLOR (FORCE_COLOR has the last word). Where nobody
    looks, lines are as long as they are and end without blanks.
    """
    parts = tuple(drawing)
    if not parts:
        return
    terminal = stream.isatty()
    console = Console(
        file=stream,
        width=None if terminal or "COLUMNS" in os.environ else _UNLIMITED,
        highlight=False,
        markup=False,
        emoji=False,
    )
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    drawn = captured.get()
    if not terminal:
        drawn = "".join(f"{line.rstrip()}\n" for line in drawn.splitlines())
    if stream is sys.stdout:
        write(drawn)
    else:
        stream.write(drawn)


def table(*columns: str, indent: int = 0) -> Table:
    """Begin a table without lines, its heads in capitals as kubectl's are."""
    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for place, column in enumerate(columns):
        head = " " * indent + column.upper() if place == 0 else column.upper()
        made.add_column(head, overflow="fold")
    return made


def text(value: object, style: str = "") -> Text:
    """Give a text from the cluster, freed of what would steer the terminal."""
    return Text(clean("" if value is None else str(value)), style=style)


def clean(value: str) -> str:
    """Remove control characters: a log line must not move the cursor or rename the window."""
    return _CONTROL.sub("", value)


def status_style(kind: str, status: str) -> str:
    """Give the colour of a condition."""
    if status == "Unknown":
        return WAIT
    return GOOD if status == wanted_status(kind) else BAD


def wanted_status(kind: str) -> str:
    """Give the status of a condition when all is well."""
    return "False" if kind in ("Degraded", "Paused") else "True"


def lines(values: Mapping[str, RenderableType]) -> Table:
    """Give names and values below each other."""
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 3, 0, 0))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in values.items():
        made.add_row(name, value)
    return made
