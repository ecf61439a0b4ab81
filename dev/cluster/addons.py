"""What runs inside a cluster: names of Services, and the numbers of autoscalers.

Manifests are dictionaries that look like the YAML. Both providers apply the metrics server; only
the native one needs the DNS.
"""

from __future__ import annotations

from typing import Any

from dev.cluster.scratch import full_reference

Manifest = dict[str, Any]

COREDNS_IMAGE = "vertice-coredns:dev"
METRICS_IMAGE = "vertice-metrics-server:dev"
_SYSTEM = "kube-system"
_SCRATCH = "/scratch"
_RBAC = "rbac.authorization.k8s.io"


def _account(name: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": _SYSTEM},
    }


def _role(name: str, *rules: tuple[str, str, str]) -> Manifest:
    """Return a ClusterRole; each rule is API group, resources, verbs, blanks between."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [
            {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split()}
            for group, resources, verbs in rules
        ],
    }


def _binding(name: str, role: str, account: str, *, namespaced: bool = False) -> Manifest:
    metadata = {"name": name} | ({"namespace": _SYSTEM} if namespaced else {})
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding" if namespaced else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {
            "apiGroup": _RBAC,
            "kind": "Role" if namespaced else "ClusterRole",
            "name": role,
        },
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": _SYSTEM}],
    }


def _deployment(name: str, pod: Manifest) -> Manifest:
    labels = {"k8s-app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": _SYSTEM, "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def corefile(name_servers: list[str]) -> str:
    """Return CoreDNS's configuration: the cluster's names, and the upstream when there is one."""
    forward = f"    forward . {' '.join(name_servers)}\n" if name_servers else ""
    return (
        ".:53 {\n"
        "    errors\n"
        "    health\n"
        "    ready\n"
        "    kubernetes cluster.local in-addr.arpa ip6.arpa {\n"
        "        pods insecure\n"
        "        fallthrough in-addr.arpa ip6.arpa\n"
        "        ttl 5\n"
        "    }\n"
        f"{forward}"
        "    cache 5\n"
        "    loadbalance\n"
        "}\n"
    )


def _probe(path: str, port: int, scheme: str = "HTTP") -> Manifest:
    return {
        "httpGet": {"path": path, "port": port, "scheme": scheme},
        "periodSeconds": 1,
        "failureThreshold": 60,
    }


def _dns_container() -> Manifest:
    return {
        "name": "coredns",
        "image": full_reference(COREDNS_IMAGE),
        "imagePullPolicy": "Never",
        "args": ["-conf", "/etc/coredns/Corefile"],
        "ports": [
            {"containerPort": 53, "protocol": "UDP", "name": "dns"},
            {"containerPort": 53, "protocol": "TCP", "name": "dns-tcp"},
        ],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
        "readinessProbe": _probe("/ready", 8181),
        "resources": {"requests": {"cpu": "20m", "memory": "30Mi"}, "limits": {"memory": "170Mi"}},
        "securityContext": {
            "runAsUser": 0,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
        },
    }


def dns_manifests(address: str, name_servers: list[str]) -> list[Manifest]:
    """Return CoreDNS at the cluster's DNS address.

    Parameters
    ----------
    address
        The Service address that every pod has as its resolver.
    name_servers
        Where other names are asked for; none: only the cluster's names resolve.
    """
    pod = {
        "serviceAccountName": "coredns",
        "priorityClassName": "system-cluster-critical",
        "dnsPolicy": "Default",
        "tolerations": [{"operator": "Exists"}],
        "containers": [_dns_container()],
        "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": _SYSTEM},
        "spec": {
            "clusterIP": address,
            "selector": {"k8s-app": "coredns"},
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP"},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
            ],
        },
    }
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "coredns", "namespace": _SYSTEM},
        "data": {"Corefile": corefile(name_servers)},
    }
    role = _role(
        "vertice:coredns",
        ("", "endpoints services pods namespaces", "list watch"),
        ("discovery.k8s.io", "endpointslices", "list watch"),
    )
    binding = _binding("vertice:coredns", "vertice:coredns", "coredns")
    return [_account("coredns"), role, binding, config, service, _deployment("coredns", pod)]


def _metrics_container(kubelet_flags: list[str]) -> Manifest:
    return {
        "name": "metrics-server",
        "image": full_reference(METRICS_IMAGE),
        "imagePullPolicy": "Never",
        "args": [
            "--secure-port=4443",
            f"--cert-dir={_SCRATCH}",
            "--kubelet-preferred-address-types=InternalIP",
            "--kubelet-use-node-status-port",
            # It ends itself unless the resolution is greater than the time-out.
            "--metric-resolution=10s",
            "--kubelet-request-timeout=5s",
            *kubelet_flags,
        ],
        "ports": [{"containerPort": 4443, "name": "https"}],
        "volumeMounts": [{"name": "tmp", "mountPath": _SCRATCH}],
        "readinessProbe": _probe("/readyz", 4443, "HTTPS"),
        "resources": {"requests": {"cpu": "20m", "memory": "40Mi"}},
        "securityContext": {
            "runAsUser": 65532,
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


def metrics_manifests(*, kubelets_signed: bool) -> list[Manifest]:
    """Return metrics-server and its registration as an aggregated API.

    Parameters
    ----------
    kubelets_signed
        Whether the cluster's CA signed the kubelets' certificates; kind's kubelets sign their own.
    """
    authority = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
    trusted = [f"--kubelet-certificate-authority={authority}"]
    name = "metrics-server"
    pod = {
        "serviceAccountName": name,
        "priorityClassName": "system-cluster-critical",
        "tolerations": [{"operator": "Exists"}],
        "containers": [
            _metrics_container(trusted if kubelets_signed else ["--kubelet-insecure-tls"])
        ],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": _SYSTEM},
        "spec": {
            "selector": {"k8s-app": name},
            "ports": [{"name": "https", "port": 443, "targetPort": 4443}],
        },
    }
    return [
        _account(name),
        _role(
            "vertice:metrics-server",
            ("", "nodes/metrics", "get"),
            ("", "pods nodes", "get list watch"),
        ),
        _role("vertice:metrics-reader", ("metrics.k8s.io", "pods nodes", "get list watch")),
        _binding("vertice:metrics-server", "vertice:metrics-server", name),
        _binding("vertice:metrics-server-delegator", "system:auth-delegator", name),
        _binding(
            "vertice-metrics-server", "extension-apiserver-authentication-reader", name,
            namespaced=True,
        ),
        service,
        _deployment(name, pod),
        _metrics_registration(name),
    ]  # fmt: skip


def _metrics_registration(service: str) -> Manifest:
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            # The pod makes its own certificate at each start, so there is no authority to name.
            "insecureSkipTLSVerify": True,
            "service": {"name": service, "namespace": _SYSTEM},
        },
    }
