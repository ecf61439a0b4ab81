"""Builds the programs of the cluster from pinned Go modules, once, into the cache.

Each part is a Go module of its own under ``native/go`` whose ``go.mod`` and ``go.sum`` pin every
input. The result is kept under a key made of these files, the flags and the Go version, so a change
of any of them builds anew and everything else is found at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from dev.cluster.errors import ClusterError
from dev.cluster.folders import cache_folder
from dev.cluster.locks import locked
from dev.cluster.progress import Progress

SOURCES = Path(__file__).parent / "native" / "go"
KUBERNETES_VERSION = "v1.37.2"
HELM_VERSION = "v4.3.1"
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Part:
    """One Go module and the programs it makes.

    Parameters
    ----------
    name
        The folder under ``native/go`` and the name on the command line.
    programs
        Program name to Go package.
    links
        Other names of a program: symbolic link to program.
    ldflags
        Flags of the linker besides ``-s -w``.
    about
        One line for ``--help``.
    """

    name: str
    programs: Mapping[str, str]
    about: str
    links: Mapping[str, str] = field(default_factory=lambda: _NONE)
    ldflags: str = ""


def _kubernetes_version_flags(version: str) -> str:
    major, minor, _ = version.removeprefix("v").split(".")
    package = "k8s.io/component-base/version"
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    return " ".join(f"-X {package}.{name}={value}" for name, value in values.items())


_SERVERS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")

PARTS: Mapping[str, Part] = {
    part.name: part
    for part in (
        Part(
            "etcd",
            {"etcd": "go.etcd.io/etcd/server/v3"},
            "the store of the control plane (about 30 s)",
        ),
        Part(
            "kubernetes",
            {"kubernetes": "./server", "kubectl": "./kubectl"},
            "apiserver, controller-manager, scheduler, kubelet, kube-proxy, kubectl (about 6 min)",
            links=dict.fromkeys(_SERVERS, "kubernetes"),
            ldflags=_kubernetes_version_flags(KUBERNETES_VERSION),
        ),
        Part("pause", {"pause": "."}, "the process that holds a pod's namespaces (1 s)"),
        Part(
            "coredns",
            {"coredns": "github.com/coredns/coredns"},
            "names of Services (about 2 min)",
        ),
        Part(
            "metrics-server",
            {"metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server"},
            "numbers for kubectl top and autoscalers (about 1 min)",
        ),
        Part(
            "cloud-sql-proxy",
            {"cloud-sql-proxy": "github.com/GoogleCloudPlatform/cloud-sql-proxy/v2"},
            "the real Cloud SQL Auth Proxy (about 45 s)",
        ),
        Part(
            "kwok",
            {"kwok": "sigs.k8s.io/kwok/cmd/kwok"},
            "fake nodes for scale tests; not built unless named (about 1 min)",
        ),
        Part(
            "helm",
            {"helm": "helm.sh/helm/v4/cmd/helm"},
            "the package manager that installs the chart; not built unless named (about 2 min)",
            ldflags=f"-X helm.sh/helm/v4/internal/version.version={HELM_VERSION}",
        ),
        Part(
            "kind",
            {"kind": "sigs.k8s.io/kind"},
            "the other provider; not built unless named (about 10 s)",
        ),
    )
}
CONTROL_PLANE_PARTS = ("etcd", "kubernetes")
CLUSTER_PARTS = (*CONTROL_PLANE_PARTS, "pause", "coredns", "metrics-server")
DEFAULT_PARTS = (*CLUSTER_PARTS, "cloud-sql-proxy")


def part_named(name: str) -> Part:
    """Return the part with this name.

    Raises
    ------
    ClusterError
        When there is none; the message lists the names.
    """
    if name not in PARTS:
        raise ClusterError(f"no part is called {name!r}; the parts are {', '.join(PARTS)}")
    return PARTS[name]


def input_files(folder: Path) -> list[Path]:
    """Return the files that decide what a module builds, in a stable order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def build_key(part: Part, folder: Path, go_version: str) -> str:
    """Return the cache key of a part: a digest of everything that decides its programs.

    Parameters
    ----------
    part
        What is built and with which flags.
    folder
        The Go module.
    go_version
        As ``go env GOVERSION`` prints it.
    """
    digest = hashlib.sha256()
    flags = [part.name, dict(part.programs), dict(part.links), part.ldflags, go_version]
    digest.update(json.dumps(flags, sort_keys=True).encode())
    for path in input_files(folder):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"\n{path.relative_to(folder).as_posix()} {content}".encode())
    return digest.hexdigest()[:16]


def build_command(part: Part, program: str, output: Path) -> list[str]:
    """Return the ``go build`` command line of one program of a part."""
    return [
        "go",
        "build",
        "-v",
        "-mod=readonly",
        "-trimpath",
        "-buildvcs=false",
        "-ldflags",
        f"-s -w {part.ldflags}".strip(),
        "-o",
        str(output / program),
        part.programs[program],
    ]


def _go(*arguments: str, folder: Path) -> str:
    if shutil.which("go") is None:
        raise ClusterError("the Go toolchain (1.26 or newer) is not on PATH; install it first")
    done = subprocess.run(
        ["go", *arguments], cwd=folder, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise ClusterError(f"go {' '.join(arguments)} failed in {folder}:\n{done.stderr.strip()}")
    return done.stdout.strip()


def build(name: str, progress: Progress) -> Path:
    """Build a part unless the cache has it, and return the folder of its programs.

    A second process that wants the same part waits for the first one instead of building again.

    Parameters
    ----------
    name
        A key of `PARTS`.
    progress
        Told the start, the number of packages compiled so far every ten seconds, and the end.
    """
    part = part_named(name)
    source = SOURCES / name
    builds = cache_folder() / "builds"
    target = builds / f"{name}-{build_key(part, source, _go('env', 'GOVERSION', folder=source))}"
    if target.is_dir():
        return target
    builds.mkdir(parents=True, exist_ok=True)
    with locked(builds / f"{name}.lock", f"waiting for another build of {name}", progress):
        if not target.is_dir():
            with (
                progress.step(f"building {name}: {part.about}"),
                tempfile.TemporaryDirectory(dir=builds, prefix=f"{name}-") as work,
            ):
                _compile(part, source, Path(work), progress)
                _publish(part, Path(work), target)
    return target


def _compile(part: Part, source: Path, output: Path, progress: Progress) -> None:
    for program in part.programs:
        process = subprocess.Popen(
            build_command(part, program, output),
            cwd=source,
            env=os.environ | {"CGO_ENABLED": "0"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        lines: list[str] = []
        stop = threading.Event()
        reporter = threading.Thread(
            target=_report, args=(program, lines, stop, progress), daemon=True
        )
        reporter.start()
        try:
            assert process.stderr is not None
            lines.extend(process.stderr)
            status = process.wait()
        finally:
            stop.set()
            if process.poll() is None:
                process.terminate()
                process.wait()
            reporter.join()
        if status:
            raise ClusterError(f"building {program} failed:\n{''.join(lines[-30:])}")


def _report(program: str, lines: list[str], stop: threading.Event, progress: Progress) -> None:
    while not stop.wait(10):
        progress.say(f"building {program}: {len(lines)} packages so far")


def _publish(part: Part, work: Path, target: Path) -> None:
    for link, program in part.links.items():
        (work / link).symlink_to(program)
    staged = target.with_suffix(".new")
    shutil.rmtree(staged, ignore_errors=True)
    shutil.copytree(work, staged, symlinks=True)
    staged.rename(target)


def module_folder(name: str, module: str) -> Path:
    """Return where the Go module cache keeps ``module`` at the version that part ``name`` pins."""
    answer = json.loads(_go("mod", "download", "-json", module, folder=SOURCES / name))
    return Path(answer["Dir"])


def monitoring_definitions() -> list[Path]:
    """Return the files that define ServiceMonitor and PrometheusRule, from the module cache."""
    root = module_folder("monitoring", "github.com/prometheus-operator/prometheus-operator")
    folder = root / "example" / "prometheus-operator-crd"
    names = ("servicemonitors", "prometheusrules")
    return [folder / f"monitoring.coreos.com_{name}.yaml" for name in names]
