"""What this cluster can do: server version, optional kinds, the metrics API."""

import re
from collections.abc import Callable, Iterable

from vertice_operator.cluster import errors
from vertice_operator.cluster.client import KubeClient
from vertice_operator.cluster.kinds import Kind, group_path
from vertice_operator.decide.facts import Cluster

_METRICS = "/apis/metrics.k8s.io/v1beta1"


class Discovery:
    """Asks again when told to, and keeps the last answer.

    Parameters
    ----------
    optional
        Kinds that a cluster may or may not have.
    """

    def __init__(self, client: KubeClient, optional: Iterable[Kind]) -> None:
        self._client, self._optional = client, tuple(optional)
        self.known: Cluster | None = None
        self.observers: list[Callable[[Cluster], None]] = []
        """Told each answer that is another one than before."""

    async def refresh(self) -> Cluster:
        """Ask the API server; raises :class:`errors.ClusterError` when it does not answer."""
        version = await self._client.get_path("/version")
        served: dict[str, frozenset[str]] = {}
        for path in sorted({group_path(kind) for kind in self._optional} | {_METRICS}):
            served[path] = await self._resources(path)
        before = self.known
        self.known = found = Cluster(
            server_minor=_minor(str(version.get("minor") or "")),
            available_kinds=frozenset(
                kind.kind for kind in self._optional if kind.plural in served[group_path(kind)]
            ),
            metrics_api="pods" in served[_METRICS],
        )
        if found != before:
            for observer in self.observers:
                observer(found)
        return found

    async def _resources(self, path: str) -> frozenset[str]:
        try:
            document = await self._client.get_path(path)
        except errors.NotFoundError:
            return frozenset()
        except errors.TransportError as error:
            # An aggregated API whose server is away answers 503; it is absent for now.
            if path == _METRICS and error.message.startswith("503"):
                return frozenset()
            raise
        return frozenset(str(each["name"]) for each in document.get("resources") or ())


def _minor(text: str) -> int:
    match = re.match(r"\d+", text)
    return int(match[0]) if match else 0
