"""A real API server accepts what is rendered, changes nothing in it, and forgets the past."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dev.testing.apiserver import ApiServer
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render import RenderFacts, desired_objects
from vertice_operator.render.quantities import canonical

pytestmark = pytest.mark.apiserver

Load = Callable[..., tuple[DiscordBot, RenderFacts]]
NAMES = sorted(path.stem for path in (Path(__file__).parent / "specs").glob("*.yaml"))


@pytest.fixture(scope="session")
def server(apiserver: ApiServer) -> ApiServer:
    apiserver.install_all_kinds()
    return apiserver


def restricted_namespace(server: ApiServer, name: str) -> str:
    server.make_namespace(name)
    label = "pod-security.kubernetes.io/enforce=restricted"
    server.kubectl("label", "namespace", name, label, check=True)
    return name


def bodies(bot: DiscordBot, facts: RenderFacts) -> list[dict[str, Any]]:
    """What is applied, without the owner: it is not stored here, and its children would be
    collected."""
    found = []
    for child in desired_objects(bot, facts):
        if child.body is not None:
            body = json.loads(json.dumps(child.body))
            del body["metadata"]["ownerReferences"]
            found.append(body)
    return found


def changeable(bot: DiscordBot, facts: RenderFacts) -> list[dict[str, Any]]:
    """All but the revisions, which are made once and never written again."""
    return [body for body in bodies(bot, facts) if body["kind"] != "ControllerRevision"]


def apply(server: ApiServer, objects: list[dict[str, Any]]) -> None:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    manager = "--field-manager=vertice-operator"
    server.kubectl(
        *("apply", "--server-side", "--force-conflicts", "--validate=strict", manager, "-f", "-"),
        input=text,
        check=True,
    )


def live(server: ApiServer, body: dict[str, Any]) -> dict[str, Any]:
    meta = body["metadata"]
    kind = body["kind"].lower()
    arguments = ("get", kind, meta["name"], "-n", meta["namespace"], "-o", "json")
    done = server.kubectl(*arguments, "--show-managed-fields", check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def ours(found: dict[str, Any]) -> tuple[Any, Any]:
    """The part of the metadata that an apply of ours would move."""
    entry = next(
        each for each in found["metadata"]["managedFields"] if each["manager"] == "vertice-operator"
    )
    return found["metadata"].get("generation"), entry


def differences(wanted: Any, found: Any, path: str = "") -> Iterator[str]:
    """Where the live object does not say what was applied."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            if key not in found:
                yield f"{path}.{key} is missing"
            else:
                yield from differences(value, found[key], f"{path}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for place, (first, second) in enumerate(zip(wanted, found, strict=True)):
            yield from differences(first, second, f"{path}[{place}]")
    elif wanted != found:
        yield f"{path}: {wanted!r} became {found!r}"


@pytest.mark.parametrize("name", NAMES)
def test_applied_accepted_unchanged(name: str, server: ApiServer, load_case: Load) -> None:
    namespace = restricted_namespace(server, f"accept-{name}")
    objects = bodies(*load_case(name, namespace))
    apply(server, objects)
    first = [live(server, body) for body in objects]
    for body, found in zip(objects, first, strict=True):
        assert list(differences(body, found)) == []
    apply(server, objects)
    assert [ours(live(server, body)) for body in objects] == [ours(found) for found in first]


@pytest.mark.parametrize("name", NAMES)
def test_pods_are_admitted_where_restricted_is_enforced(
    name: str, server: ApiServer, load_case: Load
) -> None:
    namespace = restricted_namespace(server, f"pods-{name}")
    server.kubectl("create", "serviceaccount", "my-bot", "-n", namespace, check=True)
    server.kubectl("create", "serviceaccount", "ours", "-n", namespace, check=True)
    server.kubectl("create", "priorityclass", "vertice-bot", "--value=1")
    for body in bodies(*load_case(name, namespace)):
        if body["kind"] not in ("Deployment", "Job"):
            continue
        template = body["spec"]["template"]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "trial", "namespace": namespace, **template["metadata"]},
            "spec": template["spec"],
        }
        arguments = ("create", "--dry-run=server", "--validate=strict", "-f", "-")
        server.kubectl(*arguments, input=json.dumps(pod), check=True)


QUANTITIES = ["0", "0.5", "1000m", "1500m", "2000", "0.0001", "1024Mi", "0.5Gi", "1.5Ki"]
QUANTITIES += ["0.1Ki", "1000000", "1e3", "1E3", "12e6", "5e-1", "1e2", "1000M", "2Ei", "1.", ".5"]
QUANTITIES += ["0.0000000001", "512Ki"]


def test_canonical_quantities_are_stored_as_they_are(server: ApiServer, load_case: Load) -> None:
    server.make_namespace("quantities")
    bot, facts = load_case("minimal-direct", "quantities")
    [body] = [each for each in bodies(bot, facts) if each["kind"] == "Deployment"]
    pod = body["spec"]["template"]["spec"]
    pod.pop("initContainers", None)
    pod["volumes"] = []
    pod["containers"] = [
        {"name": f"c{place}", "image": "x", "resources": {"requests": {"memory": canonical(text)}}}
        for place, text in enumerate(QUANTITIES)
    ]
    apply(server, [body])
    stored = live(server, body)["spec"]["template"]["spec"]["containers"]
    found = {
        text: each["resources"]["requests"]["memory"]
        for text, each in zip(QUANTITIES, stored, strict=True)
    }
    assert found == {text: canonical(text) for text in QUANTITIES}


def test_a_privileged_pod_is_refused_there(server: ApiServer) -> None:
    """The test above could not fail if nothing were enforced."""
    namespace = restricted_namespace(server, "refuses")
    arguments = ("run", "trial", "--image=x", "-n", namespace, "--dry-run=server")
    done = server.kubectl(*arguments)
    assert done.returncode != 0
    assert "violates PodSecurity" in done.stderr


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("everything", "minimal-direct"),
        ("minimal-direct", "everything"),
        ("cloud-sql", "iam"),
        ("cloud-sql", "cloud-sql-container"),
        ("cloud-sql-container", "cloud-sql"),
        ("monitoring-off", "original"),
        ("autoscaled", "suspended"),
        ("csi", "external-secrets"),
        ("external-secrets", "csi"),
        ("csi-gke-iam", "csi"),
        ("observed", "cloud-sql"),
        ("everything", "observed"),
    ],
)
def test_the_end_does_not_depend_on_the_way(
    before: str, after: str, server: ApiServer, load_case: Load
) -> None:
    changed = restricted_namespace(server, f"way-{before}-{after}"[:63].rstrip("-"))
    fresh = restricted_namespace(server, f"fresh-{before}-{after}"[:63].rstrip("-"))
    apply(server, bodies(*load_case(before, changed)))
    wanted, elsewhere = (changeable(*load_case(after, place)) for place in (changed, fresh))
    apply(server, wanted)
    apply(server, elsewhere)
    for body, other in zip(wanted, elsewhere, strict=True):
        assert content(live(server, body)) == content(live(server, other)), body["kind"]


def content(found: dict[str, Any]) -> dict[str, Any]:
    """The object without what differs by nature: identity, times, namespace, status."""
    text = json.dumps({key: value for key, value in found.items() if key != "status"})
    text = text.replace(found["metadata"]["namespace"], "<ns>")
    # The namespace is in the configuration, and so in every hash of it and in names made of one.
    text = re.sub(r"(?<=[-\"])[0-9a-f]{8,16}(?=[\".])", "<hash>", text)
    document: dict[str, Any] = json.loads(text)
    meta = document.pop("metadata")
    hashes = ("vertice.dev/spec-hash", "deployment.kubernetes.io/revision")
    notes = {k: v for k, v in meta.get("annotations", {}).items() if k not in hashes}
    document["labels"], document["annotations"] = meta.get("labels"), notes
    if found["kind"] == "Deployment":
        template = document["spec"]["template"]["metadata"]
        assert template["annotations"]["vertice.dev/config-hash"] == "<hash>"
    if found["kind"] == "Service":
        for key in ("clusterIP", "clusterIPs"):
            assert "None" in document["spec"][key]
    if found["kind"] == "Job":  # made once and never changed; its controller adds its own labels
        return {"labels": meta.get("labels")}
    if found["metadata"]["name"].endswith("-dashboard"):  # the namespace is in its hash
        return {"labels": meta.get("labels"), "annotations": notes}
    return document
