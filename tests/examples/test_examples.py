"""Examples are what users start from: each is accepted, and so is what the operator makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.testing.apiserver import ApiServer
from tests.contract.rendered import facts
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.api.validation import problems
from vertice_operator.render import desired_objects, unsupported

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
NAMESPACE = "examples"

each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


def _document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


@each_example
def test_an_example_has_no_problem_and_nothing_that_has_no_effect(path: Path) -> None:
    document = _document(path)
    document["metadata"] |= {"namespace": NAMESPACE, "uid": "00000000-0000-4000-8000-000000000000"}
    bot = DiscordBot.from_object(document)
    assert problems(bot) == ()
    assert unsupported(bot, facts()) == ()


def test_the_minimal_example_is_minimal() -> None:
    assert len((ROOT / "examples" / "minimal.yaml").read_text().splitlines()) < 20


def test_every_example_is_listed() -> None:
    listed = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES if f"[{path.name}]({path.name})" not in listed] == []


@pytest.fixture(scope="module")
def prepared(apiserver: ApiServer) -> ApiServer:
    """Install the definitions and make the namespace."""
    crd = ROOT / "crds" / "discordbots.vertice.dev.yaml"
    apiserver.kubectl("apply", "--server-side", "-f", str(crd), check=True)
    apiserver.install_all_kinds()
    if apiserver.kubectl("get", "namespace", NAMESPACE).returncode:
        apiserver.make_namespace(NAMESPACE)
    return apiserver


@pytest.mark.apiserver
@each_example
def test_an_example_and_its_children_are_accepted(prepared: ApiServer, path: Path) -> None:
    arguments = ("-n", NAMESPACE, "apply", "--server-side", "--validate=strict", "-f")
    prepared.kubectl(*arguments, str(path), check=True)
    stored = json.loads(
        prepared.kubectl(
            "-n", NAMESPACE, "get", "discordbot", _document(path)["metadata"]["name"], "-o", "json"
        ).stdout
    )
    bot = DiscordBot.from_object(stored)
    bodies = [child.body for child in desired_objects(bot, facts()) if child.body is not None]
    assert len(bodies) >= 8
    listing = json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies})
    prepared.kubectl(*arguments, "-", "--dry-run=server", input=listing, check=True)


@pytest.mark.apiserver
@each_example
def test_pods_of_an_example_are_admitted_where_restricted_is_enforced(
    prepared: ApiServer, path: Path
) -> None:
    """The template of each workload becomes a Pod, for Pod Security judges pods alone."""
    namespace = f"restricted-{path.stem}"
    prepared.make_namespace(namespace)
    enforce = "pod-security.kubernetes.io/enforce=restricted"
    prepared.kubectl("label", "namespace", namespace, enforce, check=True)
    document = _document(path)
    document["metadata"] |= {"namespace": namespace, "uid": "00000000-0000-4000-8000-000000000000"}
    bot = DiscordBot.from_object(document)
    bodies = [child.body for child in desired_objects(bot, facts()) if child.body is not None]
    templates = [b["spec"]["template"] for b in bodies if b["kind"] in ("Deployment", "Job")]
    assert templates
    account = templates[0]["spec"]["serviceAccountName"]
    prepared.kubectl("create", "serviceaccount", account, "-n", namespace, check=True)
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "name": "trial", "namespace": namespace},
            "spec": template["spec"],
        }
        for template in templates
    ]
    create = ("create", "--dry-run=server", "--validate=strict", "-f", "-")
    for pod in pods:
        prepared.kubectl(*create, input=json.dumps(pod), check=True)
    pods[0]["spec"]["hostNetwork"] = True
    refused = prepared.kubectl(*create, input=json.dumps(pods[0]))
    assert "violates PodSecurity" in refused.stderr
