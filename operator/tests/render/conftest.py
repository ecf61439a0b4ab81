"""Specs of the render tests: one file per combination of features, with the facts that go along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.api.validation import problems
from vertice_operator.render import KINDS, RenderFacts, unsupported

SPECS = Path(__file__).parent / "specs"

BASE: dict[str, Any] = {
    "operator_version": "0.1.0",
    "bot_image": "registry.example.com/vertice-bot:0.1.0",
    "proxy_image": "registry.example.com/cloud-sql-proxy:2.27.0",
    "server_minor": 34,
    "secret_hash": "00112233445566aa",
    "available_kinds": frozenset(kind.kind for kind in KINDS if kind.optional),
}
FACTS: dict[str, dict[str, Any]] = {
    "cloud-sql-container": {"server_minor": 26},
    "autoscaled": {"hpa_owns_replicas": True, "live_replicas": 3},
    "keda": {"hpa_owns_replicas": True, "live_replicas": 3},
    "keda-suspended": {"hpa_owns_replicas": True, "live_replicas": 0},
    "everything": {"hpa_owns_replicas": True, "live_replicas": 4, "migrated": "feedfacefeedface"},
    "monitoring-off": {"secret_hash": None, "recommended_shards": 7},
    "original": {"live_replicas": 2},
}
NAMES = sorted(path.stem for path in SPECS.glob("*.yaml"))


def make_bot(spec: dict[str, Any], name: str = "my-bot", namespace: str = "demo") -> DiscordBot:
    return DiscordBot.from_object(
        {
            "apiVersion": "vertice.dev/v1alpha1",
            "kind": "DiscordBot",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": "0e7c2f6a-1d44-4b8e-9a55-3f1f0f6f4b11",
                "generation": 3,
            },
            "spec": spec,
        }
    )


def make_facts(name: str = "", **changes: Any) -> RenderFacts:
    return RenderFacts(**{**BASE, **FACTS.get(name, {}), **changes})


def load(name: str, namespace: str = "demo") -> tuple[DiscordBot, RenderFacts]:
    text = (SPECS / f"{name}.yaml").read_text(encoding="utf-8")
    bot, facts = make_bot(yaml.safe_load(text), namespace=namespace), make_facts(name)
    assert problems(bot) == ()
    assert unsupported(bot, facts) == ()
    return bot, facts


@pytest.fixture(params=NAMES)
def case(request: pytest.FixtureRequest) -> tuple[str, DiscordBot, RenderFacts]:
    """Every combination, one after the other."""
    bot, facts = load(request.param)
    return request.param, bot, facts


@pytest.fixture
def load_case() -> Callable[..., tuple[DiscordBot, RenderFacts]]:
    """Load one combination by name, if wanted in another namespace."""
    return load
