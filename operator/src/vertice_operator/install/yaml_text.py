"""Writes trees as YAML: plain where nothing is open, and as a Helm template where holes are.

Lines of control begin with ``{{-``, which takes the line break before it away, so that they leave
no blank line behind. Everything else is a value in its place.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from vertice_operator.install.holes import (
    Alternative,
    Condition,
    Each,
    Hole,
    Item,
    Joined,
    Note,
    Splice,
    Text,
    Tree,
    When,
)

_WIDTH = 100
_OPEN = "{{"


def document(tree: Tree, *, template: bool = False) -> str:
    """Write one object; ``template`` escapes what Helm would take for its own."""
    return "".join(f"{line}\n" for line in Writer(template).block(tree, 0))


def documents(trees: Iterable[Tree], *, template: bool = False) -> str:
    """Write several objects, each after ``---``; conditions may stand around whole objects."""
    return "".join(f"{line}\n" for line in Writer(template).stream(trees))


@dataclass(frozen=True)
class Writer:
    """Writes nodes as lines, indented by ``pad`` blanks."""

    template: bool

    def stream(self, trees: Iterable[Tree]) -> Iterator[str]:
        """Write objects one after the other."""
        for tree in trees:
            match tree:
                case When(condition=condition, then=then):
                    yield from _around(_if(condition), self.stream([then]))
                case Each(path=path, body=body):
                    yield from _around(_range(path), self.stream(body))
                case Note(text=text, node=node):
                    yield "---"
                    yield from _comment(text, 0)
                    yield from self.block(node, 0)
                case _:
                    yield "---"
                    yield from self.block(tree, 0)

    def block(self, tree: Tree, pad: int) -> Iterator[str]:
        """Write a map or a list."""
        if isinstance(tree, dict):
            for key, value in tree.items():
                yield from self._entry(key, value, pad)
        elif isinstance(tree, list):
            for element in tree:
                yield from self._element(element, pad)
        else:
            raise TypeError(f"neither a map nor a list: {tree!r}")

    def _entry(self, key: Any, value: Tree, pad: int) -> Iterator[str]:
        if isinstance(key, Splice):
            yield from _splice(key, pad)
            return
        match value:
            case Note(text=text, node=node):
                yield from _comment(text, pad)
                yield from self._entry(key, node, pad)
            case When(condition=condition, then=then):
                yield from _around(_if(condition), self._entry(key, then, pad))
            case Hole(path=path, tree=True):
                yield f"{' ' * pad}{key}: {_OPEN}- toYaml $.{path} | nindent {pad + 2} }}}}"
            case dict() | list() if value and not _flows(value, pad + len(str(key)) + 2):
                yield f"{' ' * pad}{self._scalar(key)}:"
                yield from self.block(value, pad + 2)
            case str() if "\n" in value:
                yield f"{' ' * pad}{key}: |-"
                for line in value.split("\n"):
                    yield f"{' ' * (pad + 2)}{self._escaped(line)}" if line else ""
            case _:
                yield f"{' ' * pad}{self._scalar(key)}: {self._inline(value)}"

    def _element(self, element: Tree, pad: int) -> Iterator[str]:
        match element:
            case Splice():
                yield from _splice(element, pad)
            case Each(path=path, body=body):
                yield from _around(_range(path), self.block(list(body), pad))
            case When(condition=condition, then=then):
                yield from _around(_if(condition), self._element(then, pad))
            case Note(text=text, node=node):
                yield from _comment(text, pad)
                yield from self._element(node, pad)
            case dict() | list() if element and not _flows(element, pad + 2):
                first, *rest = self.block(element, pad + 2)
                yield f"{' ' * pad}- {first.lstrip()}"
                yield from rest
            case _:
                yield f"{' ' * pad}- {self._inline(element)}"

    def _inline(self, value: Tree) -> str:
        match value:
            case Hole(path=path):
                return f"{_OPEN} toJson $.{path} }}}}"
            case Item():
                return f"{_OPEN} toJson . }}}}"
            case Joined(path=path):
                return f'{_OPEN} join "," $.{path} | toJson }}}}'
            case Text():
                return f'"{self._pieces(value)}"'
            case list():
                return f"[{', '.join(self._scalar(each) for each in value)}]"
            case dict():
                return "{}"
        return self._scalar(value)

    def _pieces(self, text: Text) -> str:
        return "".join(self._piece(part) for part in text.parts)

    def _piece(self, part: str | Hole | Alternative) -> str:
        match part:
            case Hole(path=path):
                return f"{_OPEN} $.{path} }}}}"
            case Alternative(condition=condition, then=then, otherwise=otherwise):
                return (
                    f"{_OPEN} {_if(condition)} }}}}{self._pieces(then)}"
                    f"{_OPEN} else }}}}{self._pieces(otherwise)}{_OPEN} end }}}}"
                )
        return self._escaped(json.dumps(part, ensure_ascii=False)[1:-1])

    def _scalar(self, value: Any) -> str:
        text = yaml.safe_dump(value, width=10_000, allow_unicode=True)
        return self._escaped(text.removesuffix("...\n").rstrip("\n"))

    def _escaped(self, text: str) -> str:
        return text.replace(_OPEN, '{{ "{{" }}') if self.template else text


def _flows(value: dict[str, Tree] | list[Tree], at: int) -> bool:
    """Whether it is a short list of scalars, which is read best on one line."""
    if not isinstance(value, list) or not all(isinstance(each, str | int) for each in value):
        return False
    return at + sum(len(str(each)) + 2 for each in value) + 2 <= _WIDTH


def _splice(splice: Splice, pad: int) -> Iterator[str]:
    inner = iter([f"{_OPEN}- toYaml . | nindent {pad} }}}}"])
    yield from _around(f"with $.{splice.path}", inner)


def _around(control: str, inner: Iterator[str]) -> Iterator[str]:
    yield f"{_OPEN}- {control} }}}}"
    yield from inner
    yield f"{_OPEN}- end }}}}"


def _if(condition: Condition) -> str:
    return f"if {'not ' if condition.negated else ''}$.{condition.path}"


def _range(path: str) -> str:
    return f"range $.{path}"


def _comment(text: str, pad: int) -> Iterator[str]:
    for line in textwrap.wrap(text, _WIDTH - pad - 2):
        yield f"{' ' * pad}# {line}"
