"""What may be chosen at installation: one table for defaults, ``values.yaml`` and its schema."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Final

from vertice_operator import __version__
from vertice_operator.runtime.settings import DEFAULT_BOT_IMAGE, DEFAULT_PROXY_IMAGE

NAMESPACE: Final = "vertice-system"
"""Where the operator is, unless Helm is told another namespace."""

Schema = dict[str, Any]
_OURS = "^app\\.kubernetes\\.io/(name|part-of)$"
_LABELS: Final[Schema] = {
    "type": "object",
    "propertyNames": {"not": {"pattern": _OURS}},
    "additionalProperties": {"type": "string"},
}
_SWITCH: Final[Schema] = {"type": "boolean"}
_IMAGE_PART: Final[Schema] = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._:/-]*$"}


@dataclass(frozen=True)
class Option:
    """One choice.

    Attributes
    ----------
    path
        Below ``.Values``.
    default
        What install.yaml has.
    about
        One or two sentences for the person who chooses.
    schema
        JSON schema of the value.
    """

    path: str
    default: Any
    about: str
    schema: Schema


def _many(item: Schema) -> Schema:
    return {"type": "array", "items": item}


OPTIONS: Final[tuple[Option, ...]] = (
    Option(
        "namespaces",
        [],
        "Namespaces to serve. Empty: the whole cluster, by a ClusterRole. With names: a Role in "
        "each of them and no right anywhere else; the namespaces must exist.",
        _many({"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63})
        | {"uniqueItems": True},
    ),
    Option(
        "replicas",
        2,
        "One leads, the others wait for its Lease with a warm cache. Bots run on without any.",
        {"type": "integer", "minimum": 0, "maximum": 5},
    ),
    Option("image.repository", "vertice-operator", "Image of the operator.", _IMAGE_PART),
    Option(
        "image.tag",
        __version__,
        "Its tag; not used with a digest.",
        {"type": "string", "pattern": "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"},
    ),
    Option(
        "image.digest",
        "",
        "Its digest, such as sha256:..., in place of the tag.",
        {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
    ),
    Option(
        "image.pullPolicy",
        "IfNotPresent",
        "When nodes pull it.",
        {"enum": ["Always", "IfNotPresent", "Never"]},
    ),
    Option(
        "image.pullSecrets",
        [],
        "Secrets with the login of a registry, as a list of {name: ...}.",
        _many(
            {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string", "minLength": 1}},
                "additionalProperties": False,
            }
        ),
    ),
    Option(
        "bot.image",
        DEFAULT_BOT_IMAGE,
        "Image of bots whose resource names none.",
        {"type": "string", "minLength": 1},
    ),
    Option(
        "bot.proxyImage",
        DEFAULT_PROXY_IMAGE,
        "Image of the Cloud SQL Auth Proxy.",
        {"type": "string", "minLength": 1},
    ),
    Option(
        "bot.priorityClass",
        False,
        "Make a PriorityClass vertice-bot, to name in scheduling.priorityClassName of a bot.",
        _SWITCH,
    ),
    Option(
        "env",
        [],
        "More variables of the operator, as a list of {name: VERTICE_OPERATOR_..., value: ...}; "
        "`vertice-operator run --help` lists them.",
        _many(
            {
                "type": "object",
                "required": ["name", "value"],
                "properties": {
                    "name": {"type": "string", "pattern": "^[A-Z_][A-Z0-9_]*$"},
                    "value": {"type": "string"},
                },
                "additionalProperties": False,
            }
        ),
    ),
    Option(
        "resources",
        {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
        "What the operator's container asks for and may use. About a thousand bots fit.",
        {"type": "object"},
    ),
    Option(
        "podAnnotations",
        {},
        "Annotations of the operator's pods.",
        {
            "type": "object",
            "additionalProperties": {"type": "string"},
        },
    ),
    Option(
        "nodeSelector",
        {},
        "Labels of the nodes that may run it.",
        {
            "type": "object",
            "additionalProperties": {"type": "string"},
        },
    ),
    Option("tolerations", [], "Taints that it bears.", _many({"type": "object"})),
    Option("priorityClassName", "", "PriorityClass of its pods.", {"type": "string"}),
    Option(
        "networkPolicy.enabled",
        False,
        "Limit what the operator's pods may talk to. Needs a network that enforces policies.",
        _SWITCH,
    ),
    Option(
        "networkPolicy.apiServerPorts",
        [443, 6443],
        "Ports of the API server as pods reach it, after the Service's address is translated.",
        _many({"type": "integer", "minimum": 1, "maximum": 65535}) | {"minItems": 1},
    ),
    Option(
        "monitoring.enabled",
        False,
        "A ServiceMonitor for the operator's own metrics. Needs the Prometheus operator.",
        _SWITCH,
    ),
    Option(
        "monitoring.alerts",
        False,
        "A PrometheusRule with the alerts about the operator itself.",
        _SWITCH,
    ),
    Option(
        "monitoring.labels",
        {},
        "More labels of both, such as the one that your Prometheus selects by.",
        _LABELS,
    ),
    Option(
        "monitoring.interval",
        "30s",
        "How often Prometheus asks.",
        {"type": "string", "pattern": "^[1-9][0-9]*(s|m)$"},
    ),
    Option(
        "monitoring.runbookBaseURL",
        "https://vertice.dev/runbooks",
        "Where the runbooks are.",
        {"type": "string", "pattern": "^https?://"},
    ),
)

CHART_OPTIONS: Final[tuple[Option, ...]] = (
    Option(
        "crd.install",
        True,
        "Install and upgrade the CustomResourceDefinition. It stays when the release is "
        "uninstalled, since every bot would go with it.",
        _SWITCH,
    ),
)
"""What only the chart knows."""


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Turn ``{"a.b": 1}`` into ``{"a": {"b": 1}}``."""
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *folders, leaf = path.split(".")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[leaf] = deepcopy(value)
    return tree


def defaults(*, chart: bool = False) -> dict[str, Any]:
    """Return the values that hold when nobody chooses."""
    return nested({each.path: each.default for each in table(chart=chart)})


def table(*, chart: bool = False) -> tuple[Option, ...]:
    """Return all options, those of the chart alone included with ``chart``."""
    return (*OPTIONS, *CHART_OPTIONS) if chart else OPTIONS


class UnknownOptionError(ValueError):
    """A value is given for something that cannot be chosen."""


def choose(flat: Mapping[str, Any], namespace: str = NAMESPACE) -> dict[str, Any]:
    """Return the scope in which the trees are filled.

    Parameters
    ----------
    flat
        Path to value, for what differs from the defaults.
    namespace
        Of the operator.

    Raises
    ------
    UnknownOptionError
        When a path is in no table.
    """
    known = {each.path: each.default for each in OPTIONS}
    unknown = sorted(set(flat) - set(known))
    if unknown:
        raise UnknownOptionError(f"{', '.join(unknown)}: no such value; see values.yaml")
    chosen = {path: _merged(known[path], value) for path, value in flat.items()}
    return {"Values": nested(known | chosen), "Release": {"Namespace": namespace}}


def _merged(default: Any, value: Any) -> Any:
    """Put a map into the default map, key by key, as Helm does; anything else replaces."""
    if not isinstance(default, Mapping) or not isinstance(value, Mapping):
        return value
    return {**default, **{key: _merged(default.get(key), each) for key, each in value.items()}}


def values_schema() -> Schema:
    """Return the JSON schema of the chart's values: unknown names are refused."""
    root: Schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Values of the Vértice chart",
    } | _folder()
    # Helm adds `global` to the values of every chart.
    root["properties"]["global"] = {"type": "object"}
    for option in table(chart=True):
        *folders, leaf = option.path.split(".")
        place = root
        for folder in folders:
            place = place["properties"].setdefault(folder, _folder())
        place["properties"][leaf] = {"description": option.about} | option.schema
    return root


def _folder() -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": {}}
