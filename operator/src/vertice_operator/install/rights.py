"""What the operator may do, rule by rule, with the reason: for the roles and for the docs.

Nobody needs to guess whether the list is complete or too long: a test runs every feature under
these rights with the API server's audit log on, and compares what was used with what is here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from vertice_operator.api.names import GROUP
from vertice_operator.install.holes import Note
from vertice_operator.render import DISCOVERY_VERBS

_CHILD: Final = ("get", "list", "watch", "create", "patch", "delete")


@dataclass(frozen=True)
class Right:
    """One rule.

    Attributes
    ----------
    group
        API group; empty for the core group.
    resources
        As in the rule, subresources with a stroke.
    verbs
        What may be done.
    why
        One sentence; what a reader of the role would ask.
    cluster_only
        The resource is in no namespace, so a Role cannot grant it and an operator for named
        namespaces does without.
    """

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str
    cluster_only: bool = False


RIGHTS: Final[tuple[Right, ...]] = (
    Right(GROUP, ("discordbots",), ("get", "list", "watch"), "The resources; never changed."),
    Right(GROUP, ("discordbots/status",), ("patch",), "What the status says."),
    Right(
        GROUP,
        ("discordbots/finalizers",),
        ("update",),
        "Owner references that block deletion need it where the admission plug-in "
        "OwnerReferencesPermissionEnforcement is on. The operator sets no finalizer.",
    ),
    Right("", ("configmaps", "serviceaccounts", "services"), _CHILD, "Objects of the bot."),
    Right("apps", ("deployments",), _CHILD, "Its pods."),
    Right("apps", ("controllerrevisions",), _CHILD, "What was rolled out, to go back to."),
    Right("autoscaling", ("horizontalpodautoscalers",), _CHILD, "With autoscaling."),
    Right("policy", ("poddisruptionbudgets",), _CHILD, "Node drains."),
    Right("networking.k8s.io", ("networkpolicies",), _CHILD, "What its pods may talk to."),
    Right("networking.gke.io", ("fqdnnetworkpolicies",), _CHILD, "With networkPolicy.fqdn."),
    Right("keda.sh", ("scaledobjects",), _CHILD, "With autoscaling.engine KEDA."),
    Right(
        "external-secrets.io",
        ("externalsecrets",),
        _CHILD,
        "With secrets.provider ExternalSecrets.",
    ),
    Right(
        "secrets-store.csi.x-k8s.io",
        ("secretproviderclasses",),
        _CHILD,
        "With secrets.provider SecretsStoreCSI.",
    ),
    Right(
        "batch",
        ("jobs",),
        ("get", "list", "watch", "create", "patch"),
        "Migrations. They go by their own time to live and are never deleted by the operator.",
    ),
    Right(
        "monitoring.coreos.com",
        ("alertmanagerconfigs", "prometheusrules", "servicemonitors"),
        _CHILD,
        "Scraping, alerts and Slack. Optional kinds are listed and watched only where they are "
        "installed.",
    ),
    Right(
        "grafana.integreatly.org",
        ("grafanadashboards",),
        _CHILD,
        "With monitoring.dashboards.kind GrafanaDashboard.",
    ),
    Right(
        "rbac.authorization.k8s.io",
        ("rolebindings", "roles"),
        _CHILD,
        "With monitoring.prometheusServiceAccount. The API server lets nobody grant what he has "
        "not, so this can give away nothing but rights of this list.",
    ),
    Right(
        "",
        ("endpoints",),
        DISCOVERY_VERBS,
        "Held to be granted to Prometheus with monitoring.prometheusServiceAccount.",
    ),
    Right(
        "discovery.k8s.io",
        ("endpointslices",),
        DISCOVERY_VERBS,
        "Held to be granted to Prometheus as well.",
    ),
    Right(
        "",
        ("secrets",),
        ("get",),
        "Only those that a DiscordBot names are ever read; their content is hashed and dropped.",
    ),
    Right(
        "",
        ("pods",),
        (*DISCOVERY_VERBS, "patch"),
        "Why a pod does not start, and its /statusz. Patched for one annotation: what it costs to "
        "scale it away, the shards that it owns. Held with get to be granted to Prometheus.",
    ),
    Right(
        "",
        ("nodes",),
        ("list", "watch"),
        "Cordoned nodes alone, to start a second pod before a drain takes a bot's only one.",
        cluster_only=True,
    ),
    Right("", ("events",), ("create",), "What happened, on the resource."),
    Right(
        "apiextensions.k8s.io",
        ("customresourcedefinitions",),
        ("list", "watch"),
        "To notice that the definition is installed after the operator.",
        cluster_only=True,
    ),
)

LEASE_RIGHTS: Final[tuple[Right, ...]] = (
    Right(
        "coordination.k8s.io",
        ("leases",),
        ("create",),
        "The leader Lease. The right to create cannot be limited to a name.",
    ),
    Right("coordination.k8s.io", ("leases",), ("get", "update"), "The leader Lease, by name."),
)
LEASE_NAME: Final = "vertice-operator"


def rules(*, namespaced: bool) -> list[Note]:
    """Return the rules of the role, each under its reason."""
    return [
        Note(right.why, _rule(right)) for right in RIGHTS if not (namespaced and right.cluster_only)
    ]


def lease_rules() -> list[Note]:
    """Return the rules for the Lease, in the operator's own namespace."""
    create, by_name = LEASE_RIGHTS
    named = _rule(by_name)
    named = {**named, "resourceNames": [LEASE_NAME]}
    return [Note(create.why, _rule(create)), Note(by_name.why, named)]


def _rule(right: Right) -> dict[str, Any]:
    return {
        "apiGroups": [right.group],
        "resources": list(right.resources),
        "verbs": list(right.verbs),
    }


def granted(rights: Iterable[Right]) -> frozenset[tuple[str, str, str]]:
    """Return every single right: group, resource, verb."""
    return frozenset(
        (right.group, resource, verb)
        for right in rights
        for resource in right.resources
        for verb in right.verbs
    )


def rights_table() -> str:
    """Return the rights as a Markdown table."""
    lines = ["| API group | resources | verbs | why |", "|---|---|---|---|"]
    for right in RIGHTS:
        where = " Cluster-wide installation only." if right.cluster_only else ""
        lines.append(_row(right, where))
    for right in LEASE_RIGHTS:
        lines.append(_row(right, " In the operator's own namespace."))
    return "\n".join(lines)


def _row(right: Right, where: str) -> str:
    resources = ", ".join(f"`{name}`" for name in right.resources)
    return (
        f"| {right.group or 'core'} | {resources} | {', '.join(right.verbs)} | {right.why}{where} |"
    )
