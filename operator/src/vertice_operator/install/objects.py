"""Every object of an installation, in the order in which they are applied."""

from __future__ import annotations

from typing import Any, Final

from vertice_operator.install.deployment import deployment
from vertice_operator.install.holes import Condition, Each, Hole, Item, Tree, When
from vertice_operator.install.monitoring import alerts, service_monitor
from vertice_operator.install.rights import lease_rules, rules

NAME: Final = "vertice-operator"
LABELS: Final = {
    "app.kubernetes.io/name": NAME,
    "app.kubernetes.io/part-of": "vertice",
}
HERE: Final = Hole("Release.Namespace")
_RBAC: Final = "rbac.authorization.k8s.io"
_CLUSTER: Final = Condition("Values.namespaces", negated=True)
_NAMED: Final = "Values.namespaces"


def namespace() -> Tree:
    """Return the operator's namespace; Helm makes its own and so has none in its chart."""
    levels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": HERE, "labels": LABELS | levels},
    }


def account() -> Tree:
    """Return the operator's identity; only its own pod mounts a token."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _meta(),
        "automountServiceAccountToken": False,
    }


def roles() -> list[Tree]:
    """Return the rights over bots: for the whole cluster, or in each named namespace."""
    cluster = [
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRole",
            "metadata": {"name": NAME, "labels": LABELS},
            "rules": rules(namespaced=False),
        },
        _binding("ClusterRole", {"name": NAME, "labels": LABELS}),
    ]
    there = {"name": NAME, "namespace": Item(), "labels": LABELS}
    named = (
        {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "Role",
            "metadata": there,
            "rules": rules(namespaced=True),
        },
        _binding("Role", there),
    )
    return [*(When(_CLUSTER, each) for each in cluster), Each(_NAMED, named)]


def lease_role() -> list[Tree]:
    """Return the right to hold the leader Lease, in the operator's own namespace only."""
    meta = _meta("vertice-operator-lease")
    role = {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": meta, "rules": lease_rules()}
    return [role, _binding("Role", meta)]


def _binding(role: str, meta: dict[str, Tree]) -> Tree:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": f"{role}Binding",
        "metadata": meta,
        "roleRef": {"apiGroup": _RBAC, "kind": role, "name": meta["name"]},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": HERE}],
    }


def disruption_budget() -> Tree:
    """Return the budget: one at a time, and one that is broken anyway never stops a drain."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _meta(),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
        },
    }


def service() -> Tree:
    """Return the Service for scraping; nothing else asks the operator anything."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta("vertice-operator-metrics"),
        "spec": {
            "clusterIP": "None",
            "selector": {"app.kubernetes.io/name": NAME},
            "ports": [{"name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP"}],
        },
    }


def network_policy() -> Tree:
    """Return the limits: DNS, the API server (which a policy cannot name), bots' ``/statusz``."""
    bots: dict[str, Any] = {
        "namespaceSelector": {},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "vertice-bot"}},
    }
    api = Each("Values.networkPolicy.apiServerPorts", ({"port": Item(), "protocol": "TCP"},))
    dns = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _meta(),
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": [{"port": 8080, "protocol": "TCP"}]}],
            "egress": [
                {"ports": [*dns, api]},
                {"to": [bots], "ports": [{"port": 8080, "protocol": "TCP"}]},
            ],
        },
    }


def priority_class() -> Tree:
    """Return a PriorityClass that bots may name."""
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "vertice-bot", "labels": LABELS},
        "value": 100000,
        "preemptionPolicy": "Never",
        "description": "Discord bots; they go before batch work and push nobody out.",
    }


def parts() -> dict[str, list[Tree]]:
    """Return all objects but namespace and definition, by the file of the chart that has them."""
    on = {name: Condition(f"Values.{name}") for name in (
        "networkPolicy.enabled", "monitoring.enabled", "monitoring.alerts", "bot.priorityClass",
    )}  # fmt: skip
    return {
        "service-account": [account()],
        "roles": roles(),
        "lease-role": lease_role(),
        "deployment": [deployment(_meta(), LABELS)],
        "disruption-budget": [disruption_budget()],
        "service": [service()],
        "network-policy": [When(on["networkPolicy.enabled"], network_policy())],
        "service-monitor": [When(on["monitoring.enabled"], service_monitor(LABELS, HERE))],
        "alerts": [When(on["monitoring.alerts"], alerts(LABELS, HERE))],
        "priority-class": [When(on["bot.priorityClass"], priority_class())],
    }


def objects() -> list[Tree]:
    """Return all objects but namespace and definition, with their holes."""
    return [tree for trees in parts().values() for tree in trees]


def _meta(name: str = NAME) -> dict[str, Tree]:
    return {"name": name, "namespace": HERE, "labels": LABELS}
