"""Golden files: what the operator makes of each combination of features, object by object."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render import RenderFacts, desired_objects

GOLDEN = Path(__file__).parent / "golden"


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def shortened(body: dict[str, Any]) -> dict[str, Any]:
    """Names instead of rules and panels, which have tests of their own."""
    body = json.loads(json.dumps(body))
    for key, text in body.get("data", {}).items():
        if key.endswith(".json"):
            body["data"][key] = f"<{len(json.loads(body['data'][key])['panels'])} panels>"
        elif key != "config.yaml" and text == body["data"].get("config.yaml"):
            body["data"][key] = "<as config.yaml>"
    if body["kind"] == "ControllerRevision":
        body["data"] = dict.fromkeys(body["data"], "<...>")  # as in the Deployment and ConfigMap
    for group in body["spec"]["groups"] if body["kind"] == "PrometheusRule" else ():
        group["rules"] = [rule.get("alert") or rule["record"] for rule in group["rules"]]
    return body


def dump(body: dict[str, Any]) -> str:
    return yaml.dump(body, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)


def as_text(bot: DiscordBot, facts: RenderFacts) -> str:
    parts = []
    for child in desired_objects(bot, facts):
        if child.body is None:
            parts.append(f"# {child.kind.kind} {child.name} must not exist\n")
        else:
            parts.append(dump(shortened(child.body)))
    return "---\n".join(parts)


def test_objects(
    case: tuple[str, DiscordBot, RenderFacts], golden: Callable[[Path, str], None]
) -> None:
    name, bot, facts = case
    golden(GOLDEN / f"{name}.yaml", as_text(bot, facts))
