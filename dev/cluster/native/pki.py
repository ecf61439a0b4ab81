"""The certificates of a control plane and of its nodes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dev.cluster.certs import Authority, KeyPair, signing_key
from dev.cluster.kubeconfig import write_kubeconfig

SYSTEM_USERS = {
    "controller-manager": ("system:kube-controller-manager", ()),
    "scheduler": ("system:kube-scheduler", ()),
    "proxy": ("system:kube-proxy", ()),
    "metrics-server": ("system:serviceaccount:kube-system:metrics-server", ()),
    "admin": ("vertice-admin", ("system:masters",)),
}


@dataclass(frozen=True)
class Pki:
    """Everything the control plane needs to trust and be trusted."""

    authority: Authority
    front_proxy_authority: Authority
    apiserver: KeyPair
    apiserver_to_kubelet: KeyPair
    front_proxy: KeyPair
    service_accounts: KeyPair

    @property
    def folder(self) -> Path:
        """The folder that holds the files."""
        return self.authority.files.certificate.parent


def make_pki(folder: Path, hosts: tuple[str, ...]) -> Pki:
    """Make all certificates of a control plane anew.

    Parameters
    ----------
    folder
        Where the files go.
    hosts
        Addresses and names under which the API server is reached.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = Authority.create("ca", folder)
    front = Authority.create("front-proxy-ca", folder)
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
    cluster_name = "kubernetes.default.svc.cluster.local"
    return Pki(
        authority=authority,
        front_proxy_authority=front,
        apiserver=authority.issue(
            "apiserver", "kube-apiserver", hosts=(*names, cluster_name, *hosts)
        ),
        apiserver_to_kubelet=authority.issue(
            "apiserver-kubelet", "kube-apiserver-kubelet-client", organizations=("system:masters",)
        ),
        front_proxy=front.issue("front-proxy-client", "front-proxy-client"),
        service_accounts=signing_key(folder, "service-accounts"),
    )


def user_kubeconfig(pki: Pki, user: str, server: str, path: Path) -> Path:
    """Issue the client certificate of one of `SYSTEM_USERS` and write its kubeconfig."""
    common_name, organizations = SYSTEM_USERS[user]
    pair = pki.authority.issue(user, common_name, organizations=organizations)
    return write_kubeconfig(path, server, pki.authority.files.certificate, pair)


def node_kubeconfig(pki: Pki, node: str, server: str, path: Path) -> Path:
    """Issue the client certificate of a kubelet and write its kubeconfig."""
    pair = pki.authority.issue(
        f"{node}-client", f"system:node:{node}", organizations=("system:nodes",)
    )
    return write_kubeconfig(path, server, pki.authority.files.certificate, pair)
