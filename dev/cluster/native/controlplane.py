"""etcd, kube-apiserver, kube-controller-manager and kube-scheduler as processes."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from dev.cluster.errors import ClusterError
from dev.cluster.native.pki import Pki, make_pki, user_kubeconfig
from dev.cluster.processes import Runner
from dev.cluster.progress import wait_until


@dataclass(frozen=True)
class Addresses:
    """Where the parts of a control plane listen.

    Parameters
    ----------
    host
        The address that the API server listens on and announces.
    services
        The range of Service addresses, as a CIDR.
    first_service
        The first address of that range: the API server's own Service.
    """

    host: str
    apiserver: int
    etcd: int
    etcd_peer: int
    controller_manager: int
    scheduler: int
    services: str
    first_service: str

    @property
    def server(self) -> str:
        """The URL of the API server."""
        return f"https://{self.host}:{self.apiserver}"

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine reaches the API server (then it has no endpoint for pods)."""
        return self.host.startswith("127.")


@dataclass(frozen=True)
class Programs:
    """The folders that hold the built programs."""

    etcd: Path
    kubernetes: Path

    @property
    def kubectl(self) -> Path:
        """The stock client."""
        return self.kubernetes / "kubectl"


def etcd_arguments(programs: Programs, addresses: Addresses, data: Path) -> list[str]:
    """Return the command line of etcd: one member, on loopback, without fsync.

    A cluster for development is made anew rather than repaired, so durability across a power cut
    is given up for speed.
    """
    client = f"http://127.0.0.1:{addresses.etcd}"
    peer = f"http://127.0.0.1:{addresses.etcd_peer}"
    return [
        str(programs.etcd / "etcd"),
        "--name=vertice",
        f"--data-dir={data}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=vertice={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def apiserver_arguments(programs: Programs, addresses: Addresses, pki: Pki) -> list[str]:
    """Return the command line of kube-apiserver.

    The request-header flags let an aggregated API (metrics-server) believe who is asking; the
    kubelet is called by its address, so that ``exec`` and ``logs`` need no DNS.
    """
    front = pki.front_proxy_authority.files.certificate
    return [
        str(programs.kubernetes / "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{addresses.etcd}",
        f"--bind-address={addresses.host}",
        f"--advertise-address={addresses.host}",
        f"--secure-port={addresses.apiserver}",
        f"--service-cluster-ip-range={addresses.services}",
        f"--endpoint-reconciler-type={'none' if addresses.on_loopback else 'lease'}",
        f"--tls-cert-file={pki.apiserver.certificate}",
        f"--tls-private-key-file={pki.apiserver.key}",
        f"--client-ca-file={pki.authority.files.certificate}",
        f"--kubelet-certificate-authority={pki.authority.files.certificate}",
        f"--kubelet-client-certificate={pki.apiserver_to_kubelet.certificate}",
        f"--kubelet-client-key={pki.apiserver_to_kubelet.key}",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki.service_accounts.certificate}",
        f"--service-account-signing-key-file={pki.service_accounts.key}",
        f"--requestheader-client-ca-file={front}",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-uid-headers=X-Remote-Uid",
        f"--proxy-client-cert-file={pki.front_proxy.certificate}",
        f"--proxy-client-key-file={pki.front_proxy.key}",
        "--enable-aggregator-routing=true",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
        "--profiling=false",
    ]


def controller_manager_arguments(
    programs: Programs, addresses: Addresses, pki: Pki, kubeconfig: Path
) -> list[str]:
    """Return the command line of kube-controller-manager.

    Autoscalers look every 5 s instead of 15 s and trust a pod's CPU numbers sooner, so that a
    person who tries one out need not wait.
    """
    return [
        str(programs.kubernetes / "kube-controller-manager"),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={addresses.controller_manager}",
        f"--root-ca-file={pki.authority.files.certificate}",
        f"--client-ca-file={pki.authority.files.certificate}",
        f"--requestheader-client-ca-file={pki.front_proxy_authority.files.certificate}",
        f"--cluster-signing-cert-file={pki.authority.files.certificate}",
        f"--cluster-signing-key-file={pki.authority.files.key}",
        f"--service-account-private-key-file={pki.service_accounts.key}",
        f"--service-cluster-ip-range={addresses.services}",
        f"--flex-volume-plugin-dir={pki.folder.parent / 'volume-plugins'}",
        "--use-service-account-credentials=true",
        "--leader-elect=false",
        "--horizontal-pod-autoscaler-sync-period=5s",
        "--horizontal-pod-autoscaler-cpu-initialization-period=15s",
        "--horizontal-pod-autoscaler-initial-readiness-delay=5s",
        "--profiling=false",
    ]


def scheduler_arguments(programs: Programs, addresses: Addresses, kubeconfig: Path) -> list[str]:
    """Return the command line of kube-scheduler."""
    return [
        str(programs.kubernetes / "kube-scheduler"),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        "--bind-address=127.0.0.1",
        f"--secure-port={addresses.scheduler}",
        "--leader-elect=false",
        "--profiling=false",
    ]


@dataclass(frozen=True)
class ControlPlane:
    """The processes of one control plane, with their state under one folder."""

    folder: Path
    addresses: Addresses
    programs: Programs
    runner: Runner
    apiserver_flags: tuple[str, ...] = ()

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig of the administrator."""
        return self.folder / "kubeconfig"

    def start(self, *, scheduler: bool) -> Pki:
        """Start everything and wait until the API server is ready.

        Parameters
        ----------
        scheduler
            Start kube-scheduler as well; useless without nodes.

        Returns
        -------
        Pki
            The certificates, for the nodes to come.
        """
        hosts = (self.addresses.host, self.addresses.first_service, "127.0.0.1")
        pki = make_pki(self.folder / "pki", hosts)
        user_kubeconfig(pki, "admin", self.addresses.server, self.kubeconfig)
        etcd = etcd_arguments(self.programs, self.addresses, self.folder / "etcd")
        self.runner.start("etcd", etcd)
        apiserver = apiserver_arguments(self.programs, self.addresses, pki)
        self.runner.start("kube-apiserver", [*apiserver, *self.apiserver_flags])
        self._wait_ready(pki)
        manager = self._kubeconfig_of("controller-manager", pki)
        self.runner.start(
            "kube-controller-manager",
            controller_manager_arguments(self.programs, self.addresses, pki, manager),
        )
        if scheduler:
            config = self._kubeconfig_of("scheduler", pki)
            arguments = scheduler_arguments(self.programs, self.addresses, config)
            self.runner.start("kube-scheduler", arguments)
        return pki

    def _kubeconfig_of(self, user: str, pki: Pki) -> Path:
        path = self.folder / f"{user}.kubeconfig"
        return user_kubeconfig(pki, user, self.addresses.server, path)

    def _wait_ready(self, pki: Pki) -> None:
        wait_until(
            "kube-apiserver ready",
            lambda: self._ready(pki),
            90,
            explain=lambda: self.runner.log_tail("kube-apiserver"),
        )

    def _ready(self, pki: Pki) -> bool:
        for name in ("etcd", "kube-apiserver"):
            if not self.runner.alive(name):
                raise ClusterError(f"{name} ended at once; {self.runner.log_tail(name)}")
        return answers(f"{self.addresses.server}/readyz", pki)


def answers(url: str, pki: Pki) -> bool:
    """Tell whether a URL of the control plane answers 200 to the administrator."""
    context = ssl.create_default_context(cafile=str(pki.authority.files.certificate))
    client = pki.apiserver_to_kubelet
    context.load_cert_chain(client.certificate, client.key)
    try:
        with urllib.request.urlopen(url, timeout=5, context=context) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
