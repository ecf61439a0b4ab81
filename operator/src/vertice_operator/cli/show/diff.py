"""``vertice diff``: what would be created, changed and deleted."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from vertice_operator.cli.screen import BAD, DIM, GOOD, WAIT, Document, document, text
from vertice_operator.cli.show.objects import Key, key, unified

Object = Mapping[str, Any]


class Action(enum.StrEnum):
    """What would happen to an object."""

    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    HOLD = "hold"


def change(
    before: Object | None,
    after: Object | None,
    because: str = "",
    sides: tuple[str, str] = ("live", "wanted"),
) -> Document | None:
    """Describe the difference between two states of one object, None where there is none."""
    found = unified(before, after, *sides)
    if not found:
        return None
    kind, namespace, name = key(after or before or {})
    action = Action.CHANGE
    if before is None or after is None:
        action = Action.CREATE if before is None else Action.DELETE
    return {
        "kind": kind,
        "namespace": namespace,
        "name": name,
        "action": action.value,
        "because": because,
        "diff": found,
    }


def hold(kind: str, namespace: str, name: str, because: str) -> Document:
    """Describe an object that is left as it is although something else is wanted."""
    values = {"kind": kind, "namespace": namespace, "name": name}
    return {**values, "action": Action.HOLD.value, "because": because, "diff": ""}


def compare(
    before: Iterable[Object], after: Iterable[Object], sides: tuple[str, str]
) -> list[Document]:
    """Compare two sets of objects."""
    old = {key(each): each for each in before}
    new = {key(each): each for each in after}
    order: Sequence[Key] = list(dict.fromkeys((*new, *old)))
    found = (change(old.get(each), new.get(each), sides=sides) for each in order)
    return [each for each in found if each is not None]


def diff_document(items: Sequence[Document]) -> Document:
    """Give the document of all differences."""
    return document("BotDiff", different=any(_differs(each) for each in items), items=list(items))


def _differs(item: Document) -> bool:
    return bool(item["action"] != Action.HOLD.value)


def draw_diff(answer: Document) -> Iterable[RenderableType]:
    """Draw the differences as a patch, with a line above each that says why."""
    for each in answer["items"]:
        if each["action"] == Action.HOLD.value:
            yield text(f"# {each['kind']} {each['name']} is held: {each['because']}", WAIT)
            continue
        why = f" ({each['because']})" if each["because"] else ""
        yield text(f"# {each['action']} {each['kind']} {each['name']}{why}", DIM)
        yield coloured(each["diff"])


def coloured(patch: str) -> Text:
    """Give a patch in the colours of one."""
    shown = Text()
    for place, line in enumerate(patch.splitlines()):
        style = {"+": GOOD, "-": BAD, "@": "cyan"}.get(line[:1], "")
        if line.startswith(("---", "+++")):
            style = "bold"
        shown.append("\n" if place else "")
        shown.append(text(line, style))
    return shown
