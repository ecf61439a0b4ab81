"""Virtual time for what waits, and a real API server for what talks."""

import asyncio
import inspect
import json
import selectors
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.progress import wait_until
from vertice_operator.cluster.client import KubeClient, load_configuration
from vertice_operator.runtime.app import Operator, connections
from vertice_operator.runtime.settings import Settings


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("nothing is left to wait for: the code under test hangs")
        if not ready and timeout:
            # The loop fires timers that are due within its clock resolution; step past it.
            self.now += timeout + 1e-6
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _JumpingSelector()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


@pytest.fixture
def virtual() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end in virtual time, with nothing left running after it."""

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(main)

    return run


@pytest.fixture(scope="session")
def loop_factory() -> type[VirtualLoop]:
    """For tests that run many loops, such as property tests."""
    return VirtualLoop


class Harness:
    """A running operator and an administrator beside it, in one namespace of a real API server."""

    def __init__(self, apiserver: Any, namespace: str) -> None:
        self.apiserver, self.namespace = apiserver, namespace
        self.requests: list[tuple[str, str, int]] = []
        self.operator: Operator | None = None
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def writes(self) -> list[tuple[str, str, int]]:
        """Requests of the operator that change something, but for its Lease."""
        return [each for each in self.requests if each[0] != "GET" and each[1] != "leases"]

    async def start(self, load: Any = load_configuration, **settings: Any) -> Operator:
        values: dict[str, Any] = {
            "namespaces": (self.namespace,),
            "lease_namespace": self.namespace,
            "lease_seconds": 9,
            "http_host": "127.0.0.1",
            "http_port": 0,
            "status_settle_seconds": 1.0,
            "resync_seconds": 600,
        } | settings
        chosen = Settings(**values)
        client = KubeClient(load, pool=connections(chosen))
        client.observers.append(lambda verb, kind, status, _: self._count(verb, kind, status))
        self._stop = asyncio.Event()
        self.operator = Operator(chosen, client)
        self._task = asyncio.create_task(self.operator.run(self._stop))
        await self.eventually(lambda: self.operator and self.operator.survey.done, "the first list")
        return self.operator

    async def stop(self) -> None:
        if self._task is not None:
            self._stop.set()
            await self._task
            self._task = None

    def _count(self, verb: str, kind: str, status: int) -> None:
        self.requests.append((verb, kind, status))

    async def kubectl(self, *arguments: str, **options: Any) -> str:
        def call() -> str:
            done = self.apiserver.kubectl("-n", self.namespace, *arguments, check=True, **options)
            return str(done.stdout)

        return await asyncio.to_thread(call)

    async def apply(self, *documents: dict[str, Any], manager: str = "tester") -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(documents)})
        await self.kubectl(
            "apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f", "-",
            input=text,
        )  # fmt: skip

    async def get(self, kind: str, name: str) -> dict[str, Any] | None:
        text = await self.kubectl("get", kind, name, "-o", "json", "--ignore-not-found")
        document: dict[str, Any] | None = json.loads(text) if text else None
        return document

    async def get_managed(self, kind: str, name: str) -> dict[str, Any]:
        text = await self.kubectl("get", kind, name, "-o", "json", "--show-managed-fields")
        document: dict[str, Any] = json.loads(text)
        return document

    async def children(self, bot: str) -> list[dict[str, Any]]:
        kinds = (
            "serviceaccounts,configmaps,networkpolicies,services,jobs.batch,deployments.apps,"
            "controllerrevisions.apps,horizontalpodautoscalers,poddisruptionbudgets"
        )
        text = await self.kubectl("get", kinds, "-l", f"vertice.dev/bot={bot}", "-o", "json")
        items: list[dict[str, Any]] = json.loads(text)["items"]
        return items

    async def condition(self, bot: str, kind: str) -> dict[str, Any]:
        document = await self.get("discordbot", bot) or {}
        conditions = (document.get("status") or {}).get("conditions") or ()
        return next((each for each in conditions if each["type"] == kind), {})

    async def eventually(self, holds: Any, what: str, seconds: float = 60) -> Any:
        """Wait until ``holds`` (a function or a coroutine function) gives something true."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            if self._task is not None and self._task.done():
                self._task.result()
            found = holds()
            found = await found if inspect.isawaitable(found) else found
            if found:
                return found
            assert asyncio.get_running_loop().time() < end, f"not within {seconds} s: {what}"
            await asyncio.sleep(0.1)

    async def at_rest(self, seconds: float = 2.5) -> None:
        """Wait until the operator has asked for no change for a while."""
        loop = asyncio.get_running_loop()
        end, last, since = loop.time() + 60, -1, loop.time()
        while loop.time() - since < seconds:
            if len(self.writes) != last:
                last, since = len(self.writes), loop.time()
            assert loop.time() < end, f"no rest: {self.writes[-20:]}"
            await asyncio.sleep(0.05)


@pytest.fixture(scope="session")
def plane(apiserver: Any) -> Any:
    """The API server with our CRD."""
    root = Path(__file__).parents[3]
    apiserver.apply((root / "crds" / "discordbots.vertice.dev.yaml").read_text())
    served = lambda: apiserver.kubectl("get", "discordbots").returncode == 0  # noqa: E731
    wait_until("the CRD is served", served, 30)
    return apiserver


OPTIONAL = (
    "servicemonitors.monitoring.coreos.com",
    "prometheusrules.monitoring.coreos.com",
    "alertmanagerconfigs.monitoring.coreos.com",
    "scaledobjects.keda.sh",
    "externalsecrets.external-secrets.io",
    "secretproviderclasses.secrets-store.csi.x-k8s.io",
    "grafanadashboards.grafana.integreatly.org",
    "fqdnnetworkpolicies.networking.gke.io",
)


def _without_optional_kinds(plane: Any) -> None:
    """Remove the optional kinds that tests before this one may have left on the server."""
    plane.kubectl("delete", "crd", *OPTIONAL, "--ignore-not-found", "--wait=true", check=True)


@pytest.fixture
async def harness(plane: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Harness]:
    """A namespace of its own for each test, with the two Secrets of ``bot()``."""
    namespace = f"t-{uuid.uuid4().hex[:8]}"
    await asyncio.to_thread(_without_optional_kinds, plane)
    await asyncio.to_thread(plane.make_namespace, namespace)
    monkeypatch.setenv("KUBECONFIG", str(plane.kubeconfig))
    running = Harness(plane, namespace)
    await running.apply(
        secret("token", token=f"token-of-{namespace}"), secret("db", username="u", password="p")
    )
    try:
        yield running
    finally:
        await running.stop()
        await running.kubectl("delete", "namespace", namespace, "--wait=false")


def secret(name: str, **content: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "stringData": content,
    }


@pytest.fixture
def bot() -> Callable[..., dict[str, Any]]:
    """Make a DiscordBot document; keyword arguments replace parts of the spec."""

    def make(name: str = "my-bot", token: str = "token", **spec: Any) -> dict[str, Any]:
        return {
            "apiVersion": "vertice.dev/v1alpha1",
            "kind": "DiscordBot",
            "metadata": {"name": name},
            "spec": {
                "discord": {"tokenSecretRef": {"name": token}},
                "database": {
                    "direct": {"host": "db.example", "tls": {"mode": "Disable"}},
                    "credentialsSecretRef": {"name": "db"},
                    "migrations": "Off",
                },
                **spec,
            },
        }

    return make


@pytest.fixture
def make_secret() -> Callable[..., dict[str, Any]]:
    """Make a Secret document."""
    return secret
