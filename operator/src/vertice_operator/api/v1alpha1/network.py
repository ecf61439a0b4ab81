"""What the pods may talk to."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema

from vertice_operator.api.v1alpha1.base import ApiModel, Bool, FreeForm, NamespaceName


def _cidr(value: str) -> str:
    if "/" not in value:
        raise ValueError(f"{value!r} is not an address range such as 10.0.0.0/16")
    ipaddress.ip_network(value, strict=False)
    return value


CIDR = Annotated[
    str,
    Field(max_length=64),
    AfterValidator(_cidr),
    WithJsonSchema({"type": "string", "format": "cidr", "maxLength": 64}),
]


class OtlpPeer(ApiModel):
    """Where the collector of traces runs."""

    namespace: NamespaceName
    """Namespace of the collector."""


class NetworkPolicySpec(ApiModel):
    """The NetworkPolicy: DNS, Discord, Google, the database and the cache, and nothing else."""

    enabled: Bool = True
    """Make a NetworkPolicy."""
    database_cidr: Annotated[CIDR | None, Field(alias="databaseCIDR")] = None
    """Addresses of the database. Absent: the private ranges."""
    cache_cidr: Annotated[CIDR | None, Field(alias="cacheCIDR")] = None
    """Addresses of Redis. Absent: the private ranges."""
    otlp: OtlpPeer | None = None
    """Where the collector of traces runs. Absent: a collector inside the cluster is not
    reachable."""
    prometheus_namespace: NamespaceName = "monitoring"
    """Namespace that may read the metrics."""
    extra_egress: Annotated[
        tuple[FreeForm, ...],
        Field(max_length=20, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    ] = ()
    """More egress rules, as in a networking.k8s.io/v1 NetworkPolicy."""
    fqdn: Bool = False
    """Also make an FQDNNetworkPolicy (GKE Dataplane V2) that allows Discord by name."""
