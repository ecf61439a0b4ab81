"""The definition as a document: structural, bounded, small, current, and fully described."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from vertice_operator.api.conditions import ConditionType, Reason
from vertice_operator.api.reference import reference_page
from vertice_operator.api.schema import custom_resource_definition, resource_schema
from vertice_operator.cli import generate

ROOT = Path(__file__).resolve().parents[3]


def nodes(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, node
    for name, field in node.get("properties", {}).items():
        yield from nodes(field, f"{path}.{name}".lstrip("."))
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from nodes(node["additionalProperties"], f"{path}{{}}")


NODES = dict(nodes(resource_schema()))
FIELDS = {path: node for path, node in NODES.items() if path.startswith(("spec", "status"))}


def test_files_in_the_repository_are_current() -> None:
    assert generate.stale(ROOT) == [], "run make generate"


def test_definition_fits_the_annotation_of_kubectl_apply() -> None:
    """Client-side apply stores the object in an annotation of at most 256 KiB."""
    assert len(generate.crd_text().encode()) < 100_000
    assert len(json.dumps(custom_resource_definition())) < 100_000


@pytest.mark.parametrize("path", FIELDS)
def test_each_field_has_a_type_and_a_meaning(path: str) -> None:
    node = FIELDS[path]
    assert "type" in node or node.get("x-kubernetes-int-or-string")
    assert not {"$ref", "title", "allOf", "oneOf"} & set(node)
    if not path.endswith(("[]", "{}")):
        assert node.get("description"), "no description"


@pytest.mark.parametrize("path", FIELDS)
def test_whatever_cel_may_walk_over_has_a_bound(path: str) -> None:
    node = FIELDS[path]
    free = node.get("x-kubernetes-preserve-unknown-fields")
    if node.get("type") == "string" and "enum" not in node:
        assert "maxLength" in node
    if node.get("type") == "array":
        assert "maxItems" in node
    if "additionalProperties" in node:
        assert "maxProperties" in node
    if node.get("type") == "object" and not free:
        assert "properties" in node or "additionalProperties" in node


@pytest.mark.parametrize("path", [path for path in FIELDS if "[]" not in path])
def test_the_server_invents_no_status(path: str) -> None:
    if path.startswith("status"):
        assert "default" not in FIELDS[path]


def test_unknown_fields_are_kept_only_where_another_api_owns_them() -> None:
    free = {
        path for path, node in NODES.items() if node.get("x-kubernetes-preserve-unknown-fields")
    }
    assert free == {
        "spec.networkPolicy.extraEgress[]",
        "spec.policy.defaults",
        "spec.policy.guilds{}",
        "spec.scheduling.affinity",
        "spec.scheduling.tolerations[]",
        "spec.scheduling.topologySpreadConstraints[]",
    }


def test_spec_has_the_groups_of_the_contract() -> None:
    names = (
        "image discord shards replicas autoscaling resources database cache identity secrets "
        "rollout drain pdb probes networkPolicy monitoring tracing logging policy scheduling "
        "suspend restartAt"
    )
    assert list(NODES["spec"]["properties"]) == names.split()
    assert NODES["spec"]["required"] == ["discord", "database"]


def test_every_rule_has_a_message_that_is_not_the_rule() -> None:
    for path, node in NODES.items():
        for rule in node.get("x-kubernetes-validations", ()):
            assert rule["message"] != rule["rule"], path
            assert len(rule["message"]) <= 2048
            assert "\n" not in rule["message"]


def test_page_names_every_field_condition_and_reason() -> None:
    page = reference_page()
    for path, node in FIELDS.items():
        for name in node.get("properties", {}):
            assert f"| `{name}` |" in section(page, path), f"{path}.{name}"
    for word in (*ConditionType, *Reason):
        assert f"`{word}`" in page


def section(page: str, path: str) -> str:
    start = page.index(f"## `{path}`\n")
    end = page.find("\n## ", start + 1)
    return page[start:end]


def test_generator_writes_both_files_and_notices_when_they_are_stale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = ["--root", str(tmp_path)]
    assert generate.main([*root, "--check"]) == 1
    assert "run make generate" in capsys.readouterr().err
    assert generate.main(root) == 0
    assert generate.main([*root, "--check"]) == 0
    crd = tmp_path / "crds" / "discordbots.vertice.dev.yaml"
    assert yaml.safe_load(crd.read_text(encoding="utf-8")) == custom_resource_definition()
    crd.write_text(crd.read_text(encoding="utf-8").replace("drainSeconds", "drainHours"))
    assert generate.main([*root, "--check"]) == 1
    shown = capsys.readouterr().err
    assert "discordbots.vertice.dev.yaml is stale" in shown
    assert "drainHours" in shown
    assert "api.md" not in shown


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda f: f.name)
def test_examples_name_only_known_fields(file: Path) -> None:
    for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        if document and document.get("kind") == "DiscordBot":
            assert list(unknown(document["spec"], NODES["spec"], "spec")) == []


def unknown(value: Any, node: dict[str, Any], path: str) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from unknown(entry, node["items"], f"{path}[]")
    elif isinstance(value, dict) and not node.get("x-kubernetes-preserve-unknown-fields"):
        for name, part in value.items():
            below = node.get("properties", {}).get(name) or node.get("additionalProperties")
            if below is None:
                yield f"{path}.{name}"
            else:
                yield from unknown(part, below, f"{path}.{name}")
