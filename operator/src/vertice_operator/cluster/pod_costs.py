"""Writes ``controller.kubernetes.io/pod-deletion-cost`` on pods."""

import logging
from collections.abc import Iterable

from vertice_operator.api import names
from vertice_operator.cluster import errors
from vertice_operator.cluster.cache import LiveCache
from vertice_operator.cluster.client import KubeClient
from vertice_operator.cluster.kinds import POD
from vertice_operator.decide.facts import PodFact

log = logging.getLogger(__name__)


class PodCosts:
    """The one thing that the operator writes on pods."""

    def __init__(self, client: KubeClient, cache: LiveCache) -> None:
        self._client, self._cache = client, cache

    async def put(self, namespace: str, costs: Iterable[tuple[PodFact, int]]) -> None:
        """Write the costs; each only on the very pod that was looked at.

        A failure is logged: which pod goes first is never worth a failed reconcile, and the next
        look tries again.

        Raises
        ------
        errors.NotLeaderError
            Another replica may lead by now.
        """
        for pod, cost in costs:
            body = {
                "apiVersion": "v1",
                "kind": POD.kind,
                "metadata": {
                    "namespace": namespace,
                    "name": pod.name,
                    "annotations": {names.ANNOTATION_DELETION_COST: str(cost)},
                },
            }
            try:
                # Stored at once, so that the watch's echo of it is no news.
                self._cache.store(POD, await self._client.apply(POD, body, uid=pod.uid))
            except errors.NotLeaderError:
                raise
            except errors.ClusterError as error:
                log.info("deletion cost of pod %s/%s: %s", namespace, pod.name, error)
