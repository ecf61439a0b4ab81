"""``vertice check``: what is wrong with a resource, and what deserves a second look."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

from vertice_operator.api.problem import Problem, SpecError
from vertice_operator.api.schema import resource_schema
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.api.v1alpha1.database import DatabaseTlsMode
from vertice_operator.api.validation import privileged_intents, problems
from vertice_operator.cli.explain import near
from vertice_operator.cli.screen import BAD, GOOD, WAIT, Document, document, text
from vertice_operator.render import ASKED_BY, RenderFacts, missing_kinds, unsupported


class Level(enum.StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    UNKNOWN = "unknown"


_STYLES = {Level.ERROR: BAD, Level.WARNING: WAIT, Level.UNKNOWN: WAIT}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at: where it is and what to do."""

    level: Level
    path: str
    message: str

    def to_dict(self) -> Document:
        """Give the finding for programs."""
        return {"level": self.level.value, "path": self.path, "message": self.message}


def judge_document(item: Mapping[str, Any], facts: RenderFacts) -> list[Finding]:
    """Judge a resource by itself: schema, unknown fields, cross-field rules, what is supported."""
    found = [*unknown_fields(item, resource_schema())]
    try:
        bot = DiscordBot.from_object(item)
    except SpecError as error:
        return sorted_findings([*found, *_errors(error.problems)])
    found += _errors((*problems(bot), *unsupported(bot, facts)))
    return sorted_findings([*found, *_second_looks(bot)])


def sorted_findings(found: Iterable[Finding]) -> list[Finding]:
    """Put errors first, then by path."""
    order = list(Level)
    return sorted(found, key=lambda each: (order.index(each.level), each.path, each.message))


def _errors(found: Iterable[Problem]) -> list[Finding]:
    return [Finding(Level.ERROR, each.path, each.message) for each in found]


def unknown_fields(value: Any, schema: Mapping[str, Any], path: str = "") -> Iterator[Finding]:
    """Give the fields that the schema does not have, with the name that may be meant.

    The API server refuses them (kubectl) or drops them without a word (other clients).
    """
    if isinstance(value, Mapping):
        known = schema.get("properties")
        anything = schema.get("x-kubernetes-preserve-unknown-fields") or (
            path in ("metadata", "status")
        )
        if anything or (known is None and "additionalProperties" not in schema):
            return
        for name, inner in value.items():
            where = f"{path}.{name}" if path else str(name)
            if known is None:
                yield from unknown_fields(inner, schema["additionalProperties"], where)
            elif name in known:
                yield from unknown_fields(inner, known[name], where)
            else:
                yield Finding(Level.ERROR, where, _unknown(str(name), list(known)))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for place, inner in enumerate(value):
            yield from unknown_fields(inner, schema.get("items", {}), f"{path}[{place}]")


def _unknown(name: str, known: Sequence[str]) -> str:
    close = near(name, known)
    hint = (
        f"did you mean {' or '.join(close)}?" if close else f"known are {', '.join(sorted(known))}"
    )
    return f"is unknown; {hint}"


def _second_looks(bot: DiscordBot) -> Iterator[Finding]:
    """Give what is allowed and often not meant."""
    spec = bot.spec
    if privileged := privileged_intents(bot):
        listed = ", ".join(intent.value for intent in privileged)
        advice = "must be switched on in Discord's developer portal, page Bot"
        yield Finding(Level.WARNING, "spec.discord.intents", f"{listed} {advice}")
    if spec.image.tag == "latest" and spec.image.digest is None:
        advice = "names another image every day, and a rollback goes nowhere; give a version"
        yield Finding(Level.WARNING, "spec.image.tag", f"latest {advice}")
    direct = spec.database.direct
    if direct is not None and direct.tls.mode is DatabaseTlsMode.DISABLE:
        advice = "the password and all data go to the database in the clear"
        yield Finding(Level.WARNING, "spec.database.direct.tls.mode", advice)
    if not spec.network_policy.enabled:
        yield Finding(Level.WARNING, "spec.networkPolicy.enabled", "the pods may talk to anybody")


def judge_kinds(bot: DiscordBot, facts: RenderFacts, *, metrics: bool) -> Iterator[Finding]:
    """Say which parts of the cluster the bot would miss.

    Parameters
    ----------
    metrics
        Whether the cluster serves the metrics API.
    """
    for kind in missing_kinds(bot, facts):
        message = f"this cluster has no {kind.kind} ({kind.group}); the bot runs without it"
        yield Finding(Level.WARNING, ASKED_BY[kind], message)
    if bot.spec.autoscaling.enabled and not metrics:
        message = "nothing serves metrics.k8s.io here: install metrics-server, or nothing scales"
        yield Finding(Level.WARNING, "spec.autoscaling.enabled", message)


def check_document(items: Iterable[tuple[str, str, Sequence[Finding]]]) -> Document:
    """Give the document: namespace, name and findings of each resource."""
    return document(
        "CheckResult",
        items=[
            {
                "namespace": namespace,
                "name": name,
                "valid": not any(each.level is Level.ERROR for each in found),
                "findings": [each.to_dict() for each in found],
            }
            for namespace, name, found in items
        ],
    )


def passed(answer: Document, *, strict: bool) -> bool:
    """Tell whether all resources are good; with ``strict`` nothing at all may be found."""
    return all(each["valid"] and not (strict and each["findings"]) for each in answer["items"])


def draw_check(answer: Document) -> Iterable[RenderableType]:
    """Draw the findings of each resource."""
    for each in answer["items"]:
        name = f"{each['namespace']}/{each['name']}" if each["namespace"] else each["name"]
        if not each["findings"]:
            yield text(f"{name}: good", GOOD)
        for found in each["findings"]:
            line = text(f"{name}: ")
            line.append(text(f"{found['level']}: ", _STYLES[Level(found["level"])]))
            line.append(text(f"{found['path']}: {found['message']}"))
            yield line
