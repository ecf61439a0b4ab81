"""Every constraint of the schema, with an accepted and a rejected sample, three times over.

The samples go through a real API server (server-side dry run, strict field validation), through
the models and their rules, and the list of constraints is derived from the schema itself, so that
a constraint without samples, or samples without a constraint, fail.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from vertice_operator.api.problem import Problem
from vertice_operator.api.schema import resource_schema
from vertice_operator.api.v1alpha1 import DiscordBot, SpecError
from vertice_operator.api.validation import problems

FOLDER = Path(__file__).parent / "samples"
SCHEMA = resource_schema()
BOUNDS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties")
WRONG = {"string": 7, "integer": "seven", "boolean": "yes", "object": "text", "array": "text"}
SAYS = {
    "type": "must be of type|Invalid value",
    "required": "Required value|required",
    "unknown": "unknown field",
    "enum": "Unsupported value",
    "pattern": "should match|must be of type integer|valid",
    "format": "must be of type|Invalid value",
    "minimum": "greater than or equal to",
    "maximum": "less than or equal to",
    "minLength": "at least|should match",
    "maxLength": "Too long|may not be (longer|more)|should match",
    "minItems": "at least",
    "maxItems": "Too many|at most",
    "maxProperties": "Too many|at most",
    "twice": "Duplicate value",
}
"""What the API server's refusal must say for each kind of constraint."""


class Loader(yaml.SafeLoader):
    """YAML with short forms for long values."""


def _text(loader: Loader, node: yaml.MappingNode) -> str:
    parts = loader.construct_mapping(node)
    return f"{parts.get('before', '')}{parts['of'] * parts['times']}{parts.get('after', '')}"


def _list(loader: Loader, node: yaml.MappingNode) -> list[Any]:
    parts = loader.construct_mapping(node, deep=True)
    return [_numbered(parts["of"], number) for number in range(parts["times"])]


def _numbered(value: Any, number: int) -> Any:
    if isinstance(value, dict):
        return {key: _numbered(part, number) for key, part in value.items()}
    if value == "{}":
        return number
    return (
        value.replace("{}", chr(97 + number % 26) + "b" * (number // 26))
        if isinstance(value, str)
        else value
    )


def _map(loader: Loader, node: yaml.MappingNode) -> dict[str, Any]:
    parts = loader.construct_mapping(node, deep=True)
    return {parts["key"].format(number): parts["value"] for number in range(parts["times"])}


Loader.add_constructor("!text", _text)
Loader.add_constructor("!list", _list)
Loader.add_constructor("!map", _map)


def load(name: str) -> Any:
    return yaml.load((FOLDER / name).read_text(encoding="utf-8"), Loader)


BASES: dict[str, dict[str, Any]] = load("bases.yaml")
RULES: dict[str, list[dict[str, Any]]] = load("rules.yaml")
TABLE: dict[str, dict[str, Any]] = {
    path: samples
    for file in sorted(FOLDER.glob("*.yaml"))
    if file.name not in {"bases.yaml", "rules.yaml"}
    for path, samples in load(file.name).items()
}


def steps(path: str) -> list[str | int]:
    """Split ``a.b[].c{}`` into keys; the first entry of lists, the first key of maps."""
    return [0 if part == "[]" else part for part in re.findall(r"\[\]|\{\}|[^.\[{]+", path)]


def resolve(document: Any, path: str) -> list[str | int] | None:
    """Give the path with the keys of maps filled in, or None where the document lacks it."""
    found: list[str | int] = []
    for step in steps(path):
        key = next(iter(document), None) if step == "{}" else step
        known = range(len(document)) if isinstance(document, list) else document
        if not isinstance(document, (dict, list)) or key not in known:
            return None
        document = document[key]
        found.append(key)
    return found


def base_of(path: str) -> str:
    for name, document in BASES.items():
        if resolve(document, path) is not None:
            return name
    raise AssertionError(f"no base in bases.yaml holds {path}")


def get(document: Any, path: list[str | int]) -> Any:
    for key in path:
        document = document[key]
    return document


def put(document: dict[str, Any], path: list[str | int], value: Any) -> None:
    """Put a value; None takes the field away."""
    for key in path[:-1]:
        document = document.setdefault(key, {}) if isinstance(document, dict) else document[key]
    if value is None:
        document.pop(path[-1], None)
    else:
        document[path[-1]] = value


def changed(base: str, changes: dict[str, Any]) -> dict[str, Any]:
    document = copy.deepcopy(BASES[base])
    for path, value in changes.items():
        put(document, resolve(document, path) or steps(path), value)
    return document


def constraints(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Derive every constraint of a schema: where it is, and what it says."""
    if path and path not in {"apiVersion", "kind", "metadata"}:
        yield path, "type"
    for name in node.get("required", ()):
        yield path, f"required {name}"
    if "properties" in node and not node.get("x-kubernetes-preserve-unknown-fields"):
        yield path, "unknown"
    if "enum" in node:
        yield path, "enum"
    if "pattern" in node:
        yield path, "pattern"
    if "format" in node:
        yield path, f"format {node['format']}"
    for bound in BOUNDS:
        if bound in node:
            yield path, f"{bound} {node[bound]}"
    if node.get("x-kubernetes-list-type") in {"set", "map"}:
        yield path, "twice"
    for rule in node.get("x-kubernetes-validations", ()):
        yield path, f"rule {rule['message']}"
    for name, field in node.get("properties", {}).items():
        yield from constraints(field, f"{path}.{name}".lstrip("."))
    if "items" in node:
        yield from constraints(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from constraints(node["additionalProperties"], f"{path}{{}}")


def schema_at(path: str) -> dict[str, Any]:
    node = SCHEMA
    for part in re.findall(r"\[\]|\{\}|[^.\[{]+", path):
        node = (
            node["items"]
            if part == "[]"
            else node["additionalProperties"]
            if part == "{}"
            else node["properties"][part]
        )
    return node


@dataclass(frozen=True)
class Sample:
    """One resource, and what must become of it.

    ``field`` is the path that a refusal points at (None: accepted), ``says`` a pattern that its
    words match, ``former`` the stored object for an update.
    """

    name: str
    document: dict[str, Any]
    field: str | None
    says: str
    kind: str
    former: dict[str, Any] | None = None

    @property
    def in_status(self) -> bool:
        return "status" in self.document


def dotted(path: list[str | int]) -> str:
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def structural_samples() -> Iterator[Sample]:
    """Wrong types, missing fields, unknown fields and doubled entries follow from the schema."""
    for path, what in constraints(SCHEMA):
        kind = what.split()[0]
        if kind not in {"type", "required", "unknown", "twice"}:
            continue
        base = base_of(path) if path else "cloud"
        document = copy.deepcopy(BASES[base])
        at = resolve(document, path)
        assert at is not None
        node = schema_at(path)
        field, said = at, SAYS[kind]
        if kind == "type":
            put(
                document, at, 1.5 if node.get("x-kubernetes-int-or-string") else WRONG[node["type"]]
            )
        elif kind == "required":
            field = [*at, what.removeprefix("required ")]
            if not path and field == ["spec"]:
                document = {key: document[key] for key in ("apiVersion", "kind", "metadata")}
            else:
                del get(document, at)[field[-1]]
        elif kind == "unknown":
            get(document, at)["unheardOf"] = 1
            field, said = (
                [*at, "unheardOf"],
                'unknown field "{}"'.format(dotted([*at, "unheardOf"])),
            )
        else:
            entries = get(document, at)
            entries.append(copy.deepcopy(entries[0]))
            field = [*at, len(entries) - 1]
        yield Sample(f"{path or 'resource'}: {what}", document, dotted(field), said, kind)


def value_samples() -> Iterator[Sample]:
    """Values at the bounds, from the tables."""
    for path, kinds in TABLE.items():
        for what, given in kinds.items():
            base = given.get("base") or base_of(path)
            around = given.get("with", {})
            name = f"{path}: {what}"
            kind = what.split()[0]
            for value in given.get("accepts", [given["accept"]] if "accept" in given else []):
                document = changed(base, {**around, path: value})
                yield Sample(f"{name}: accepts {str(value)[:30]}", document, None, "", kind)
            document = changed(base, {**around, path: given["reject"]})
            at = resolve(document, path)
            assert at is not None, name
            yield Sample(f"{name}: rejects", document, dotted(at), SAYS[kind], kind)


def rule_messages() -> dict[str, str]:
    from vertice_operator.api.v1alpha1 import bot
    from vertice_operator.api.v1alpha1.base import ApiModel

    def below(model: type[ApiModel]) -> Iterator[type[ApiModel]]:
        for sub in model.__subclasses__():
            yield sub
            yield from below(sub)

    assert bot.DiscordBot in set(below(ApiModel))
    return {rule.name: rule.message for model in below(ApiModel) for rule in model.RULES}


MESSAGES = rule_messages()


def rule_samples() -> Iterator[Sample]:
    """Cross-field rules, from their own table."""
    for name, cases in RULES.items():
        for number, case in enumerate(cases):
            base = case["base"]
            former = changed(base, case["former"]) if "former" in case else None
            tag = f"{name}/{number}"
            yield Sample(f"{tag}: accepts", changed(base, case["accept"]), None, "", "rule", former)
            rejected = changed(base, case["reject"])
            says = "should match" if case.get("former") == {} else re.escape(MESSAGES[name])
            yield Sample(f"{tag}: rejects", rejected, case["field"], says, "rule", former)


def base_samples() -> Iterator[Sample]:
    for name, document in BASES.items():
        yield Sample(f"base {name}", document, None, "", "base")


SAMPLES = [*base_samples(), *structural_samples(), *value_samples(), *rule_samples()]


def named(samples: list[Sample]) -> Any:
    return pytest.mark.parametrize("sample", samples, ids=[sample.name for sample in samples])


def test_every_constraint_has_samples_and_every_sample_a_constraint() -> None:
    wanted = {
        (path, what)
        for path, what in constraints(SCHEMA)
        if what.split()[0] in {"enum", "pattern", "format", *BOUNDS}
    }
    given = {(path, what) for path, kinds in TABLE.items() for what in kinds}
    assert given == wanted
    assert {what for _, what in constraints(SCHEMA) if what.startswith("rule ")} == {
        f"rule {MESSAGES[name]}" for name in RULES
    }
    placed = {(case["at"], f"rule {MESSAGES[name]}") for name in RULES for case in RULES[name]}
    assert placed == {each for each in constraints(SCHEMA) if each[1].startswith("rule ")}


def test_every_value_constraint_has_an_accepted_sample() -> None:
    for path, kinds in TABLE.items():
        for what, given in kinds.items():
            assert "reject" in given, (path, what)
            if "accept" not in given and "accepts" not in given:
                assert resolve(BASES[base_of(path)], path) is not None, (path, what)


def test_every_value_of_an_enumeration_is_accepted_somewhere() -> None:
    for path, what in constraints(SCHEMA):
        if what != "enum":
            continue
        samples = TABLE[path]["enum"]
        seen = set(samples.get("accepts", ()))
        seen |= {value for document in BASES.values() for value in every(document, steps(path))}
        assert seen == set(schema_at(path)["enum"]), path


def every(document: Any, path: list[str | int]) -> Iterator[Any]:
    """Give the values at a path, of all entries of lists."""
    if not path:
        yield document
    elif isinstance(document, list):
        for entry in document:
            yield from every(entry, path[1:])
    elif isinstance(document, dict) and path[0] in document:
        yield from every(document[path[0]], path[1:])


@named([sample for sample in SAMPLES if sample.kind != "unknown" and sample.former is None])
def test_models_and_rules_judge_as_the_server_does(sample: Sample) -> None:
    found = verdict(sample.document)
    if sample.field is None:
        assert found == ()
        return
    field = sample.field or "metadata.name"
    assert any(problem.path == field for problem in found), found


def verdict(document: dict[str, Any]) -> tuple[Problem, ...]:
    try:
        return problems(DiscordBot.from_object(document))
    except SpecError as refused:
        return refused.problems


@pytest.mark.apiserver
@named(SAMPLES)
def test_api_server_judges_each_sample(
    sample: Sample, judge: Callable[[Sample], tuple[int, dict[str, Any]]]
) -> None:
    code, answer = judge(sample)
    if sample.field is None:
        assert code in {200, 201}, answer["message"]
        return
    assert code in {400, 422}, answer
    if sample.kind == "unknown":
        assert re.search(re.escape(sample.says), answer["message"])
        return
    causes = answer["details"]["causes"]
    here = [each for each in causes if pointed(each, sample.field)]
    assert any(re.search(sample.says, each["message"]) for each in here), causes


def pointed(cause: dict[str, Any], field: str) -> bool:
    """Whether a cause points at the field; ``<nil>`` is how the server writes the whole object."""
    given = cause.get("field", "").replace("<nil>", "")
    return given == field
