"""The API reference page, made from the same schema as the CustomResourceDefinition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from vertice_operator.api import names
from vertice_operator.api.condition_docs import CONDITIONS, REASONS
from vertice_operator.api.schema import PRINTER_COLUMNS, Schema, resource_schema

_INTRODUCTION = f"""\
# DiscordBot, `{names.API_VERSION}`

Made from the models in `operator/src/vertice_operator/api`; do not edit. `make generate` writes it.

Kind `{names.KIND}`, plural `{names.PLURAL}`, short name `{", ".join(names.SHORT_NAMES)}`, category
`{", ".join(names.CATEGORIES)}`, namespaced, with the subresources status and scale.
`kubectl explain discordbot.spec` shows the same text.

- A field that is left out has its default. A group whose fields all have defaults may be left out.
- An unknown field is an error for kubectl; a client that switches strict validation off has it
  dropped.
- Rules that look at several fields are listed under the object that they belong to.
- The definition needs Kubernetes 1.28 or newer (quantities in its rules).
- Defaults never change within this version of the API, so an upgrade restarts no bot.
- Annotation `{names.ANNOTATION_PAUSED}: "true"`: the operator changes nothing for this bot until
  the annotation is gone; the bot runs on.
"""


def reference_page() -> str:
    """Give the page in Markdown."""
    schema = resource_schema()
    parts = [
        _INTRODUCTION,
        "## The resource\n\n" + _rules(schema),
        *_objects("spec", schema["properties"]["spec"], with_default=True),
        *_objects("status", schema["properties"]["status"], with_default=False),
        _conditions(),
        _columns(),
    ]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def _objects(path: str, schema: Schema, *, with_default: bool) -> Iterator[str]:
    """Give one section for an object and for each object below it, in the order of the fields."""
    yield _section(path, schema, with_default=with_default)
    for name, field in schema["properties"].items():
        below = field.get("items", field)
        if "properties" in below:
            step = f"{path}.{name}" + ("[]" if below is not field else "")
            yield from _objects(step, below, with_default=with_default)


def _section(path: str, schema: Schema, *, with_default: bool) -> str:
    required = schema.get("required", [])
    head = ["Field", "Type", *(["Default"] if with_default else []), "Constraints", "Meaning"]
    lines = [
        f"## `{path}`",
        "",
        schema.get("description", ""),
        "",
        "| " + " | ".join(head) + " |",
        "|" + " --- |" * len(head),
    ]
    for name, field in schema["properties"].items():
        default = [_default(field, required=name in required)] if with_default else []
        cells = [f"`{name}`", _type(field), *default, _constraints(field), field["description"]]
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n\n" + _rules(schema)


def _rules(schema: Schema) -> str:
    rules = schema.get("x-kubernetes-validations", [])
    if not rules:
        return ""
    return "Rules:\n\n" + "\n".join(f"- {rule['message']}." for rule in rules) + "\n"


def _type(field: Schema) -> str:
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if field["type"] == "array":
        return f"list of {_type(field['items'])}"
    if "additionalProperties" in field:
        return f"map of {_type(field['additionalProperties'])}"
    if field.get("x-kubernetes-preserve-unknown-fields"):
        return "object, free form"
    return str(field["type"])


def _default(field: Schema, *, required: bool) -> str:
    if required:
        return "**required**"
    if "default" not in field:
        return ""
    if "properties" in field:
        return "see below"
    text = yaml.safe_dump(field["default"], default_flow_style=True, allow_unicode=True, width=200)
    return f"`{text.splitlines()[0]}`"


def _constraints(field: Schema) -> str:
    inner: Schema = field.get("items") or field.get("additionalProperties") or {}
    words = [*_bounds(field), *(f"each: {bound}" for bound in _bounds(inner))]
    return "; ".join(words)


def _bounds(field: Schema) -> list[str]:
    words = []
    if "enum" in field:
        words.append("one of " + ", ".join(f"`{value}`" for value in field["enum"]))
    for least, most, unit in (
        ("minimum", "maximum", ""),
        ("minLength", "maxLength", " characters"),
        ("minItems", "maxItems", " entries"),
        ("minProperties", "maxProperties", " keys"),
    ):
        words.extend(_range(field.get(least), field.get(most), unit))
    if "pattern" in field:
        words.append(f"`{field['pattern']}`")
    if "format" in field:
        words.append(f"format {field['format']}")
    if field.get("x-kubernetes-list-type") == "set":
        words.append("no entry twice")
    if field.get("x-kubernetes-list-type") == "map":
        words.append("one entry per " + " and ".join(field["x-kubernetes-list-map-keys"]))
    return words


def _range(least: Any, most: Any, unit: str) -> list[str]:
    if least is not None and most is not None:
        return [f"{least} to {most}{unit}"]
    if least is not None:
        return [f"at least {least}{unit}"]
    return [f"at most {most}{unit}"] if most is not None else []


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _conditions() -> str:
    lines = ["## Conditions", "", "Programs compare type, status and reason; people read message."]
    for kind, meaning in CONDITIONS.items():
        lines += ["", f"### `{kind}`", "", meaning, "", "| Reason | Status | Meaning |"]
        lines.append("| --- | --- | --- |")
        for reason, (status, text) in REASONS[kind].items():
            lines.append(f"| `{reason}` | {status} | {_cell(text)} |")
    return "\n".join(lines) + "\n"


def _columns() -> str:
    lines = [
        "## Columns of `kubectl get discordbots`",
        "",
        "| Column | Shown | Path | Meaning |",
        "| --- | --- | --- | --- |",
    ]
    for column in PRINTER_COLUMNS:
        shown = "with -o wide" if column.get("priority") else "always"
        path = _cell(column["jsonPath"])
        lines.append(f"| {column['name'].upper()} | {shown} | `{path}` | {column['description']} |")
    return "\n".join(lines) + "\n"
