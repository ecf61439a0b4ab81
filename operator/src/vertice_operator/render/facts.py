"""What rendering needs to know besides the resource itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vertice_operator.api.v1alpha1 import ProxyMode
from vertice_operator.render.history import History

RUNBOOKS: Final = "https://vertice.dev/runbooks"


@dataclass(frozen=True)
class RenderFacts:
    """Facts about the cluster and the live objects. All are looked up by the caller.

    Args:
        operator_version: version of the running operator. It must not reach a pod template, or an
            upgrade of the operator would restart every bot.
        bot_image: reference for a resource that names no image (or only a tag or digest): the
            pinned default, or that of this operator for a new resource.
        proxy_image: the same for the Cloud SQL Auth Proxy.
        server_minor: minor version of the API server, 34 for 1.34.
        proxy_mode: what an earlier reconcile chose (``status.proxyMode``), so that an upgrade of
            the cluster does not change the mode by itself.
        live_replicas: ``spec.replicas`` of the live Deployment; None where there is none.
        hpa_owns_replicas: whether the autoscaler, and no longer the operator, owns that field.
        secret_hash: keyed hash of the referenced Secrets (``secret_hash``); None before they are
            resolved.
        available_kinds: optional kinds that this cluster has, by kind (``ServiceMonitor``).
        recommended_shards: what Discord recommends; None where it is not known.
        configured_shards: number of shards that the bot runs with already; keeps ``auto`` fixed.
        history: the revisions that are kept, and which of them is to run; None where nothing is
            known, and what the spec asks for is rendered anew.
        job_configs: key of the configuration that a live migration Job mounts, by its name.
        migrated: digest of the last migration that is known to be complete, as the Deployment's
            annotation ``vertice.dev/migrated`` says. The Job of that digest is not made again
            after its time to live.
        second_replica_for: the cordoned node on which the bot's only pod is; a second replica then
            runs, and the budget keeps the only pod until that one is Ready.
        operator_namespace: where the operator runs; its pods may read ``/statusz``.
        runbook_base_url: where the project's runbooks are published.
    """

    operator_version: str
    bot_image: str
    proxy_image: str
    server_minor: int
    proxy_mode: ProxyMode | None = None
    live_replicas: int | None = None
    hpa_owns_replicas: bool = False
    secret_hash: str | None = None
    available_kinds: frozenset[str] = frozenset()
    recommended_shards: int | None = None
    configured_shards: int | None = None
    history: History | None = None
    job_configs: Mapping[str, str] = field(default_factory=dict)
    migrated: str | None = None
    second_replica_for: str | None = None
    operator_namespace: str = "vertice-system"
    runbook_base_url: str = RUNBOOKS
