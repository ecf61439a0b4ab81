"""What a changing command did."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from vertice_operator.cli.owners import warning
from vertice_operator.cli.screen import GOOD, WAIT, Document, document, text


def change_document(
    bot: Mapping[str, Any], action: str, message: str, *, changed: bool, notes: Sequence[str] = ()
) -> Document:
    """Give the document of one change.

    Parameters
    ----------
    message
        What is true now, for people.
    notes
        What to know besides; who else manages the resource is added.
    """
    meta = bot["metadata"]
    managed = warning(bot) if changed else ""
    return document(
        "BotChange",
        namespace=meta["namespace"],
        name=meta["name"],
        action=action,
        changed=changed,
        message=message,
        notes=[*notes, *([managed] if managed else [])],
    )


def draw_change(answer: Document) -> Iterable[RenderableType]:
    """Draw one change."""
    head = f"discordbot/{answer['name']}"
    yield text(f"{head} {answer['message']}", GOOD if answer["changed"] else "")
    for note in answer["notes"]:
        yield text(f"  {note}", WAIT)
