"""What decides a build, and how it is called."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dev.cluster import build as builds
from dev.cluster.build import PARTS, SOURCES, build, build_command, build_key, part_named
from dev.cluster.errors import ClusterError
from dev.cluster.progress import Progress


@pytest.fixture
def module(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SOURCES / "pause", tmp_path / "pause"))


def test_every_part_is_pinned() -> None:
    for name in PARTS:
        text = (SOURCES / name / "go.mod").read_text()
        assert text.count("module vertice.dev/cluster/") == 1
        if "require" in text:
            assert (SOURCES / name / "go.sum").exists()


def test_the_key_changes_with_every_input(module: Path) -> None:
    part = PARTS["pause"]
    keys = {build_key(part, module, "go1.26")}
    keys.add(build_key(part, module, "go1.27"))
    keys.add(build_key(replace(part, ldflags="-X a=b"), module, "go1.26"))
    (module / "go.sum").write_text("example.org v1.0.0 h1:x\n")
    keys.add(build_key(part, module, "go1.26"))
    (module / "go.sum").rename(module / "go.som")
    keys.add(build_key(part, module, "go1.26"))
    assert len(keys) == 5


def test_the_key_stays_with_the_same_inputs(module: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(module, tmp_path / "elsewhere"))
    part = PARTS["pause"]
    assert build_key(part, module, "go1.26") == build_key(part, other, "go1.26")


def test_kubernetes_says_its_version() -> None:
    command = build_command(PARTS["kubernetes"], "kubectl", Path("/out"))
    assert command[-1] == "./kubectl"
    assert "-mod=readonly" in command
    flags = command[command.index("-ldflags") + 1]
    assert "-X k8s.io/component-base/version.gitVersion=v1.37.2" in flags
    assert "-X k8s.io/component-base/version.gitMinor=37" in flags


def test_helm_says_the_version_that_is_pinned() -> None:
    command = build_command(PARTS["helm"], "helm", Path("/out"))
    assert f"version.version={builds.HELM_VERSION}" in command[command.index("-ldflags") + 1]
    pinned = (SOURCES / "helm" / "go.mod").read_text()
    assert f"\thelm.sh/helm/v4 {builds.HELM_VERSION} " in pinned


def test_unknown_part_names_the_known_ones() -> None:
    with pytest.raises(ClusterError, match="kubernetes"):
        part_named("kubernetis")


def test_a_part_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERTICE_CACHE", str(tmp_path))
    first = build("pause", Progress())
    made = (first / "pause").stat().st_mtime_ns
    assert build("pause", Progress()) == first
    assert (first / "pause").stat().st_mtime_ns == made
    assert first.parent == tmp_path / "builds"


def test_a_broken_build_says_why(
    tmp_path: Path, module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (module / "main.go").write_text("package main\n\nfunc main() { undefinedThing() }\n")
    monkeypatch.setenv("VERTICE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(builds, "SOURCES", tmp_path)
    with pytest.raises(ClusterError, match="undefined: undefinedThing"):
        build("pause", Progress())
    assert not list((tmp_path / "cache" / "builds").glob("pause-*"))


def test_definitions_without_a_program_are_pinned() -> None:
    for name in ("monitoring", "keda", "external-secrets"):
        module = (SOURCES / name / "go.mod").read_text()
        [required] = [line for line in module.splitlines() if line.startswith("require ")]
        assert f" {required.split()[2]} h1:" in (SOURCES / name / "go.sum").read_text()
