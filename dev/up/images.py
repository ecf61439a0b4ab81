"""The product's images, built from the checkout and brought onto the nodes."""

from __future__ import annotations

from dataclasses import dataclass

from dev.cluster.images import base_image, build_image, proxy_image
from dev.cluster.progress import Progress
from dev.cluster.provider import Provider
from dev.up.objects import ROOT

BOT_IMAGE = "vertice-bot:dev"
OPERATOR_IMAGE = "vertice-operator:dev"
DEV_IMAGE = "vertice-dev:dev"
_DOCKERFILES = {
    DEV_IMAGE: "dev/Dockerfile",
    OPERATOR_IMAGE: "Dockerfile.operator",
    BOT_IMAGE: "Dockerfile.bot",
}


@dataclass(frozen=True)
class Loaded:
    """Which images are new on the nodes since the last time."""

    new: frozenset[str]


def build_images(progress: Progress) -> tuple[str, ...]:
    """Build every image that `make up` needs and return their names.

    Layers that did not change come from the engine's cache, so a repetition takes seconds.

    Raises:
        ClusterError: A build failed; with the end of its output.
    """
    base = base_image(progress)
    for tag, dockerfile in _DOCKERFILES.items():
        build_image(ROOT / dockerfile, tag, ROOT, {"BASE": base}, progress)
    return (*_DOCKERFILES, proxy_image(progress))


def load_images(cluster: Provider, names: tuple[str, ...], progress: Progress) -> Loaded:
    """Bring images onto the nodes."""
    new: set[str] = set()
    for name in names:
        with progress.step(f"loading {name} onto the nodes"):
            if cluster.load_image(name):
                new.add(name)
    return Loaded(frozenset(new))
