"""Defaults: one set, the same in the models and in the definition, and fixed for this version."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.api.v1alpha1.base import ApiModel

FOLDER = Path(__file__).parent
BASES: dict[str, dict[str, Any]] = {
    name: document
    for name, document in yaml.safe_load((FOLDER / "samples/bases.yaml").read_text()).items()
    if name != "observed"
}
MINIMAL: dict[str, Any] = {
    "apiVersion": "vertice.dev/v1alpha1",
    "kind": "DiscordBot",
    "metadata": {"name": "minimal", "namespace": "samples"},
    "spec": {
        "discord": {"tokenSecretRef": {"name": "discord"}},
        "database": {
            "direct": {"host": "postgres.example"},
            "credentialsSecretRef": {"name": "database"},
        },
    },
}


def reduced(document: dict[str, Any], *, keep: set[str]) -> dict[str, Any]:
    """Give the resource with only some parts of its spec, so that defaults fill the rest."""
    spec = {name: part for name, part in document["spec"].items() if name in keep}
    return {**document, "spec": spec}


def variants() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the bases, the minimal resource, and the minimal one with each group left empty."""
    yield "minimal", MINIMAL
    yield from BASES.items()
    for group in BASES["cloud"]["spec"]:
        if group not in {"discord", "database", "replicas", "suspend", "restartAt"}:
            document = copy.deepcopy(MINIMAL)
            document["spec"][group] = {}
            if group in {"cache", "tracing"}:
                continue
            yield f"{group} empty", document
    cloud = copy.deepcopy(MINIMAL)
    cloud["spec"]["database"]["cloudSQL"] = {"instance": "p:r:i"}
    del cloud["spec"]["database"]["direct"]
    yield "cloudSQL bare", cloud
    partial = copy.deepcopy(MINIMAL)
    partial["spec"] |= {
        "resources": {"requests": {"cpu": "1m"}},
        "autoscaling": {"behavior": {"scaleUp": {"selectPolicy": "Min"}}},
        "probes": {"liveness": {"periodSeconds": 7}},
        "monitoring": {"rules": {"enabled": False}, "dashboards": {"folder": "x"}},
        "cache": {"host": "redis", "caSecretRef": None},
    }
    yield "parts of groups", partial


@pytest.mark.apiserver
@pytest.mark.parametrize("document", [pytest.param(d, id=n) for n, d in variants()])
def test_server_fills_in_what_the_models_do(
    document: dict[str, Any], create: Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]
) -> None:
    code, stored = create(document)
    assert code == 201, stored["message"]
    assert DiscordBot.from_object(stored).spec == DiscordBot.from_object(document).spec
    assert stored["spec"] == written(DiscordBot.from_object(stored).spec.to_dict(), stored["spec"])


def written(value: Any, stored: Any) -> Any:
    """Take out what means the same as absent and was not sent: empty lists and maps.

    Numbers that a quantity was given as stay numbers on the server and are text in the models.
    """
    if isinstance(value, dict) and isinstance(stored, dict):
        return {
            key: written(part, stored.get(key))
            for key, part in value.items()
            if key in stored or part not in ([], {})
        }
    if isinstance(value, list) and isinstance(stored, list):
        return [written(part, other) for part, other in zip(value, stored, strict=True)]
    return stored if isinstance(stored, int) and str(stored) == value else value


def test_defaults_of_this_version_never_change(golden: Callable[[Path, str], None]) -> None:
    """A changed default restarts every bot at an upgrade: it needs a new API version instead."""
    document = copy.deepcopy(MINIMAL)
    document["spec"]["database"]["cloudSQL"] = {"instance": "p:r:i"}
    document["spec"] |= {"cache": {"host": "redis"}, "tracing": {"endpoint": "http://otel:4317"}}
    spec = DiscordBot.from_object(document).spec.to_dict()
    text = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True)
    golden(FOLDER / "golden" / "defaults.yaml", text)


@pytest.mark.parametrize("document", [pytest.param(d, id=n) for n, d in variants()])
def test_defaulted_and_plain_resources_read_alike(document: dict[str, Any]) -> None:
    bot = DiscordBot.from_object(document)
    again = DiscordBot.from_object({**document, "spec": bot.spec.to_dict()})
    assert again.spec == bot.spec


@given(st.sets(st.sampled_from(sorted(BASES["cloud"]["spec"]))))
def test_any_selection_of_groups_survives_a_round_trip(groups: set[str]) -> None:
    document = reduced(BASES["cloud"], keep=groups | {"discord", "database"})
    bot = DiscordBot.from_object(document)
    assert DiscordBot.from_object(bot.to_dict()) == bot
    assert DiscordBot.model_validate_json(bot.model_dump_json(by_alias=True)) == bot


def test_null_means_absent() -> None:
    document = copy.deepcopy(MINIMAL)
    document["spec"] |= {"replicas": None, "cache": None, "drain": {"drainSeconds": None}}
    assert DiscordBot.from_object(document).spec == DiscordBot.from_object(MINIMAL).spec


def test_models_cannot_be_changed() -> None:
    bot = DiscordBot.from_object(MINIMAL)
    with pytest.raises(ValueError, match="frozen"):
        bot.spec.replicas = 3  # type: ignore[misc]


def test_every_field_says_what_it_means() -> None:
    def below(model: type[ApiModel]) -> Iterator[type[ApiModel]]:
        for sub in model.__subclasses__():
            yield sub
            yield from below(sub)

    silent = [
        f"{model.__name__}.{name}"
        for model in below(ApiModel)
        if model.__module__.startswith("vertice_operator.")
        for name, field in model.model_fields.items()
        if not field.description
    ]
    assert silent == []
