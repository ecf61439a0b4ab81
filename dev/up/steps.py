"""The steps of `make up`, each safe to repeat."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dev.cloudsql.service_account import create_key_file
from dev.cluster.errors import ClusterError
from dev.cluster.kubectl import Kubectl
from dev.cluster.progress import Progress
from dev.cluster.provider import Provider
from dev.discord.world.seed import DEFAULT_TOKEN
from dev.up import objects
from dev.up.images import BOT_IMAGE, DEV_IMAGE, OPERATOR_IMAGE, build_images, load_images
from dev.up.waiting import Verdict, deployment_verdict, ready_verdict, wait_for

OVERLAY = objects.ROOT / "manifests" / "overlays" / "dev"
_SERVICES_SECONDS = 120.0
_READY_SECONDS = 300.0


@dataclass(frozen=True)
class Up:
    """One run.

    Attributes:
        cluster: The cluster, made when it is not there.
        progress: Told everything.
        token: Token of the real Discord; None means the local one.
    """

    cluster: Provider
    progress: Progress
    token: str | None = None

    @property
    def _local(self) -> bool:
        return self.token is None

    def run(self) -> Kubectl:
        """Bring everything up and return a kubectl for it.

        Raises:
            ClusterError: A step failed; the text says what to do.
        """
        new = self._cluster_and_images()
        kubectl = self.cluster.kubectl()
        with self.progress.step("applying namespaces, secrets and backing services"):
            kubectl.apply(objects.namespaces())
            kubectl.apply(self._secrets(kubectl))
            kubectl.apply(objects.backing_services(local_discord=self._local))
        with self.progress.step("applying the custom resource and the operator"):
            self._apply_operator(kubectl)
        self._restart_changed(kubectl, new)
        for name in objects.service_names(local_discord=self._local):
            self._wait_deployment(kubectl, objects.DEV_NAMESPACE, name)
        self._wait_deployment(kubectl, objects.SYSTEM_NAMESPACE, "vertice-operator")
        self._apply_bot(kubectl, restart=BOT_IMAGE in new)
        return kubectl

    def _cluster_and_images(self) -> frozenset[str]:
        """Make the cluster while the images are built: one waits, the other computes."""
        with ThreadPoolExecutor(max_workers=2) as pool:
            images = pool.submit(build_images, self.progress)
            cluster = pool.submit(self.cluster.create)
            cluster.result()
            names = images.result()
        return load_images(self.cluster, names, self.progress).new

    def _secrets(self, kubectl: Kubectl) -> list[objects.Object]:
        items = kubectl.get("secrets", "-n", objects.DEMO_NAMESPACE)["items"]
        found = {item["metadata"]["name"]: item for item in items}
        values = objects.credentials(found, self.token or DEFAULT_TOKEN, new_google_key)
        return objects.secret_objects(values, local_discord=self._local)

    def _apply_operator(self, kubectl: Kubectl) -> None:
        if not OVERLAY.is_dir():
            raise ClusterError(f"{OVERLAY} is missing: this checkout is not complete")
        kubectl.run("apply", "--server-side", "--force-conflicts", "-k", str(OVERLAY))
        kubectl.run(
            "wait", "--for=condition=Established", "crd/discordbots.vertice.dev", "--timeout=60s"
        )

    def _restart_changed(self, kubectl: Kubectl, new: frozenset[str]) -> None:
        """Roll what runs an older build of an image: the tag stays the same from build to build."""
        if DEV_IMAGE in new:
            # The local Discord's world and the database live in these pods; a new image is worth
            # losing them, a repetition of `make up` is not.
            for name in objects.service_names(local_discord=self._local):
                self._restart(kubectl, objects.DEV_NAMESPACE, name)
        if OPERATOR_IMAGE in new:
            self._restart(kubectl, objects.SYSTEM_NAMESPACE, "vertice-operator")

    def _restart(self, kubectl: Kubectl, namespace: str, name: str) -> None:
        deployment = kubectl.get("deployment", name, "-n", namespace)
        # One that was made just now starts with the new image anyhow.
        if deployment.get("status", {}).get("availableReplicas"):
            kubectl.run("rollout", "restart", f"deployment/{name}", "-n", namespace)

    def _wait_deployment(self, kubectl: Kubectl, namespace: str, name: str) -> None:
        def look() -> Verdict:
            return deployment_verdict(kubectl.get("deployment", name, "-n", namespace))

        self._wait(f"{namespace}/{name}", look, _SERVICES_SECONDS, kubectl, (namespace,))

    def _apply_bot(self, kubectl: Kubectl, *, restart: bool) -> None:
        body = objects.bot(local_discord=self._local)
        reference = ("discordbot", body["metadata"]["name"], "-n", objects.DEMO_NAMESPACE)
        exists = kubectl.call("get", *reference).returncode == 0
        kubectl.apply([body])
        if exists and restart:
            moment = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            patch = json.dumps({"spec": {"restartAt": moment}})
            kubectl.run("patch", *reference, "--type=merge", "-p", patch)
        where = (objects.DEMO_NAMESPACE, objects.SYSTEM_NAMESPACE)
        self._wait(
            f"{objects.DEMO_NAMESPACE}/{body['metadata']['name']}",
            lambda: ready_verdict(kubectl.get(*reference)),
            _READY_SECONDS,
            kubectl,
            where,
        )

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
