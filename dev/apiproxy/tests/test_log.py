"""Requests are told apart by what they touch."""

import pytest

from dev.apiproxy.log import Request, writes


def _request(method: str, path: str) -> Request:
    return Request(0.0, method, path, watch=False, status=200)


@pytest.mark.parametrize(
    ("path", "resource", "namespace"),
    [
        ("/api/v1/namespaces/demo/configmaps/a", "configmaps", "demo"),
        ("/api/v1/namespaces/demo", "namespaces", ""),
        ("/api/v1/namespaces", "namespaces", ""),
        ("/apis/apps/v1/namespaces/demo/deployments/a/scale", "deployments/scale", "demo"),
        ("/apis/vertice.dev/v1alpha1/namespaces/n/discordbots/b/status", "discordbots/status", "n"),
        ("/apis/vertice.dev/v1alpha1/discordbots", "discordbots", ""),
        ("/version", "", ""),
        ("/apis/apps/v1", "", ""),
    ],
)
def test_the_resource_is_read_off_the_path(path: str, resource: str, namespace: str) -> None:
    request = _request("GET", path)
    assert (request.resource, request.namespace) == (resource, namespace)


def test_reads_and_lease_renewals_are_not_counted() -> None:
    seen = [
        _request("GET", "/api/v1/namespaces/demo/configmaps/a"),
        _request("PATCH", "/api/v1/namespaces/demo/configmaps/a"),
        _request("PUT", "/apis/coordination.k8s.io/v1/namespaces/s/leases/leader"),
        _request("DELETE", "/apis/apps/v1/namespaces/demo/deployments/a"),
    ]
    assert writes(seen) == {"configmaps": 1, "deployments": 1}
