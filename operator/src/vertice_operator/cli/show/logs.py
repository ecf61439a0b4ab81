"""Log lines: what they say, whether they are wanted, in which order, and how they look. Pure."""

import enum
import heapq
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text

from vertice_operator.cli.screen import BAD, DIM, WAIT, Document, text

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_ALIASES = {"WARN": "WARNING", "NOTICE": "INFO", "FATAL": "CRITICAL", "EXCEPTION": "ERROR"}
_SAID_ELSEWHERE = frozenset(
    {"time", "timestamp", "severity", "level", "message", "event", "bot", "replica", "logger"}
)


class Role(enum.StrEnum):
    """Whose log it is."""

    BOT = "bot"
    PROXY = "proxy"
    MIGRATION = "migration"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """One line. Lines are in order of time, then as they came."""

    time: str
    place: int
    pod: str = field(compare=False)
    container: str = field(compare=False)
    role: Role = field(compare=False)
    level: str = field(compare=False)
    message: str = field(compare=False)
    fields: Mapping[str, Any] = field(compare=False)
    raw: str = field(compare=False)

    def to_dict(self) -> Document:
        """Give the line for programs."""
        return {
            "time": self.time,
            "pod": self.pod,
            "container": self.container,
            "role": self.role.value,
            "level": self.level,
            "message": self.message,
            "fields": dict(self.fields),
        }


def parse(stamp: str, raw: str, *, pod: str, container: str, role: Role, place: int) -> Line:
    """Read a line; one that is no JSON object is its own message, at level INFO."""
    try:
        said = json.loads(raw)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return Line(stamp, place, pod, container, role, "INFO", raw, {}, raw)
    level = str(said.get("severity") or said.get("level") or "INFO").upper()
    return Line(
        time=stamp,
        place=place,
        pod=pod,
        container=container,
        role=role,
        level=_ALIASES.get(level, level),
        message=str(said.get("message") or said.get("event") or ""),
        fields={k: v for k, v in said.items() if k not in _SAID_ELSEWHERE},
        raw=raw,
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines are wanted.

    Parameters
    ----------
    bot
        ``namespace/name``; of the operator's lines only those that name it.
    level
        The least one.
    replicas
        Names of pods, or their ends; empty for all.
    shards
        Numbers; empty for all. A line that names no shard is then left out.
    whole_operator
        Want the operator's other lines too.
    """

    bot: str
    level: str = "DEBUG"
    replicas: tuple[str, ...] = ()
    shards: tuple[int, ...] = ()
    whole_operator: bool = False

    def wants(self, line: Line) -> bool:
        """Judge one line."""
        if _rank(line.level) < _rank(self.level):
            return False
        if line.role is Role.OPERATOR:
            narrowed = bool(self.replicas or self.shards)
            return not narrowed and (self.whole_operator or _names(line.raw, self.bot))
        if self.replicas and not any(line.pod.endswith(each) for each in self.replicas):
            return False
        return not self.shards or any(_of_shard(line.fields, each) for each in self.shards)


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else LEVELS.index("INFO")


def _names(raw: str, bot: str) -> bool:
    """Look for the bot's name as a whole word, so that my-bot is not found in my-bot-2."""
    return re.search(rf"(?<![-a-z0-9.]){re.escape(bot)}(?![-a-z0-9])", raw) is not None


def _of_shard(fields: Mapping[str, Any], shard: int) -> bool:
    one, many = fields.get("shard"), fields.get("shards")
    return str(one) == str(shard) or (isinstance(many, list) and shard in many)


class Interleaver:
    """Puts lines that come from many sources at different speed into the order of time.

    A line is held back for a moment, so that an older one that is still on its way can overtake
    it. The caller tells the time, in seconds of any clock that does not go back.
    """

    def __init__(self, patience: float = 0.5) -> None:
        self._patience = patience
        self._waiting: list[tuple[Line, float]] = []

    def add(self, line: Line, now: float) -> None:
        """Take a line that came now."""
        heapq.heappush(self._waiting, (line, now))

    def due(self, now: float) -> list[Line]:
        """Give the lines that waited long enough, oldest first."""
        found = []
        while self._waiting and self._waiting[0][1] <= now - self._patience:
            found.append(heapq.heappop(self._waiting)[0])
        return found

    def rest(self) -> list[Line]:
        """Give all that is left, oldest first."""
        found = [heapq.heappop(self._waiting)[0] for _ in range(len(self._waiting))]
        return found


_STYLES = {"DEBUG": DIM, "WARNING": WAIT, "ERROR": BAD, "CRITICAL": BAD}
_COLOURS = ("cyan", "magenta", "blue", "green")


def draw_line(line: Line) -> Text:
    """Draw one line for a person: time, who, level, message, and the other fields behind."""
    shown = Text()
    shown.append(text(f"{line.time[11:23]:<12} ", DIM))
    shown.append(text(f"{_who(line)} ", _colour(line.pod)))
    shown.append(text(f"{line.level:<8} ", _STYLES.get(line.level, "")))
    first, *others = line.message.splitlines() or [""]
    shown.append(text(first, _STYLES.get(line.level, "") if line.level != "DEBUG" else ""))
    details = {k: v for k, v in line.fields.items() if not _multiline(v)}
    if details:
        shown.append(text(f"  {' '.join(f'{k}={_value(v)}' for k, v in details.items())}", DIM))
    for below in (*others, *_below(line.fields)):
        shown.append("\n")
        shown.append(text(f"    {below}", DIM))
    return shown


def _who(line: Line) -> str:
    if line.role is Role.OPERATOR:
        return "operator"
    return line.pod if line.role is Role.BOT else f"{line.pod}/{line.container}"


def _colour(pod: str) -> str:
    return _COLOURS[sum(pod.encode()) % len(_COLOURS)]


def _value(value: object) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(shown, ensure_ascii=False) if " " in shown else shown


def _multiline(value: object) -> bool:
    return isinstance(value, str) and "\n" in value


def _below(fields: Mapping[str, Any]) -> Iterable[str]:
    """Give the lines of fields that have several, such as a traceback."""
    for value in fields.values():
        if _multiline(value):
            yield from str(value).rstrip("\n").split("\n")
