"""The kind as kubectl's users meet it, on a real API server."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.apiserver

ROOT = Path(__file__).resolve().parents[3]
NAMESPACE = "samples"
BOTH = {"cloudSQL": {"instance": "p:r:i"}, "direct": {"host": "h"}}
BASES = yaml.safe_load((Path(__file__).parent / "samples/bases.yaml").read_text())


def test_plain_apply_of_the_definition_is_enough(api: Any, apiserver: Any) -> None:
    """No --server-side needed: the definition fits kubectl's annotation."""
    done = apiserver.kubectl("apply", "-f", str(ROOT / "crds" / "discordbots.vertice.dev.yaml"))
    assert done.returncode == 0, done.stderr
    live = json.loads(
        apiserver.kubectl("get", "crd", "discordbots.vertice.dev", "-o", "json", check=True).stdout
    )
    conditions = {each["type"]: each["status"] for each in live["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert "NonStructuralSchema" not in conditions


def test_columns_show_what_matters(api: Any, apiserver: Any, stored: Callable[..., Any]) -> None:
    document = copy.deepcopy(BASES["observed"])
    live = stored({key: part for key, part in document.items() if key != "status"})
    path = f"/apis/vertice.dev/v1alpha1/namespaces/{NAMESPACE}/discordbots/direct/status"
    document["status"]["conditions"].append(
        {"type": "DatabaseMigrated", "status": "True", "reason": "AtHead"}
    )
    code, answer = api.ask("PUT", path, {**live, "status": document["status"]})
    assert code == 200, answer["message"]
    shown = apiserver.kubectl("get", "dbot", "-n", NAMESPACE, check=True).stdout.splitlines()
    assert shown[0].split() == ["NAME", "READY", "REASON", "OWNED", "SHARDS", "REPLICAS", "AGE"]
    assert shown[1].split()[:6] == ["direct", "True", "AllComponentsReady", "6", "8", "2"]
    wide = apiserver.kubectl("get", "vertice", "-n", NAMESPACE, "-o", "wide", check=True).stdout
    assert wide.split()[:9] == [
        "NAME",
        "READY",
        "REASON",
        "OWNED",
        "SHARDS",
        "REPLICAS",
        "IMAGE",
        "DB",
        "AGE",
    ]
    assert wide.splitlines()[1].split()[6:8] == ["registry.example/bot:2", "AtHead"]


def test_kubectl_scale_sets_replicas(apiserver: Any, api: Any, stored: Callable[..., Any]) -> None:
    stored(BASES["direct"])
    target = ("-n", NAMESPACE, "discordbot/direct")
    apiserver.kubectl("scale", "--replicas=7", *target, check=True)
    replicas = apiserver.kubectl("get", *target, "-o", "jsonpath={.spec.replicas}", check=True)
    assert replicas.stdout == "7"
    refused = apiserver.kubectl("scale", "--replicas=2", *target)
    assert refused.returncode != 0
    assert "spec.pdb.minAvailable" in refused.stderr
    code, scale = api.ask(
        "GET", f"/apis/vertice.dev/v1alpha1/namespaces/{NAMESPACE}/discordbots/direct/scale"
    )
    assert code == 200
    assert scale["spec"]["replicas"] == 7


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"replica": 2}, "spec.replica"),
        ({"replicas": "two"}, "spec.replicas"),
        (
            {"database": {"cloudSQL": {"instance": "p:r:i"}, "direct": {"host": "h"}}},
            "spec.database",
        ),
        ({"autoscaling": {"minReplicas": 9}}, "spec.autoscaling.minReplicas"),
        ({"resources": {"limits": {"memory": "1GB"}}}, "spec.resources.limits.memory"),
    ],
    ids=["unknown field", "wrong type", "broken union", "min > max", "bad quantity"],
)
def test_kubectl_apply_names_the_bad_field(
    api: Any, apiserver: Any, change: dict[str, Any], path: str
) -> None:
    document = copy.deepcopy(BASES["direct"])
    document["spec"] |= change
    done = apiserver.kubectl("apply", "-f", "-", input=yaml.safe_dump(document))
    assert done.returncode != 0
    assert path in done.stderr
    left = apiserver.kubectl("get", "discordbots", "-n", NAMESPACE, "-o", "name", check=True)
    assert left.stdout == ""


def test_unknown_fields_are_dropped_where_the_client_is_not_strict(api: Any) -> None:
    document = copy.deepcopy(BASES["direct"])
    document["spec"]["unheardOf"] = {"a": 1}
    document["spec"]["policy"] = {"defaults": {"free": {"form": [1, "two", None]}}}
    path = f"/apis/vertice.dev/v1alpha1/namespaces/{NAMESPACE}/discordbots"
    code, answer = api.ask("POST", f"{path}?dryRun=All&fieldValidation=Ignore", document)
    assert code == 201, answer["message"]
    assert "unheardOf" not in answer["spec"]
    assert answer["spec"]["policy"] == document["spec"]["policy"]


def test_a_change_of_the_spec_cannot_touch_the_status(api: Any, stored: Callable[..., Any]) -> None:
    document = copy.deepcopy(BASES["observed"])
    live = stored(document)
    assert "status" not in live


def test_kubectl_explain_shows_the_text_of_the_models(api: Any, apiserver: Any) -> None:
    shown = apiserver.kubectl("explain", "discordbot.spec.drain.drainSeconds", check=True).stdout
    assert "after the shards are handed over" in " ".join(shown.split())
