"""A whole cluster, as users of it see it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from dev.cluster.images import base_image
from dev.cluster.progress import Progress, wait_until
from dev.testing.cluster import Cluster

pytestmark = pytest.mark.cluster

NAMESPACE = "cluster-test"
SERVE = (
    "import http.server, sys; print('serving', flush=True); "
    "http.server.test(HandlerClass=http.server.SimpleHTTPRequestHandler, port=8000)"
)
SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def _container(name: str, image: str, script: str, **more: Any) -> dict[str, Any]:
    command = ["python3", "-c", script]
    return {"name": name, "image": image, "command": command, "securityContext": SECURITY} | more


def _manifests(image: str) -> str:
    sidecar = _container(
        "sidecar",
        image,
        "import time; time.sleep(100000)",
        restartPolicy="Always",
    )
    server = _container(
        "server",
        image,
        SERVE,
        readinessProbe={"httpGet": {"path": "/", "port": 8000}, "periodSeconds": 1},
        resources={"requests": {"cpu": "50m", "memory": "32Mi"}},
        workingDir="/tmp",
    )
    metadata = {"name": "server", "namespace": NAMESPACE}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata | {"labels": {"app": "server"}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "initContainers": [sidecar],
            "containers": [server],
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata | {"name": "web"},
        "spec": {
            "type": "NodePort",
            "selector": {"app": "server"},
            "ports": [{"port": 80, "targetPort": 8000, "nodePort": 30081}],
        },
    }
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": NAMESPACE,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    return "\n---\n".join(json.dumps(item) for item in (namespace, pod, service))


@pytest.fixture(scope="module")
def served(cluster: Cluster) -> Iterator[Cluster]:
    image = base_image(Progress())
    cluster.load_image(image)
    cluster.apply(_manifests(image))
    cluster.kubectl(
        "wait", "-n", NAMESPACE, "--for=condition=Ready", "pod/server", "--timeout=60s", check=True
    )
    yield cluster
    cluster.kubectl("delete", "namespace", NAMESPACE, check=True)


def _prints(cluster: Cluster, script: str) -> str:
    """Run Python in the sidecar and return what it prints, or why it failed."""
    command = ("exec", "-n", NAMESPACE, "server", "-c", "sidecar", "--", "python3", "-c", script)
    done = cluster.kubectl(*command)
    return done.stdout.strip() or done.stderr.strip()


def test_sidecar_runs_beside_the_ready_pod(served: Cluster) -> None:
    status = served.get("pod", "server", "-n", NAMESPACE)["status"]
    sidecar, server = status["initContainerStatuses"][0], status["containerStatuses"][0]
    assert sidecar["started"]
    assert sidecar["ready"]
    assert server["ready"]


@pytest.mark.parametrize("suffix", ["", f".{NAMESPACE}", f".{NAMESPACE}.svc.cluster.local"])
def test_service_answers_by_name(served: Cluster, suffix: str) -> None:
    script = f"import urllib.request as r; print(r.urlopen('http://web{suffix}', timeout=5).status)"
    # kube-proxy learns of a Ready pod a moment after everybody else.
    wait_until(f"web{suffix} answers", lambda: _prints(served, script) == "200", 20)


def test_logs_come_from_the_container(served: Cluster) -> None:
    logs = served.kubectl("logs", "-n", NAMESPACE, "server", "-c", "server", check=True)
    assert logs.stdout.startswith("serving")


def test_node_port_answers_on_loopback(served: Cluster) -> None:
    address = served.node_port_address(30081)
    assert address.startswith("127.0.0.")
    wait_until("node port answers", lambda: _answers(f"http://{address}/"), 20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=3) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def test_pods_reach_the_api_server(served: Cluster) -> None:
    script = (
        "import ssl, urllib.request as r; "
        "c = ssl.create_default_context("
        "cafile='/var/run/secrets/kubernetes.io/serviceaccount/ca.crt'); "
        "print(r.urlopen('https://kubernetes.default.svc/version', context=c).status)"
    )
    assert _prints(served, script) == "200"


def test_metrics_have_numbers(served: Cluster) -> None:
    def measured() -> bool:
        top = served.kubectl("top", "pod", "server", "-n", NAMESPACE, "--no-headers")
        return top.returncode == 0 and top.stdout.split()[2].endswith("Mi")

    wait_until("metrics of the pod", measured, 120, pause=1)


def test_monitoring_kinds_are_known(served: Cluster) -> None:
    kinds = served.kubectl("api-resources", "--api-group=monitoring.coreos.com", check=True).stdout
    assert "ServiceMonitor" in kinds
    assert "PrometheusRule" in kinds


def test_an_image_is_loaded_once(served: Cluster) -> None:
    assert served.load_image(base_image(Progress())) is False
