"""The control plane that operator tests run against."""

from __future__ import annotations

import stat

import pytest

from dev.testing.apiserver import ApiServer

pytestmark = pytest.mark.apiserver


def test_serves_the_pinned_version(apiserver: ApiServer) -> None:
    answer = apiserver.kubectl("get", "--raw", "/version", check=True)
    assert '"gitVersion": "v1.37.2"' in answer.stdout


def test_controllers_run(apiserver: ApiServer) -> None:
    apiserver.make_namespace("controllers-run")
    assert apiserver.kubectl("get", "sa", "default", "-n", "controllers-run").returncode == 0


def test_refuses_strangers(apiserver: ApiServer) -> None:
    answer = apiserver.kubectl(
        "get", "secrets", "-A", "--as=stranger", "--as-group=system:authenticated"
    )
    assert answer.returncode == 1
    assert "forbidden" in answer.stderr


def test_takes_the_monitoring_definitions(apiserver: ApiServer) -> None:
    for path in apiserver.monitoring_crds:
        apiserver.kubectl("apply", "--server-side", "-f", str(path), check=True)
    names = apiserver.kubectl("get", "crd", "-o", "name", check=True).stdout
    assert "servicemonitors.monitoring.coreos.com" in names
    assert "prometheusrules.monitoring.coreos.com" in names


def test_takes_the_definitions_of_every_optional_kind(apiserver: ApiServer) -> None:
    apiserver.install_all_kinds()
    names = apiserver.kubectl("get", "crd", "-o", "name", check=True).stdout
    for name in (
        "alertmanagerconfigs.monitoring.coreos.com",
        "scaledobjects.keda.sh",
        "externalsecrets.external-secrets.io",
        "secretproviderclasses.secrets-store.csi.x-k8s.io",
        "grafanadashboards.grafana.integreatly.org",
        "fqdnnetworkpolicies.networking.gke.io",
    ):
        assert name in names


def test_keys_are_private(apiserver: ApiServer) -> None:
    secret = [apiserver.kubeconfig, *apiserver.kubeconfig.parent.glob("pki/*.key")]
    assert len(secret) > 5
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in secret)
