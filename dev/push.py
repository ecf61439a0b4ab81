"""Build the images, push them to a registry of yours, and write an install file that uses them.

``make push REGISTRY=example.com/team`` is the first of the four commands of the README.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import vertice_operator
from dev.cluster.errors import ClusterError
from dev.cluster.images import base_image, build_image
from dev.cluster.progress import Progress

ROOT = Path(__file__).resolve().parent.parent
INSTALL = ROOT / "manifests" / "install.yaml"
WRITTEN = ROOT / "build" / "install.yaml"
DOCKERFILES = {"vertice-operator": "Dockerfile.operator", "vertice-bot": "Dockerfile.bot"}


def version() -> str:
    """Return the version that the install file names."""
    return vertice_operator.__version__


def with_images(text: str, images: Iterable[tuple[str, str]]) -> str:
    """Return an install file that uses other images.

    Parameters
    ----------
    text
        The install file of the repository.
    images
        Pairs of a reference in ``text`` and the one to use instead.

    Raises
    ------
    ValueError
        When a reference is not in the text: the file and this program disagree.
    """
    for old, new in images:
        if old not in text:
            raise ValueError(f"{old} is not in {INSTALL.relative_to(ROOT)}: run make generate")
        text = text.replace(f": {old}\n", f": {new}\n")
    return text


def push(registry: str, progress: Progress) -> Path:
    """Build, push and write; return the path of the install file.

    Raises
    ------
    ClusterError
        When a build or a push fails.
    """
    base = base_image(progress)
    images = []
    for name, dockerfile in DOCKERFILES.items():
        local = f"{name}:{version()}"
        remote = f"{registry.rstrip('/')}/{local}"
        build_image(ROOT / dockerfile, remote, ROOT, {"BASE": base}, progress)
        with progress.step(f"pushing {remote}"):
            done = subprocess.run(
                ["docker", "push", "--quiet", remote], check=False, capture_output=True, text=True
            )
        if done.returncode:
            raise ClusterError(
                f"{remote} cannot be pushed: {done.stderr.strip()}; log in first (docker login)"
            )
        images.append((local, remote))
    WRITTEN.parent.mkdir(exist_ok=True)
    WRITTEN.write_text(with_images(INSTALL.read_text(encoding="utf-8"), images), encoding="utf-8")
    return WRITTEN


def main() -> int:
    """Parse the arguments and push."""
    parser = argparse.ArgumentParser(prog="python -m dev.push", description=__doc__)
    parser.add_argument("registry", help="where to push to, such as example.com/team")
    try:
        written = push(parser.parse_args().registry, Progress())
    except ClusterError as error:
        print(f"push: {error}", file=sys.stderr)
        return 1
    print(f"kubectl apply --server-side -f {written.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
