"""Two operator processes and a leader that dies, is paused, is cut off or is asked to go.

The judge is the API server's audit log: each process has a token of its own, and the log says by
which token each write came and when.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev.cluster.progress import wait_until
from dev.testing.audited import wait_for_acts
from dev.testing.relay import Relay

pytestmark = [pytest.mark.apiserver, pytest.mark.processes]
ROOT = Path(__file__).parents[3]
LEASE_SECONDS = 5.0
RETRY = LEASE_SECONDS * 2 / 15
WORKERS = 8
BOTS = [f"bot-{number}" for number in range(8)]
Make = Callable[..., dict[str, Any]]


@dataclass
class Replica:
    """One operator process behind a relay of its own."""

    name: str
    credential: str
    relay: Relay
    process: subprocess.Popen[bytes]
    log: Path

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def says(self, text: str) -> bool:
        return text in self.log.read_text()


class Pair:
    """Two replicas in one namespace, and what is asked of them."""

    def __init__(self, audited: Any, namespace: str, folder: Path, bot: Make) -> None:
        self.audited, self.namespace, self.folder, self.bot = audited, namespace, folder, bot
        self.stack = contextlib.ExitStack()

    def start(self, name: str) -> Replica:
        host, port = urllib.parse.urlsplit(self.audited.server).netloc.split(":")
        relay = self.stack.enter_context(Relay((host, int(port))))
        config = self.folder / f"{name}.kubeconfig"
        credential = self.audited.kubeconfig_of_operator(config, f"https://127.0.0.1:{relay.port}")
        log = self.folder / f"{name}.log"
        process = subprocess.Popen(
            [
                sys.executable, "-m", "vertice_operator", "run", "--http-port=0",
                "--http-host=127.0.0.1", f"--identity={name}", f"--workers={WORKERS}",
                f"--lease-namespace={self.namespace}", f"--lease-seconds={LEASE_SECONDS}",
                f"--namespace={self.namespace}",
            ],
            env={**os.environ, "KUBECONFIG": str(config)}, cwd="/", stderr=log.open("wb"),
        )  # fmt: skip
        self.stack.callback(_end, process)
        return Replica(name, credential, relay, process, log)

    def kubectl(self, *arguments: str, **options: Any) -> str:
        done = self.audited.kubectl("-n", self.namespace, *arguments, check=True, **options)
        return str(done.stdout)

    def holder(self) -> str:
        text = self.kubectl("get", "lease", "vertice-operator", "-ojson", "--ignore-not-found")
        return str((json.loads(text)["spec"].get("holderIdentity") or "") if text else "")

    def want(self, cpu: str) -> None:
        """Edit every bot at once."""
        resources = {"requests": {"cpu": cpu}}
        items = [self.bot(name, f"token-{name}", resources=resources) for name in BOTS]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        self.kubectl("apply", "--server-side", "-f", "-", input=text)

    def done(self, cpu: str) -> bool:
        """Whether every bot is as wanted, and its status is about that."""
        found = json.loads(self.kubectl("get", "deployments,discordbots", "-ojson"))["items"]
        bots = [each for each in found if each["kind"] == "DiscordBot"]
        deployments = [each for each in found if each["kind"] == "Deployment"]
        current = all(
            each.get("status", {}).get("observedGeneration") == each["metadata"]["generation"]
            for each in bots
        )
        cpus = [_cpu(each) for each in deployments]
        return current and cpus == [cpu] * len(BOTS)

    def writes(self, replica: Replica, since: float = 0.0) -> list[Any]:
        return [
            act
            for act in self.audited.acts()
            if act.write and act.credential == replica.credential and act.at > since
        ]

    def landed(self, replica: Replica, healed: float) -> bool:
        """Whether what the network held back has arrived: no write of it for a second."""
        last = max((act.at for act in self.writes(replica, healed)), default=healed)
        return time.time() - last > 1.0


def _cpu(deployment: dict[str, Any]) -> str:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    bot = next(each for each in containers if each["name"] == "bot")
    return str(bot["resources"]["requests"]["cpu"])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@pytest.fixture
def pair(audited: Any, tmp_path: Path, bot: Make) -> Iterator[Pair]:
    audited.apply((ROOT / "manifests" / "install.yaml").read_text())
    wait_until("the CRD is served", lambda: audited.kubectl("get", "dbot").returncode == 0, 30)
    namespace = f"t-{uuid.uuid4().hex[:8]}"
    audited.make_namespace(namespace)
    found = Pair(audited, namespace, tmp_path, bot)
    role = json.loads(found.kubectl("-n", "vertice-system", "get", "role", "-ojson"))["items"][0]
    for kind in ("Role", "RoleBinding"):
        meta = {"name": "lease", "namespace": namespace}
        body: dict[str, Any] = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind}
        if kind == "Role":
            body |= {"metadata": meta, "rules": role["rules"]}
        else:
            body |= {
                "metadata": meta,
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "Role",
                    "name": "lease",
                },
                "subjects": [
                    {
                        "kind": "ServiceAccount",
                        "name": "vertice-operator",
                        "namespace": "vertice-system",
                    }
                ],
            }
        found.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(body))
    secrets = {f"token-{name}": {"token": f"t-{name}"} for name in BOTS}
    secrets["db"] = {"username": "u", "password": "p"}
    items = [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": content}
        for name, content in secrets.items()
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    found.kubectl("apply", "--server-side", "-f", "-", input=text)
    with found.stack:
        yield found
    found.kubectl("delete", "namespace", namespace, "--wait=false")


@dataclass(frozen=True)
class Fault:
    """What befalls the leader, how it is undone, and how much may come of it.

    ``stale`` bounds the writes of the old leader after the first one of the new: no check on the
    client can call back a request that is on its way.
    """

    strike: Callable[[Replica], None]
    mend: Callable[[Replica], None]
    within: float
    stale: int


def _nothing(_: Replica) -> None:
    pass


TAKE_OVER = LEASE_SECONDS + 2 * RETRY + 3.0
FAULTS = {
    "killed": Fault(lambda a: a.signal(signal.SIGKILL), _nothing, TAKE_OVER, 0),
    "asked to go": Fault(lambda a: a.signal(signal.SIGTERM), _nothing, 4.0, 0),
    "paused": Fault(
        lambda a: a.signal(signal.SIGSTOP), lambda a: a.signal(signal.SIGCONT), TAKE_OVER, WORKERS
    ),
    "cut off": Fault(lambda a: a.relay.cut(), lambda a: a.relay.heal(late=False), TAKE_OVER, 0),
    "cut off, packets come late": Fault(
        lambda a: a.relay.cut(), lambda a: a.relay.heal(late=True), TAKE_OVER, 3 * WORKERS
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_another_replica_takes_over(pair: Pair, name: str) -> None:
    fault = FAULTS[name]
    old = pair.start("a")
    wait_until("a leads", lambda: pair.holder() == "a", 30)
    new = pair.start("b")
    wait_for_acts(pair.audited, 30, credential=new.credential, resource="deployments", verb="list")
    pair.want("200m")
    wait_until("all bots are made", lambda: pair.done("200m"), 60)
    assert pair.writes(new) == [], "a follower writes nothing"

    edited = time.time()
    pair.want("300m")
    wait_until("a is at work", lambda: len(pair.writes(old, edited)) > 2, 20)
    struck = time.time()
    fault.strike(old)
    wait_until("b leads", lambda: pair.holder() == "b", LEASE_SECONDS + 15)
    took = time.time() - struck
    wait_until("what a had begun is done by b", lambda: pair.done("300m"), 30)

    fault.mend(old)
    if fault.mend is not _nothing:
        healed = time.time()
        wait_until("a knows", lambda: old.says("no longer leading"), 20)
        wait_until("nothing of a is on its way", lambda: pair.landed(old, healed), 20)
    since = time.time()
    pair.want("400m")
    wait_until("b serves on", lambda: pair.done("400m"), 30)
    # A bot that is in order has no further write to come, so the last word stays.
    first = min(act.at for act in pair.writes(new))
    stale = pair.writes(old, first)
    print(f"{name}: taken over in {took:.1f} s, {len(stale)} writes came late")  # noqa: T201
    assert took < fault.within
    assert len(stale) <= fault.stale
    assert [act for act in stale if act.at > since] == [], "late, but not for long"
    if fault.mend is _nothing:
        assert old.process.wait(20) == (0 if name == "asked to go" else -signal.SIGKILL)
