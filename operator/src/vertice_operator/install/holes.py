"""Trees with holes: what an installer may choose, and how a choice is put in.

The nodes are those that Helm's templates can say as well. A path such as ``Values.image.tag``
names a value; conditions follow Helm, where empty lists, maps and strings, 0 and false are false.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Tree = Any
"""A dict, a list, a scalar, or one of the nodes below."""


@dataclass(frozen=True)
class Hole:
    """A value that is chosen: a scalar, or with ``tree`` a whole map or list."""

    path: str
    tree: bool = False


@dataclass(frozen=True)
class Item:
    """The element at hand inside of an :class:`Each`."""


@dataclass(frozen=True)
class Joined:
    """A list of strings as one string, with commas between."""

    path: str


@dataclass(frozen=True)
class Text:
    """Strings and holes, one after the other, as one string."""

    parts: tuple[str | Hole | Alternative, ...]


@dataclass(frozen=True)
class Condition:
    """Whether a value is there; with ``negated`` whether it is not."""

    path: str
    negated: bool = False


@dataclass(frozen=True)
class Alternative:
    """Inside of a :class:`Text`: one of two pieces."""

    condition: Condition
    then: Text
    otherwise: Text


@dataclass(frozen=True)
class When:
    """A document, an element of a list or the value of a key that is there on a condition only."""

    condition: Condition
    then: Tree


@dataclass(frozen=True)
class Each:
    """The elements ``body``, once for each element of a list; ``body`` holds :class:`Item`."""

    path: str
    body: tuple[Tree, ...]


@dataclass(frozen=True)
class Splice:
    """All elements of a chosen list, or as the key of a dict all entries of a chosen map."""

    path: str


@dataclass(frozen=True)
class Note:
    """A node with a comment above it."""

    text: str
    node: Tree


_ABSENT: Final = object()


class MissingValueError(LookupError):
    """A hole names a value that nobody declared."""


def look_up(scope: Mapping[str, Any], path: str) -> Any:
    """Return the value at a path; raises :class:`MissingValueError` where there is none."""
    found: Any = scope
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            raise MissingValueError(f"no value {path}")
        found = found[part]
    return found


def fill(tree: Tree, scope: Mapping[str, Any], item: Any = None) -> Tree:
    """Return the tree with every hole filled; comments stay.

    Parameters
    ----------
    tree
        What to fill.
    scope
        ``{"Values": ..., "Release": {"Namespace": ...}}``, as Helm has it.
    item
        The element at hand inside of an :class:`Each`.
    """
    return _Filler(scope, item).fill(tree)


@dataclass(frozen=True)
class _Filler:
    scope: Mapping[str, Any]
    item: Any

    def fill(self, tree: Tree) -> Tree:
        match tree:
            case Hole(path=path):
                return look_up(self.scope, path)
            case Item():
                return self.item
            case Joined(path=path):
                return ",".join(look_up(self.scope, path))
            case Text():
                return self._text(tree)
            case Note(text=text, node=node):
                return Note(text, self.fill(node))
            case When(condition=condition, then=then):
                return self.fill(then) if self._holds(condition) else _ABSENT
            case dict():
                return dict(self._entries(tree))
            case list():
                return list(self._elements(tree))
        return tree

    def _entries(self, tree: dict[Any, Tree]) -> Iterator[tuple[str, Tree]]:
        for key, value in tree.items():
            if isinstance(key, Splice):
                yield from look_up(self.scope, key.path).items()
                continue
            filled = self.fill(value)
            if filled is not _ABSENT:
                yield key, filled

    def _elements(self, tree: list[Tree]) -> Iterator[Tree]:
        for element in tree:
            match element:
                case Splice(path=path):
                    yield from look_up(self.scope, path)
                case Each(path=path, body=body):
                    for item in look_up(self.scope, path):
                        yield from _Filler(self.scope, item)._elements(list(body))
                case _:
                    filled = self.fill(element)
                    if filled is not _ABSENT:
                        yield filled

    def _text(self, text: Text) -> str:
        return "".join(self._piece(part) for part in text.parts)

    def _piece(self, part: str | Hole | Alternative) -> str:
        match part:
            case Hole(path=path):
                return str(look_up(self.scope, path))
            case Alternative(condition=condition, then=then, otherwise=otherwise):
                return self._text(then if self._holds(condition) else otherwise)
        return part

    def _holds(self, condition: Condition) -> bool:
        return bool(look_up(self.scope, condition.path)) != condition.negated


def plain(tree: Tree) -> Tree:
    """Return a filled tree without its comments: what the API server gets."""
    match tree:
        case Note(node=node):
            return plain(node)
        case dict():
            return {key: plain(value) for key, value in tree.items()}
        case list():
            return [plain(element) for element in tree]
    return tree
