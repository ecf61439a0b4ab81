"""Manifests, node settings and command lines, as pure functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dev.cluster import addons
from dev.cluster.certs import Authority, KeyPair
from dev.cluster.kind import create_command, delete_command, kind_settings, load_command
from dev.cluster.native.containerd import cni_settings, containerd_settings
from dev.cluster.native.controlplane import (
    Addresses,
    Programs,
    apiserver_arguments,
    controller_manager_arguments,
    etcd_arguments,
)
from dev.cluster.native.kubelet import Node, kubelet_arguments, kubelet_settings
from dev.cluster.native.network import NODE_PORTS
from dev.cluster.native.pki import make_pki
from dev.cluster.native.proxy import proxy_settings
from dev.cluster.slots import Slot

SLOT = Slot(1)
PROGRAMS = Programs(etcd=Path("/bin-etcd"), kubernetes=Path("/bin-k8s"))


def _addresses(host: str) -> Addresses:
    return Addresses(
        host=host,
        apiserver=6443,
        etcd=2379,
        etcd_peer=2380,
        controller_manager=10257,
        scheduler=10259,
        services="10.213.16.0/20",
        first_service="10.213.16.1",
    )


def _kinds(manifests: list[dict[str, Any]]) -> list[str]:
    return [f"{item['kind']}/{item['metadata']['name']}" for item in manifests]


def test_dns_listens_at_the_address_that_kubelets_give_to_pods() -> None:
    manifests = addons.dns_manifests(SLOT.dns, [])
    service = next(item for item in manifests if item["kind"] == "Service")
    node = Node(1, "demo", SLOT, Path("/state/node1"))
    pair = KeyPair(Path("/crt"), Path("/key"))
    settings = kubelet_settings(node, Path("/ca"), pair, "/vertice-demo/node1")
    assert [service["spec"]["clusterIP"]] == settings["clusterDNS"]


def test_dns_forwards_only_where_there_is_an_upstream() -> None:
    assert "forward" not in addons.corefile([])
    assert "forward . 192.0.2.1 192.0.2.2\n" in addons.corefile(["192.0.2.1", "192.0.2.2"])


@pytest.mark.parametrize(
    ("signed", "flag"),
    [
        (True, "--kubelet-certificate-authority="),
        (False, "--kubelet-insecure-tls"),
    ],
)
def test_metrics_server_trusts_the_kubelets_as_it_can(signed: bool, flag: str) -> None:
    manifests = addons.metrics_manifests(kubelets_signed=signed)
    deployment = next(item for item in manifests if item["kind"] == "Deployment")
    arguments = deployment["spec"]["template"]["spec"]["containers"][0]["args"]
    assert sum(argument.startswith(flag) for argument in arguments) == 1
    assert sum(argument.startswith("--kubelet-") for argument in arguments) == 4
    assert "APIService/v1beta1.metrics.k8s.io" in _kinds(manifests)


def test_selectors_find_their_pods() -> None:
    for manifests in (
        addons.dns_manifests(SLOT.dns, []),
        addons.metrics_manifests(kubelets_signed=True),
    ):
        deployment = next(item for item in manifests if item["kind"] == "Deployment")
        service = next(item for item in manifests if item["kind"] == "Service")
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert service["spec"]["selector"] == labels
        assert deployment["spec"]["selector"]["matchLabels"] == labels


def test_nodes_differ_where_they_must() -> None:
    pair = KeyPair(Path("/crt"), Path("/key"))
    first, second = (
        kubelet_settings(
            Node(index, "demo", SLOT, Path(f"/state/node{index}")), Path("/ca"), pair, f"/g{index}"
        )
        for index in (1, 2)
    )
    for name in (
        "address",
        "healthzPort",
        "containerRuntimeEndpoint",
        "podLogsDir",
        "cgroupRoot",
        "volumePluginDir",
    ):
        assert first[name] != second[name]
    assert first["failCgroupV1"] is False


def test_kubelet_keeps_to_its_folder() -> None:
    node = Node(2, "demo", SLOT, Path("/state/node2"))
    arguments = kubelet_arguments(Path("/kubelet"), node, Path("/kc"), Path("/cfg"))
    assert "--root-dir=/state/node2/kubelet" in arguments
    assert "--hostname-override=node2" in arguments
    assert f"--node-ip={SLOT.node(2)}" in arguments


def test_containerd_keeps_to_its_folder_and_asks_for_no_capability() -> None:
    import tomllib

    settings = tomllib.loads(containerd_settings(Path("/state/node1"), Path("/usr/lib/cni")))
    cri = settings["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["restrict_oom_score_adj"] is True
    assert cri["netns_mounts_under_state_dir"] is True
    assert cri["cni"]["bin_dir"] == "/usr/lib/cni"
    for path in (settings["root"], settings["state"], settings["grpc"]["address"]):
        assert path.startswith("/state/node1/")


def test_pods_get_addresses_that_no_node_has() -> None:
    bridge = cni_settings(SLOT, Path("/state/leases"))["plugins"][0]
    pods = bridge["ipam"]["ranges"][0][0]
    assert pods["gateway"] == SLOT.node(1)
    assert pods["rangeStart"] not in {SLOT.node(1), SLOT.node(2)}
    assert bridge["hairpinMode"] is True


def test_control_plane_without_nodes_announces_no_endpoint(tmp_path: Path) -> None:
    pki = make_pki(tmp_path, ("127.0.0.1",))
    loopback = apiserver_arguments(PROGRAMS, _addresses("127.0.0.1"), pki)
    whole = apiserver_arguments(PROGRAMS, _addresses("10.212.16.1"), pki)
    assert "--endpoint-reconciler-type=none" in loopback
    assert "--endpoint-reconciler-type=lease" in whole
    assert "--bind-address=10.212.16.1" in whole
    assert "--requestheader-allowed-names=front-proxy-client" in whole
    manager = controller_manager_arguments(PROGRAMS, _addresses("10.212.16.1"), pki, Path("/kc"))
    assert "--bind-address=127.0.0.1" in manager
    etcd = etcd_arguments(PROGRAMS, _addresses("10.212.16.1"), Path("/data"))
    assert "--listen-client-urls=http://127.0.0.1:2379" in etcd


def test_certificates_name_users_groups_and_hosts(tmp_path: Path) -> None:
    from cryptography import x509

    authority = Authority.create("ca", tmp_path)
    pair = authority.issue(
        "node", "system:node:n1", organizations=("system:nodes",), hosts=("n1", "10.0.0.1")
    )
    certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    certificate.verify_directly_issued_by(
        x509.load_pem_x509_certificate(authority.files.certificate.read_bytes())
    )
    assert certificate.subject.rfc4514_string() == "CN=system:node:n1,O=system:nodes"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["n1"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]


def test_proxy_leaves_the_machine_alone() -> None:
    settings = proxy_settings(SLOT, Path("/kc"))
    assert settings["conntrack"]["maxPerCore"] == 0
    assert settings["nodePortAddresses"] == [f"{SLOT.cluster_end}/32", f"{SLOT.node(1)}/32"]


def test_kind_maps_the_node_ports_to_loopback() -> None:
    settings = kind_settings(2, "127.0.0.1")
    first, second = settings["nodes"]
    assert [port["hostPort"] for port in first["extraPortMappings"]] == list(NODE_PORTS)
    assert {port["listenAddress"] for port in first["extraPortMappings"]} == {"127.0.0.1"}
    assert 30080 in NODE_PORTS
    assert second == {"role": "worker"}
    json.dumps(settings)


def test_kind_command_lines() -> None:
    config, kubeconfig = Path("/c.json"), Path("/kc")
    lines = [
        create_command("kind", "demo", config, kubeconfig),
        load_command("kind", "demo", "a:b"),
        delete_command("kind", "demo", kubeconfig),
    ]
    assert [" ".join(line) for line in lines] == [
        "kind create cluster --name demo --config /c.json --kubeconfig /kc --wait 120s",
        "kind load docker-image --name demo a:b",
        "kind delete cluster --name demo --kubeconfig /kc",
    ]
