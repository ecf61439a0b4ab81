"""Everything that is wrong with a parsed resource, whether or not an API server has looked at it.

First the rules that the CRD says in CEL (see ``api.rule``), then what CEL cannot say: the shape
of parts that are passed through to other APIs, names inside free-form maps, and sizes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from vertice_operator.api.problem import Problem, SpecError
from vertice_operator.api.v1alpha1.base import ApiModel
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.api.v1alpha1.discord import Intent

__all__ = ["Problem", "SpecError", "privileged_intents", "problems"]

MAX_POLICY_BYTES = 900_000
"""A ConfigMap holds 1 MiB in all; the rest is for ``config.yaml`` and metadata."""

_KEY = re.compile(
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)
_EGRESS_FIELDS = frozenset({"to", "ports"})
_TOLERATION_FIELDS = frozenset({"key", "operator", "value", "effect", "tolerationSeconds"})
_AFFINITY_FIELDS = frozenset({"nodeAffinity", "podAffinity", "podAntiAffinity"})
_SPREAD_REQUIRED = ("maxSkew", "topologyKey", "whenUnsatisfiable")


def problems(bot: DiscordBot) -> tuple[Problem, ...]:
    """Give every cross-field problem of a resource, sorted by path; empty means that it is good."""
    found = [
        *_broken_rules(bot, ""),
        *_bad_keys(bot),
        *_bad_passthrough(bot),
        *_oversized_policy(bot),
    ]
    return tuple(sorted(found))


def privileged_intents(bot: DiscordBot) -> tuple[Intent, ...]:
    """Give the intents asked for that must be switched on in Discord's developer portal."""
    return tuple(intent for intent in bot.spec.discord.intents if intent.privileged)


def _broken_rules(model: BaseModel, path: str) -> Iterator[Problem]:
    if isinstance(model, ApiModel):
        for rule in model.RULES:
            if rule.holds is not None and not rule.holds(model):
                yield Problem(f"{path}{rule.field}".lstrip(".") or "metadata.name", rule.message)
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        step = f"{path}.{field.alias or name}"
        if isinstance(value, BaseModel):
            yield from _broken_rules(value, step)
        elif isinstance(value, tuple):
            yield from _doubled(value, field.json_schema_extra, step.lstrip("."))
            for place, entry in enumerate(value):
                if isinstance(entry, BaseModel):
                    yield from _broken_rules(entry, f"{step}[{place}]")


def _doubled(entries: tuple[Any, ...], extra: object, path: str) -> Iterator[Problem]:
    """Give the entries of a set, or of a list with keys, that were there before."""
    if not isinstance(extra, Mapping) or extra.get("x-kubernetes-list-type") == "atomic":
        return
    keys = tuple(extra.get("x-kubernetes-list-map-keys", ()))
    seen = set()
    for place, entry in enumerate(entries):
        mark = tuple(entry.model_dump(by_alias=True)[key] for key in keys) if keys else entry
        if mark in seen:
            yield Problem(f"{path}[{place}]", "is there twice")
        seen.add(mark)


def _bad_keys(bot: DiscordBot) -> Iterator[Problem]:
    spec = bot.spec
    maps: dict[str, Mapping[str, object]] = {
        "spec.scheduling.podLabels": spec.scheduling.pod_labels,
        "spec.scheduling.podAnnotations": spec.scheduling.pod_annotations,
        "spec.scheduling.nodeSelector": spec.scheduling.node_selector,
        "spec.identity.annotations": spec.identity.annotations,
        "spec.monitoring.labels": spec.monitoring.labels,
        "spec.monitoring.dashboards.labels": spec.monitoring.dashboards.labels,
    }
    for path, entries in maps.items():
        for key in entries:
            if len(key) > 317 or not _KEY.fullmatch(key):
                yield Problem(
                    f"{path}[{key!r}]",
                    "is not a label or annotation key: an optional DNS name and a slash, then at "
                    "most 63 letters, digits, '-', '_' and '.'",
                )


def _bad_passthrough(bot: DiscordBot) -> Iterator[Problem]:
    scheduling = bot.spec.scheduling
    for place, rule in enumerate(bot.spec.network_policy.extra_egress):
        yield from _only(rule, _EGRESS_FIELDS, f"spec.networkPolicy.extraEgress[{place}]")
    for place, toleration in enumerate(scheduling.tolerations):
        yield from _only(toleration, _TOLERATION_FIELDS, f"spec.scheduling.tolerations[{place}]")
    if scheduling.affinity is not None:
        yield from _only(scheduling.affinity, _AFFINITY_FIELDS, "spec.scheduling.affinity")
    for place, spread in enumerate(scheduling.topology_spread_constraints or ()):
        for name in _SPREAD_REQUIRED:
            if name not in spread:
                path = f"spec.scheduling.topologySpreadConstraints[{place}].{name}"
                yield Problem(path, "is required")


def _only(entry: Mapping[str, Any], allowed: frozenset[str], path: str) -> Iterator[Problem]:
    for name in entry:
        if name not in allowed:
            yield Problem(f"{path}.{name}", f"is unknown; known are {', '.join(sorted(allowed))}")


def _oversized_policy(bot: DiscordBot) -> Iterator[Problem]:
    size = len(json.dumps(bot.spec.policy.to_dict()).encode())
    if size > MAX_POLICY_BYTES:
        yield Problem(
            "spec.policy",
            f"has {size} bytes and must have at most {MAX_POLICY_BYTES} to fit a ConfigMap; keep "
            "the configuration of some guilds in the database (/config)",
        )
