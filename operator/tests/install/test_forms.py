"""install.yaml, kustomize and Helm: three forms of one source, equal object by object."""

import copy
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from vertice_operator.cli.bundle import outputs, stale, strays
from vertice_operator.cli.main import vertice
from vertice_operator.install.chart import KEEP
from vertice_operator.install.holes import plain
from vertice_operator.install.options import NAMESPACE, UnknownOptionError, choose, nested
from vertice_operator.install.variants import (
    COMPONENTS,
    OVERLAYS,
    InexpressibleError,
    by_identity,
    strategic_patch,
    trees,
)

ROOT = Path(__file__).parents[3]
CHART = ROOT / "manifests" / "chart"
CRD = ("CustomResourceDefinition", "", "discordbots.vertice.dev")
SPACE = ("Namespace", "", NAMESPACE)
Object = dict[str, Any]
Objects = dict[tuple[str, str, str], Object]

EVERYTHING: dict[str, Any] = {
    "replicas": 3,
    "image.repository": "registry.example.com:5000/team/vertice-operator",
    "image.digest": f"sha256:{'0a' * 32}",
    "image.pullPolicy": "Always",
    "image.pullSecrets": [{"name": "login"}, {"name": "other"}],
    "bot.image": 'registry.example.com/bot:1"2',
    "bot.priorityClass": True,
    "env": [{"name": "VERTICE_OPERATOR_WORKERS", "value": "16"}, {"name": "X", "value": "{{ }}"}],
    "resources": {"limits": {"cpu": "2", "memory": "1Gi"}},
    "podAnnotations": {"example.com/a": "b: c", "example.com/d": "true"},
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "a", "operator": "Exists"}],
    "priorityClassName": "system-cluster-critical",
    "networkPolicy.enabled": True,
    "networkPolicy.apiServerPorts": [16443],
    "monitoring.enabled": True,
    "monitoring.alerts": True,
    "monitoring.labels": {"release": "prometheus"},
    "monitoring.interval": "1m",
    "monitoring.runbookBaseURL": "http://runbooks.example",
}
VARIANTS: dict[str, Mapping[str, Any]] = {
    "default": {},
    **OVERLAYS,
    **COMPONENTS,
    "everything": EVERYTHING,
    "everything in two namespaces": {**EVERYTHING, "namespaces": ["red", "blue"]},
    "none": {"replicas": 0, "podAnnotations": {}, "resources": {}},
}


def source(values: Mapping[str, Any], where: str = NAMESPACE) -> Objects:
    """What the one source says, without the definition."""
    return by_identity(plain(trees(values, where)))


def test_every_generated_file_is_current_and_there_is_no_other() -> None:
    assert stale(ROOT) == []
    assert strays(ROOT) == []


def test_the_check_finds_a_change_and_a_stray(tmp_path: Path) -> None:
    for path, text in outputs(ROOT).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "crds").mkdir()
    shutil.copy(ROOT / "crds/discordbots.vertice.dev.yaml", tmp_path / "crds")
    assert (stale(tmp_path), strays(tmp_path)) == ([], [])
    changed = Path("manifests/chart/templates/roles.yaml")
    (tmp_path / changed).write_text("")
    other = Path("manifests/base/more.yaml")
    (tmp_path / other).write_text("")
    assert (stale(tmp_path), strays(tmp_path)) == ([changed], [other])


def test_install_yaml_is_the_source_at_its_defaults() -> None:
    documents = yaml.safe_load_all((ROOT / "manifests/install.yaml").read_text())
    found = by_identity(each for each in documents if each)
    assert list(found)[:2] == [CRD, SPACE], "what others need comes first"
    definition = found.pop(CRD)
    assert definition == yaml.safe_load((ROOT / f"crds/{CRD[2]}.yaml").read_text())
    assert found == source({})


@pytest.mark.parametrize("name", VARIANTS)
def test_vertice_manifests_prints_the_same(name: str, tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(json.dumps(nested(VARIANTS[name])))
    done = CliRunner().invoke(vertice, ["manifests", "-f", str(path), "-n", "ops"])
    assert done.exit_code == 0, done.output
    found = by_identity(yaml.safe_load_all(done.output))
    assert found.pop(CRD) == yaml.safe_load((ROOT / f"crds/{CRD[2]}.yaml").read_text())
    assert found == source(VARIANTS[name], "ops")


@pytest.mark.parametrize(
    ("text", "says"),
    [("replica: 1", "replica: no such value"), ("- 1", "must hold a map"), (":", "cannot be read")],
)
def test_vertice_manifests_refuses_what_it_does_not_know(
    text: str, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "values.yaml"
    path.write_text(text)
    done = CliRunner().invoke(vertice, ["manifests", "-f", str(path)])
    assert (done.exit_code, says in done.output) == (2, True), done.output


def test_unknown_values_are_refused() -> None:
    with pytest.raises(UnknownOptionError, match=r"image\.tags"):
        choose({"image.tags": "x"})


def test_a_patch_says_what_it_cannot_say() -> None:
    old = {"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}, "spec": {"b": 1}}
    with pytest.raises(InexpressibleError, match="b is left out"):
        strategic_patch(old, {**old, "spec": {"c": 1}})


# From here on: with the real helm and kubectl.


def rendered(helm: Any, values: Mapping[str, Any], where: str = NAMESPACE) -> Objects:
    return by_identity(helm.template(values, where))


def expected_of_helm(values: Mapping[str, Any], where: str = NAMESPACE) -> Objects:
    """Helm makes the namespace by itself; the definition is marked to be kept."""
    found = source(values, where)
    del found["Namespace", "", where]
    definition = yaml.safe_load((ROOT / f"crds/{CRD[2]}.yaml").read_text())
    definition["metadata"].setdefault("annotations", {}).update(KEEP)
    return found | {CRD: definition}


@pytest.mark.apiserver
@pytest.mark.parametrize("name", VARIANTS)
def test_helm_renders_the_same(helm: Any, name: str) -> None:
    assert rendered(helm, VARIANTS[name]) == expected_of_helm(VARIANTS[name])


@pytest.mark.apiserver
def test_helm_renders_the_same_anywhere_and_without_the_definition(helm: Any) -> None:
    expected = expected_of_helm({}, "ops")
    assert rendered(helm, {}, "ops") == expected
    del expected[CRD]
    assert rendered(helm, {"crd.install": False}, "ops") == expected


_WORD = st.text("abc-1", min_size=1, max_size=8).map(lambda text: f"x{text}x")
_ANY = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=20)
_CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "namespaces": st.lists(_WORD, max_size=3, unique=True),
    "replicas": st.integers(0, 5),
    "image.tag": _WORD,
    "image.digest": st.sampled_from(["", f"sha256:{'f' * 64}"]),
    "image.pullSecrets": st.lists(st.fixed_dictionaries({"name": _WORD}), max_size=2),
    "bot.image": _ANY.filter(bool),
    "bot.priorityClass": st.booleans(),
    "env": st.lists(st.fixed_dictionaries({"name": st.just("A"), "value": _ANY}), max_size=2),
    "podAnnotations": st.dictionaries(_WORD, _ANY, max_size=2),
    "tolerations": st.lists(st.fixed_dictionaries({"key": _ANY}), max_size=2),
    "priorityClassName": _ANY,
    "networkPolicy.enabled": st.booleans(),
    "networkPolicy.apiServerPorts": st.lists(st.integers(1, 65535), min_size=1, max_size=3),
    "monitoring.enabled": st.booleans(),
    "monitoring.alerts": st.booleans(),
    "monitoring.labels": st.dictionaries(_WORD, _ANY, max_size=2),
}


@pytest.mark.apiserver
@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=st.fixed_dictionaries({}, optional=_CHOICES), where=_WORD)
def test_helm_renders_the_same_for_any_choice(
    helm: Any, values: dict[str, Any], where: str
) -> None:
    assert rendered(helm, values, where) == expected_of_helm(values, where)


@pytest.mark.apiserver
@pytest.mark.parametrize(
    "wrong",
    [
        {"replicas": "2"},
        {"replica": 2},
        {"image.tag": "a b"},
        {"image.digest": "latest"},
        {"namespaces": ["Bots"]},
        {"namespaces": ["a", "a"]},
        {"env": [{"name": "a=b", "value": ""}]},
        {"env": [{"name": "A"}]},
        {"monitoring.labels": {"app.kubernetes.io/name": "other"}},
        {"monitoring.interval": "fast"},
        {"networkPolicy.apiServerPorts": []},
        {"bot.image": ""},
    ],
    ids=str,
)
def test_the_schema_refuses(helm: Any, wrong: dict[str, Any]) -> None:
    done = helm.call("template", "vertice", str(CHART), values=wrong)
    assert done.returncode != 0
    assert "schema" in done.stderr, done.stderr


@pytest.mark.apiserver
@pytest.mark.parametrize("name", VARIANTS)
def test_the_chart_passes_its_own_lint(helm: Any, name: str) -> None:
    report = helm.run("lint", "--strict", str(CHART), values=VARIANTS[name])
    assert "0 chart(s) failed" in report


def kustomized(kubectl: Path, folder: Path) -> Objects:
    done = subprocess.run(
        [str(kubectl), "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return by_identity(yaml.safe_load_all(done.stdout))


def sorted_names(found: Objects) -> Objects:
    """Variables in order of their names: kustomize puts those of a patch first."""
    found = copy.deepcopy(found)
    for each in found.values():
        if each["kind"] == "Deployment":
            for container in each["spec"]["template"]["spec"]["containers"]:
                container["env"].sort(key=lambda variable: variable["name"])
    return found


@pytest.mark.apiserver
@pytest.mark.parametrize("name", ["base", *OVERLAYS])
def test_kustomize_makes_the_same(kubectl: Path, name: str) -> None:
    folder = ROOT / "manifests" / (name if name == "base" else f"overlays/{name}")
    found = kustomized(kubectl, folder)
    del found[CRD]
    assert sorted_names(found) == sorted_names(source(OVERLAYS.get(name, {})))


@pytest.mark.apiserver
def test_kustomize_components_make_the_same(kubectl: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests")
    overlay = tmp_path / "mine"
    overlay.mkdir()
    body = {
        "resources": ["../manifests/overlays/single"],
        "components": [f"../manifests/components/{name}" for name in COMPONENTS],
    }
    (overlay / "kustomization.yaml").write_text(json.dumps(body))
    found = kustomized(kubectl, overlay)
    del found[CRD]
    values = {path: value for each in COMPONENTS.values() for path, value in each.items()}
    assert found == source({**values, **OVERLAYS["single"]})
