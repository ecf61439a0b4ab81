"""The kinds of object that the operator makes, in the order in which they are applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class ChildKind:
    """A kind of child.

    Args:
        group: API group; empty for the core group.
        version: version that is rendered.
        kind: as in ``kind``.
        plural: as in the URL.
        optional: whether a cluster may lack the kind, or the operator the right to it; the bot then
            runs without such a child.
        prunable: whether an object that is not in the desired set any more is to be deleted.
            False for Jobs: a finished one goes by its own time to live, and a change of the spec
            must not end a migration half way.
        namespaced: whether the URL has a namespace; true for all of them.
    """

    group: str
    version: str
    kind: str
    plural: str
    optional: bool = False
    prunable: bool = True
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The ``apiVersion`` of an object of this kind."""
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True)
class Child:
    """One object of the bot: what it must look like, or (body None) that it must not exist."""

    kind: ChildKind
    name: str
    body: dict[str, Any] | None


SERVICE_ACCOUNT: Final = ChildKind("", "v1", "ServiceAccount", "serviceaccounts")
CONFIG_MAP: Final = ChildKind("", "v1", "ConfigMap", "configmaps")
NETWORK_POLICY: Final = ChildKind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
SERVICE: Final = ChildKind("", "v1", "Service", "services")
CONTROLLER_REVISION: Final = ChildKind("apps", "v1", "ControllerRevision", "controllerrevisions")
JOB: Final = ChildKind("batch", "v1", "Job", "jobs", prunable=False)
DEPLOYMENT: Final = ChildKind("apps", "v1", "Deployment", "deployments")
HORIZONTAL_POD_AUTOSCALER: Final = ChildKind(
    "autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"
)
POD_DISRUPTION_BUDGET: Final = ChildKind(
    "policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"
)
SERVICE_MONITOR: Final = ChildKind(
    "monitoring.coreos.com", "v1", "ServiceMonitor", "servicemonitors", optional=True
)
PROMETHEUS_RULE: Final = ChildKind(
    "monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules", optional=True
)
ALERTMANAGER_CONFIG: Final = ChildKind(
    "monitoring.coreos.com", "v1alpha1", "AlertmanagerConfig", "alertmanagerconfigs", optional=True
)
GRAFANA_DASHBOARD: Final = ChildKind(
    "grafana.integreatly.org", "v1beta1", "GrafanaDashboard", "grafanadashboards", optional=True
)
SCALED_OBJECT: Final = ChildKind(
    "keda.sh", "v1alpha1", "ScaledObject", "scaledobjects", optional=True
)
EXTERNAL_SECRET: Final = ChildKind(
    "external-secrets.io", "v1", "ExternalSecret", "externalsecrets", optional=True
)
SECRET_PROVIDER_CLASS: Final = ChildKind(
    "secrets-store.csi.x-k8s.io",
    "v1",
    "SecretProviderClass",
    "secretproviderclasses",
    optional=True,
)
FQDN_NETWORK_POLICY: Final = ChildKind(
    "networking.gke.io", "v1alpha1", "FQDNNetworkPolicy", "fqdnnetworkpolicies", optional=True
)
ROLE: Final = ChildKind("rbac.authorization.k8s.io", "v1", "Role", "roles", optional=True)
ROLE_BINDING: Final = ChildKind(
    "rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings", optional=True
)

KINDS: Final[tuple[ChildKind, ...]] = (
    SERVICE_ACCOUNT,
    CONFIG_MAP,
    EXTERNAL_SECRET,
    SECRET_PROVIDER_CLASS,
    FQDN_NETWORK_POLICY,  # before the policy that stops allowing every public address
    NETWORK_POLICY,  # before the pods, so that none ever runs open
    SERVICE,
    CONTROLLER_REVISION,  # before the Deployment: what runs is always written down
    JOB,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    SCALED_OBJECT,
    POD_DISRUPTION_BUDGET,
    ROLE,
    ROLE_BINDING,
    SERVICE_MONITOR,
    PROMETHEUS_RULE,
    ALERTMANAGER_CONFIG,
    GRAFANA_DASHBOARD,
)
"""Every kind a child can have, in the order of application."""
