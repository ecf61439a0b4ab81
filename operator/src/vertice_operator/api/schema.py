"""The CustomResourceDefinition, made from the models.

pydantic gives JSON schema; Kubernetes wants a *structural* schema: no references, no titles, no
unions with null, defaults only where they say something, and a bound on everything that CEL may
walk over (the API server refuses rules whose worst case is too dear).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from vertice_operator.api import names
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.api.v1alpha1.spec import DiscordBotSpec
from vertice_operator.api.v1alpha1.status import DiscordBotStatus

Schema = dict[str, Any]

_KEPT = (
    "description",
    "type",
    "format",
    "enum",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "maxProperties",
    "pattern",
    "x-kubernetes-int-or-string",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
)

PRINTER_COLUMNS: tuple[dict[str, Any], ...] = (
    {
        "name": "Ready",
        "type": "string",
        "description": "Whether everything is as the spec says.",
        "jsonPath": '.status.conditions[?(@.type=="Ready")].status',
    },
    {
        "name": "Reason",
        "type": "string",
        "description": "Why it is ready, or what keeps it from being so.",
        "jsonPath": '.status.conditions[?(@.type=="Ready")].reason',
    },
    {
        "name": "Owned",
        "type": "integer",
        "description": "Shards that a replica owns.",
        "jsonPath": ".status.shards.owned",
    },
    {
        "name": "Shards",
        "type": "integer",
        "description": "Shards in all.",
        "jsonPath": ".status.shards.configured",
    },
    {
        "name": "Replicas",
        "type": "integer",
        "description": "Pods that are ready.",
        "jsonPath": ".status.readyReplicas",
    },
    {
        "name": "Image",
        "type": "string",
        "description": "Image in the Deployment.",
        "jsonPath": ".status.image.desired",
        "priority": 1,
    },
    {
        "name": "DB",
        "type": "string",
        "description": "State of the database schema.",
        "jsonPath": '.status.conditions[?(@.type=="DatabaseMigrated")].reason',
        "priority": 1,
    },
    {
        "name": "Age",
        "type": "date",
        "description": "Time since the resource was made.",
        "jsonPath": ".metadata.creationTimestamp",
    },
)


def custom_resource_definition() -> Schema:
    """Give the whole CustomResourceDefinition as a document."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": names.CRD_NAME,
            "labels": {
                names.LABEL_NAME: "vertice-operator",
                names.LABEL_PART_OF: names.PART_OF,
            },
        },
        "spec": {
            "group": names.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": names.PLURAL,
                "singular": names.SINGULAR,
                "shortNames": list(names.SHORT_NAMES),
                "categories": list(names.CATEGORIES),
            },
            "versions": [_version()],
        },
    }


def _version() -> Schema:
    return {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [dict(column) for column in PRINTER_COLUMNS],
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "schema": {"openAPIV3Schema": resource_schema()},
    }


def resource_schema() -> Schema:
    """Give the structural schema of the whole resource."""
    spec = structural(DiscordBotSpec)
    spec["description"] = "What the bot should be."
    status = _without_defaults(structural(DiscordBotStatus))
    status["description"] = "What the operator observed."
    return {
        "description": _one_line(DiscordBot.__doc__ or ""),
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
        "x-kubernetes-validations": [rule.schema() for rule in DiscordBot.RULES],
    }


def structural(model: type[BaseModel]) -> Schema:
    """Give the structural schema of a model."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(schema, schema.get("$defs", {}))


def _convert(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Schema:
    """Convert one node of JSON schema, and all below it."""
    node = _resolve(node, definitions)
    result: Schema = {key: node[key] for key in _KEPT if key in node}
    if "description" in result:
        result["description"] = _one_line(result["description"])
    if "const" in node:
        result["enum"] = [node["const"]]
    if node.get("x-kubernetes-int-or-string"):
        result["anyOf"] = node["anyOf"]
    if isinstance(node.get("additionalProperties"), Mapping):
        result["additionalProperties"] = _convert(node["additionalProperties"], definitions)
    if "items" in node:
        result["items"] = _convert(node["items"], definitions)
    if node.get("required"):
        result["required"] = list(node["required"])
    if "properties" in node:
        result["properties"] = {
            name: _convert(each, definitions) for name, each in node["properties"].items()
        }
    default = _default(node, result)
    if default is not None:
        result["default"] = default
    if "x-kubernetes-validations" in node:
        result["x-kubernetes-validations"] = node["x-kubernetes-validations"]
    return result


def _resolve(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    """Put a reference's target, or the one branch beside null, in its place.

    What is said beside the reference (description, default, bounds) wins over the target.
    """
    if "$ref" in node:
        target = definitions[node["$ref"].removeprefix("#/$defs/")]
        return _resolve({**target, **_beside(node, "$ref")}, definitions)
    branches = [each for each in node.get("anyOf", ()) if each != {"type": "null"}]
    if len(branches) == 1:
        return _resolve({**branches[0], **_beside(node, "anyOf")}, definitions)
    return node


def _beside(node: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in node.items() if name != key}


def _default(node: Mapping[str, Any], converted: Schema) -> Any:
    """Give the default to publish; None for none.

    Empty lists and maps mean the same as absent ones. A group of fields has the default ``{}``:
    the server then fills in the defaults of its fields, so that none is written twice. A group
    with rules has all of it written out, because the server judges a default by the rules as it
    stands in the CustomResourceDefinition, before it fills anything in.
    """
    default = _filled(node.get("default"))
    if not _all_optional(converted):
        return default or None if isinstance(default, (dict, list, str)) else default
    if "default" not in node or node["default"] is None:
        return None
    return default if "x-kubernetes-validations" in node else {}


def _filled(value: Any) -> Any:
    """Take absent and empty parts out of a default."""
    if not isinstance(value, dict):
        return value
    parts = {key: _filled(part) for key, part in value.items()}
    return {key: part for key, part in parts.items() if part is not None and part not in ([], {})}


def _all_optional(converted: Schema) -> bool:
    return "properties" in converted and not converted.get("required")


def _without_defaults(schema: Schema) -> Schema:
    """Take out defaults: the server must not invent a status."""

    def strip(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: strip(value)
                for key, value in node.items()
                if key != "default" or not isinstance(node.get("type"), str)
            }
        return [strip(each) for each in node] if isinstance(node, list) else node

    stripped: Schema = strip(schema)
    return stripped


def _one_line(text: str) -> str:
    return " ".join(text.split())
