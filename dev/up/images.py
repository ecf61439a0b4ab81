"""The product's images, built from the checkout and brought onto the nodes."""

from __future__ import annotations

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


def build_images(progress: Progress) -> None:
    """Build every image that `make up` needs.

    Layers that did not change come from the engine's cache, so a repetition takes seconds.

    Raises:
        ClusterError: A build failed; with the end of its output.
    """
    base = base_image(progress)
    for tag, dockerfile in _DOCKERFILES.items():
        build_image(ROOT / dockerfile, tag, ROOT, {"BASE": base}, progress)
    proxy_image(progress)


def load_images(cluster: Provider, names: tuple[str, ...], progress: Progress) -> None:
    """Bring images onto the nodes, unless they are there."""
    for name in names:
        with progress.step(f"loading {name} onto the nodes"):
            cluster.load_image(name)
