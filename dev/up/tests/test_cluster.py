"""`make up` on a real cluster: a repetition changes nothing, and the bot answers."""

from __future__ import annotations

import pytest

from dev.cluster.kubectl import Kubectl
from dev.cluster.progress import Progress
from dev.testing.cluster import Cluster
from dev.up.greeting import ping
from dev.up.objects import DEMO_NAMESPACE, DEV_NAMESPACE, PAGE_NODE_PORT, SYSTEM_NAMESPACE
from dev.up.steps import Up

pytestmark = pytest.mark.cluster


def identities(kubectl: Kubectl) -> set[tuple[str, str]]:
    """Every pod by its uid, every Secret and Deployment by its version."""
    found = set()
    for namespace in (DEMO_NAMESPACE, DEV_NAMESPACE, SYSTEM_NAMESPACE):
        for pod in kubectl.get("pods", "-n", namespace)["items"]:
            found.add((pod["metadata"]["name"], pod["metadata"]["uid"]))
        for item in kubectl.get("secrets", "-n", namespace)["items"]:
            found.add((item["metadata"]["name"], item["metadata"]["resourceVersion"]))
        for item in kubectl.get("deployments", "-n", namespace)["items"]:
            found.add((item["metadata"]["name"], str(item["metadata"]["generation"])))
    return found


async def test_up_twice_leaves_everything_as_it_was(cluster: Cluster) -> None:
    first = identities(Up(cluster.provider, Progress()).run())
    # The second time with the images of the first: somebody may be editing the sources.
    kubectl = Up(cluster.provider, Progress(), build=lambda _: None).run()
    assert identities(kubectl) == first
    address = cluster.node_port_address(PAGE_NODE_PORT)
    assert (await ping(f"http://{address}")).startswith("Pong")
