"""The steps of `make up`, each safe to repeat."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dev.cloudsql.service_account import create_key_file
from dev.cluster.errors import ClusterError
from dev.cluster.images import PROXY_IMAGE, image_identity
from dev.cluster.kubectl import Kubectl
from dev.cluster.progress import Progress
from dev.cluster.provider import Provider
from dev.local.settings import LOCAL_TOKEN
from dev.up import objects
from dev.up.images import BOT_IMAGE, DEV_IMAGE, OPERATOR_IMAGE, build_images, load_images
from dev.up.waiting import Verdict, deployment_verdict, ready_verdict, wait_for, with_problems

OVERLAY = objects.ROOT / "manifests" / "overlays" / "dev"
OPERATOR = "vertice-operator"
_SERVICES_SECONDS = 120.0
_READY_SECONDS = 300.0


@dataclass(frozen=True)
class Up:
    """One run.

    Attributes:
        cluster: The cluster, made when it is not there.
        progress: Told everything.
        token: Token of the real Discord; None means the local one.
        build: Brings the images into the Docker engine.
    """

    cluster: Provider
    progress: Progress
    token: str | None = None
    build: Callable[[Progress], None] = build_images

    @property
    def _local(self) -> bool:
        return self.token is None

    def run(self) -> Kubectl:
        """Bring everything up and return a kubectl for it.

        Raises:
            ClusterError: A step failed; the text says what to do.
        """
        self._cluster_and_images()
        kubectl = self.cluster.kubectl()
        # What is loaded first starts while the rest is being loaded.
        load_images(self.cluster, (DEV_IMAGE,), self.progress)
        with self.progress.step("applying namespaces, secrets and backing services"):
            kubectl.apply(objects.namespaces())
            kubectl.apply(self._secrets(kubectl))
            build = image_identity(DEV_IMAGE)
            kubectl.apply(objects.backing_services(build, local_discord=self._local))
            if not self._local:
                # One of an earlier run on the local Discord.
                kubectl.run("delete", "--ignore-not-found", "-f", str(objects.LOCAL_DISCORD))
        load_images(self.cluster, (OPERATOR_IMAGE,), self.progress)
        with self.progress.step("applying the custom resource and the operator"):
            self._apply_operator(kubectl)
        load_images(self.cluster, (PROXY_IMAGE, BOT_IMAGE), self.progress)
        for name in objects.service_names(local_discord=self._local):
            self._wait_deployment(kubectl, objects.DEV_NAMESPACE, name)
        self._wait_deployment(kubectl, objects.SYSTEM_NAMESPACE, OPERATOR)
        self._apply_bot(kubectl)
        return kubectl

    def _cluster_and_images(self) -> None:
        """Make the cluster while the images are built: one waits, the other computes."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            images = pool.submit(self.build, self.progress)
            cluster = pool.submit(self.cluster.create)
            cluster.result()
            images.result()

    def _secrets(self, kubectl: Kubectl) -> list[objects.Object]:
        items = kubectl.get("secrets", "-n", objects.DEMO_NAMESPACE)["items"]
        found = {item["metadata"]["name"]: item for item in items}
        values = objects.credentials(found, self.token or LOCAL_TOKEN, new_google_key)
        return objects.secret_objects(values, local_discord=self._local)

    def _apply_operator(self, kubectl: Kubectl) -> None:
        if not OVERLAY.is_dir():
            raise ClusterError(f"{OVERLAY} is missing: this checkout is not complete")
        kubectl.run("apply", "--server-side", "--force-conflicts", "-k", str(OVERLAY))
        kubectl.run(
            "wait", "--for=condition=Established", "crd/discordbots.vertice.dev", "--timeout=60s"
        )
        # The tag stays the same from build to build; the id in the template rolls the pods.
        annotations = {objects.IMAGE_ANNOTATION: image_identity(OPERATOR_IMAGE)}
        template = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        where = ("-n", objects.SYSTEM_NAMESPACE)
        kubectl.run("patch", "deployment", OPERATOR, *where, "-p", json.dumps(template))

    def _wait_deployment(self, kubectl: Kubectl, namespace: str, name: str) -> None:
        def look() -> Verdict:
            verdict = deployment_verdict(kubectl.get("deployment", name, "-n", namespace))
            pods = kubectl.get("pods", "-n", namespace)["items"]
            return with_problems(verdict, name, pods)

        self._wait(f"{namespace}/{name}", look, _SERVICES_SECONDS, kubectl, (namespace,))

    def _apply_bot(self, kubectl: Kubectl) -> None:
        builds = image_identity(BOT_IMAGE), image_identity(DEV_IMAGE)
        body = objects.bot(*builds, local_discord=self._local)
        name = body["metadata"]["name"]
        kubectl.apply([body])

        def look() -> Verdict:
            found = kubectl.get("discordbot", name, "-n", objects.DEMO_NAMESPACE)
            return ready_verdict(found)

        where = (objects.DEMO_NAMESPACE, objects.SYSTEM_NAMESPACE)
        self._wait(f"{objects.DEMO_NAMESPACE}/{name}", look, _READY_SECONDS, kubectl, where)

    def _wait(
        self,
        what: str,
        look: Callable[[], Verdict],
        seconds: float,
        kubectl: Kubectl,
        namespaces: tuple[str, ...],
    ) -> None:
        wait_for(what, look, seconds, self.progress, kubectl=kubectl, namespaces=namespaces)


def new_google_key() -> str:
    """Return the content of a fresh service-account key file for the stand-in."""
    with tempfile.TemporaryDirectory(prefix="vertice-key-") as folder:
        path = Path(folder) / "key.json"
        create_key_file(path, "vertice-dev", objects.TOKEN_URI)
        return path.read_text()
