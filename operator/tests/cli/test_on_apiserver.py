"""The command against a real API server with a real operator, as an administrator and as a user."""

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from dev.cluster.progress import wait_until
from dev.testing.nodeless import Node, node
from vertice_operator.cli.main import vertice
from vertice_operator.cli.rights import EDITOR, OPERATOR, VIEWER, role

pytestmark = pytest.mark.apiserver
ROOT = Path(__file__).parents[3]
SYSTEM = "vertice-system"
TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.canary-canary-canary-canary-abc"
PASSWORD = "canary/Pa55 word+&"


def spec(**more: Any) -> dict[str, Any]:
    return {
        "database": {
            "direct": {"host": "db.example", "tls": {"mode": "Disable"}},
            "credentialsSecretRef": {"name": "login"},
            "migrations": "Off",
        },
        "replicas": 2,
        **more,
    }


def a_bot(name: str, **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "vertice.dev/v1alpha1",
        "kind": "DiscordBot",
        "metadata": {"name": name},
        # Each its own token: the younger of two with one token is held at 0.
        "spec": spec(**{"discord": {"tokenSecretRef": {"name": f"token-of-{name}"}}, **more}),
    }


def token_of(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"token-of-{name}"},
        "stringData": {"token": f"{TOKEN}{name}"},
    }


@dataclass
class World:
    """A namespace with an operator that serves it, and a node that answers for its pods."""

    server: Any
    namespace: str
    folder: Path
    node: Node
    users: dict[str, Path] = field(default_factory=dict)

    def vertice(self, *arguments: str, user: str = "admin", stdin: str | None = None) -> Result:
        environment = {"KUBECONFIG": str(self.users[user]), "COLUMNS": None, "NO_COLOR": "1"}
        everything = [*arguments, "-n", self.namespace]
        return CliRunner().invoke(vertice, everything, env=environment, input=stdin)

    def json(self, *arguments: str, **options: Any) -> dict[str, Any]:
        done = self.vertice(*arguments, "-o", "json", **options)
        assert done.exit_code in (0, 1), done.output
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def kubectl(self, *arguments: str, **options: Any) -> str:
        done = self.server.kubectl("-n", self.namespace, *arguments, check=True, **options)
        return str(done.stdout)

    def apply(self, *documents: dict[str, Any], manager: str = "kubectl") -> None:
        items = [
            {**each, "metadata": {"namespace": self.namespace, **each["metadata"]}}
            for each in documents
        ]
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
        self.server.kubectl(
            "apply", "--server-side", "--force-conflicts", f"--field-manager={manager}",
            "-f", "-", input=text, check=True,
        )  # fmt: skip

    def bot(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", "discordbot", name, "-o", "json"))
        return found

    def new_bot(self, name: str, **more: Any) -> dict[str, Any]:
        """Make a bot and wait until the operator has made its objects and written its status."""
        self.apply(token_of(name), a_bot(name, **more))
        self.until_seen(name)
        return self.bot(name)

    def until_seen(self, name: str) -> None:
        def seen() -> bool:
            bot = self.bot(name)
            status = bot.get("status") or {}
            return bool(status.get("observedGeneration") == bot["metadata"]["generation"])

        wait_until(f"the operator sees {name}", seen, 60)

    def user(self, name: str, *roles: dict[str, Any]) -> None:
        """Make a user with exactly these Roles."""
        self.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
        subject = {"kind": "ServiceAccount", "name": name, "namespace": self.namespace}
        for each in roles:
            where, title = each["metadata"]["namespace"], each["metadata"]["name"]
            binding = {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": title, "namespace": where},
                "subjects": [subject],
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": title},
            }
            text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [each, binding]})
            self.server.kubectl("apply", "-f", "-", input=text, check=True)
        config = yaml.safe_load(self.server.kubeconfig.read_text())
        token = self.kubectl("create", "token", name).strip()
        config["users"] = [{"name": name, "user": {"token": token}}]
        config["contexts"][0]["context"]["user"] = name
        self.users[name] = self.folder / name
        self.users[name].write_text(json.dumps(config))


@pytest.fixture(scope="module")
def world(apiserver: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder, namespace = tmp_path_factory.mktemp("cli"), f"cli-{uuid.uuid4().hex[:6]}"
    apiserver.apply((ROOT / "crds" / "discordbots.vertice.dev.yaml").read_text())
    served = lambda: apiserver.kubectl("get", "discordbots").returncode == 0  # noqa: E731
    wait_until("the CRD is served", served, 30)
    apiserver.make_namespace(namespace)
    if apiserver.kubectl("get", "namespace", SYSTEM).returncode:
        apiserver.make_namespace(SYSTEM)
    with node(apiserver.kubeconfig.parent / "pki") as serving:
        made = World(apiserver, namespace, folder, serving, {"admin": apiserver.kubeconfig})
        made.apply(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "login"},
                "stringData": {"token": TOKEN, "username": "vertice", "password": PASSWORD},
            }
        )
        made.apply(serving.manifest("nodeless"))
        made.kubectl("patch", "node", "nodeless", "--subresource=status", "--type=merge", "-p",
                     json.dumps({"status": serving.manifest("nodeless")["status"]}))  # fmt: skip
        made.user("viewer", role("cli-viewer", namespace, VIEWER))
        made.user("editor", role("cli-editor", namespace, EDITOR),
                  role(f"{namespace}-operator", SYSTEM, OPERATOR))  # fmt: skip
        made.user("nobody")
        log = (folder / "operator.log").open("w")
        process = subprocess.Popen(
            [sys.executable, "-m", "vertice_operator", "run", "--namespace", namespace,
             "--lease-namespace", namespace, "--http-host=127.0.0.1", "--http-port=0",
             "--status-settle-seconds=0.2"],
            env={**os.environ, "KUBECONFIG": str(apiserver.kubeconfig)}, stderr=log,
        )  # fmt: skip
        try:
            made.new_bot("my-bot")
            yield made
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
            log.close()
            made.kubectl("delete", "node", "nodeless", "--ignore-not-found")


def statusz(*shards: int, **more: Any) -> dict[str, Any]:
    return {
        "role": "active" if shards else "standby",
        "version": "1.0.0",
        "shard_count": 3,
        "shards": [{"id": each, "state": "LIVE", "epoch": 4} for each in shards],
        "lag_seconds": 0.5,
        "discord": {"state": "connected", "identify_remaining": 990},
        "degraded": [],
        **more,
    }


def line(second: int, severity: str, message: str, **fields: Any) -> tuple[str, str]:
    said = {"time": "x", "severity": severity, "message": message, **fields}
    return f"2026-03-05T12:00:{second:02d}.000000000Z", json.dumps(said)


def run_pod(world: World, name: str, bot: str = "my-bot", namespace: str = "", **more: Any) -> None:
    """Make a pod that runs on the node, and answers with what ``statusz`` is given."""
    port = world.node.open_port(more.pop("statusz")) if "statusz" in more else 8080
    labels = more.pop("labels", None) or {
        "vertice.dev/bot": bot,
        "app.kubernetes.io/component": "bot",
    }
    containers = [
        {
            "name": "bot",
            "image": "bot:1",
            "ports": [{"name": "http", "containerPort": port}],
            "resources": {
                "requests": {"cpu": "100m", "memory": "64Mi"},
                "limits": {"memory": "128Mi"},
            },
        }
    ]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels, "namespace": namespace or world.namespace},
        "spec": {"nodeName": "nodeless", "containers": containers, **more.pop("spec", {})},
    }
    state = {
        "name": "bot", "ready": True, "restartCount": more.pop("restarts", 0), "image": "bot:1",
        "imageID": "", "containerID": f"containerd://{name}",
        "state": {"running": {"startedAt": "2026-03-05T11:00:00Z"}},
    }  # fmt: skip
    status = {
        "phase": "Running",
        "podIP": world.node.address,
        "podIPs": [{"ip": world.node.address}],
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [state],
    }
    where = pod["metadata"]["namespace"]
    world.server.kubectl("apply", "-f", "-", input=json.dumps(pod), check=True)
    patch = json.dumps({"status": status})
    world.server.kubectl(
        "-n", where, "patch", "pod", name, "--subresource=status", "--type=merge", "-p", patch,
        check=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def pods(world: World) -> World:
    """Two replicas that own shards, and the operator's pod, all with logs."""
    run_pod(world, "my-bot-aaa", statusz=statusz(0, 2))
    run_pod(world, "my-bot-bbb", statusz=statusz(), restarts=2)
    run_pod(world, "my-bot-ccc", statusz="<html>")
    operator = {"app.kubernetes.io/name": "vertice-operator"}
    name = f"operator-{world.namespace}"
    run_pod(world, name, namespace=SYSTEM, labels=operator)
    logs = world.node.logs
    logs["my-bot-aaa", "bot"] = [
        line(1, "INFO", "shard is live", shard=0, replica="my-bot-aaa"),
        line(5, "ERROR", "connection failed", shard=2, exception="Traceback\n  boom"),
    ]
    logs["my-bot-bbb", "bot"] = [line(3, "INFO", "standby"), line(4, "WARNING", "slow", ms=12)]
    logs["my-bot-ccc", "bot"] = [("2026-03-05T12:00:02.000000000Z", "plain words")]
    world.node.previous["my-bot-bbb", "bot"] = [line(0, "CRITICAL", "last words")]
    key = f"{world.namespace}/my-bot"
    logs[name, "bot"] = [
        ("2026-03-05T12:00:06.000000000Z",
         json.dumps({"event": f"{key}: applied", "level": "info", "timestamp": "x"})),
        ("2026-03-05T12:00:07.000000000Z",
         json.dumps({"event": f"{key}-2: not about this one", "level": "info"})),
    ]  # fmt: skip
    return world


def test_status_of_one_and_of_all(world: World) -> None:
    answer = world.json("status")
    (item,) = [each for each in answer["items"] if each["name"] == "my-bot"]
    assert (item["ready"], item["upToDate"], item["replicas"]["total"]) == (False, True, 2)
    one = world.vertice("status", "my-bot")
    assert one.exit_code == 1
    assert "WorkloadUnavailable" in one.stdout
    assert item["history"][0]["outcome"] == "Running"


def test_a_bot_that_does_not_exist(world: World) -> None:
    done = world.vertice("status", "my-bto")
    assert done.exit_code == 3
    assert "did you mean my-bot?" in done.stderr
    world.apply({**a_bot("elsewhere"), "metadata": {"name": "elsewhere", "namespace": SYSTEM}})
    try:
        there = world.vertice("tree", "elsewhere")
        assert f"it is in another one: -n {SYSTEM}" in there.stderr
        hidden = world.vertice("tree", "elsewhere", user="viewer")
        assert hidden.exit_code == 3
        assert SYSTEM not in hidden.stderr
    finally:
        world.server.kubectl("delete", "discordbot", "elsewhere", "-n", SYSTEM, check=True)


def test_a_tree_of_live_objects(world: World) -> None:
    (item,) = world.json("tree", "my-bot")["items"]
    health = {(each["kind"], each["name"]): each["health"] for each in item["children"]}
    assert health["Deployment", "my-bot"] == "Progressing"
    assert health["ServiceAccount", "my-bot"] == "Healthy"
    assert health["ServiceMonitor", "my-bot"] in ("Absent", "Healthy")
    text = world.vertice("tree", "my-bot").stdout
    assert "├── Deployment my-bot  Progressing" in text


def test_shards_from_the_pods_and_from_the_status(pods: World) -> None:
    (item,) = pods.json("shards", "my-bot")["items"]
    assert item["source"] == "statusz"
    assert [(each["id"], each["pod"]) for each in item["shards"]] == [
        (0, "my-bot-aaa"), (2, "my-bot-aaa"),
    ]  # fmt: skip
    assert item["unowned"] == [1]
    said = {each["pod"]: each for each in item["replicas"]}
    assert said["my-bot-bbb"]["role"] == "standby"
    assert said["my-bot-ccc"]["why"] == "its answer is no JSON"
    pods.user("half", role("cli-half", pods.namespace, [
        right for right in VIEWER if right.resources != ("pods/proxy",)]))  # fmt: skip
    (refused,) = pods.json("shards", "my-bot", user="half")["items"]
    assert refused["source"] == "status"
    assert "pods/proxy" in refused["note"]


@pytest.mark.parametrize("user", ["viewer", "editor"])
def test_a_viewer_needs_no_more_than_the_documented_role(pods: World, user: str) -> None:
    for command in ("status", "tree", "shards", "top", "logs", "render"):
        done = pods.vertice(command, "my-bot", user=user)
        assert done.exit_code in (0, 1), (command, done.output)
        assert "Missing right" not in done.stdout
    assert "my-bot-aaa" in pods.vertice("shards", "my-bot", user=user).stdout
    assert "Unknown" not in pods.vertice("tree", "my-bot", user=user).stdout
    different = pods.vertice("diff", "my-bot", "--no-dry-run", user=user)
    assert different.exit_code in (0, 1), different.output
    dry = pods.vertice(
        "diff", "-f", "-", user=user, stdin=yaml.safe_dump(a_bot("my-bot", replicas=3))
    )
    assert dry.exit_code == 4
    assert "--no-dry-run" in dry.stderr


def test_without_the_role_the_missing_right_is_named(world: World) -> None:
    done = world.vertice("status", user="nobody")
    assert done.exit_code == 4
    assert 'resources: ["discordbots"], verbs: ["list"]' in done.stderr
    assert f"in namespace {world.namespace}" in done.stderr
    refused = world.vertice("pause", "my-bot", user="viewer")
    assert refused.exit_code == 4
    assert 'verbs: ["update"]' in refused.stderr
    assert world.json("status", "my-bot")["items"][0]["paused"] is False


def test_pause_suspend_restart_as_an_editor(world: World) -> None:
    world.new_bot("acts")

    def state() -> dict[str, Any]:
        found: dict[str, Any] = world.json("status", "acts")["items"][0]
        return found

    assert "is paused" in world.vertice("pause", "acts", user="editor").stdout
    assert state()["paused"]
    again = world.json("pause", "acts", user="editor")
    assert (again["changed"], "as before" in again["message"]) == (False, True)
    assert "takes effect after vertice resume" in world.vertice("suspend", "acts").stdout
    assert state()["suspended"]
    assert "vertice unsuspend acts" in world.vertice("restart", "acts", user="editor").stdout
    assert world.bot("acts")["spec"]["restartAt"].startswith("20")
    assert world.json("resume", "acts", user="editor")["changed"]
    assert not state()["paused"]
    assert world.json("unsuspend", "acts")["changed"]
    assert not world.json("unsuspend", "acts")["changed"]
    assert not state()["suspended"]


def test_a_change_by_hand_under_gitops_is_warned_of(world: World) -> None:
    world.apply(token_of("managed"))
    world.apply(a_bot("managed"), manager="argocd-controller")
    world.until_seen("managed")
    done = world.vertice("restart", "managed")
    assert done.exit_code == 0
    assert "Argo CD manages this resource" in done.stdout


def test_rollback_through_the_operators_history(world: World) -> None:
    world.new_bot("back", image={"repository": "registry.example/bot", "tag": "1.0.0"})
    none = world.vertice("rollback", "back", "--yes")
    assert none.exit_code == 3
    assert "no earlier revision that ended Good" in none.stderr
    settle(world, "back")
    world.apply(a_bot("back", replicas=3, policy={"defaults": {"locale": "de"}},
                      image={"repository": "registry.example/bot", "tag": "2.0.0"}))  # fmt: skip
    world.until_seen("back")
    settle(world, "back")
    shown = world.vertice("rollback", "back", "--dry-run", user="editor")
    assert "-    tag: 2.0.0" in shown.stdout
    assert "+    tag: 1.0.0" in shown.stdout
    assert world.vertice("rollback", "back").exit_code == 2  # nobody to confirm
    done = world.vertice("rollback", "back", "--yes", user="editor")
    assert done.exit_code == 0, done.output
    after = world.bot("back")["spec"]
    assert (after["image"]["tag"], after["replicas"]) == ("1.0.0", 3)
    assert after["policy"]["defaults"] == {"locale": "de"}
    assert "is at revision 1 already" in world.vertice("rollback", "back", "--to", "1").stdout
    absent = world.vertice("rollback", "back", "--to", "99")
    assert absent.exit_code == 3
    assert "there are" in absent.stderr


def settle(world: World, name: str) -> None:
    """Let a roll-out end well: the ReplicaSet's pods become ready, as a kubelet would say."""

    def good() -> bool:
        selector = f"vertice.dev/bot={name},app.kubernetes.io/component=bot"
        listed = json.loads(world.kubectl("get", "pods", "-l", selector, "-o", "json"))["items"]
        for pod in listed:
            name_of_pod, meta = pod["metadata"]["name"], pod["metadata"]
            if "deletionTimestamp" in meta:
                world.kubectl(
                    "delete",
                    "pod",
                    name_of_pod,
                    "--grace-period=0",
                    "--force",
                    "--ignore-not-found",
                )
            else:
                ready_now(world, name_of_pod)
        history = (world.bot(name).get("status") or {}).get("history") or [{}]
        return bool(history[0].get("outcome") == "Good")

    wait_until(f"the roll-out of {name} is done", good, 90)


def ready_now(world: World, pod: str) -> None:
    since = "2026-01-01T00:00:00Z"  # long ago, so that minReadySeconds have passed
    condition = {"status": "True", "lastTransitionTime": since}
    status = {
        "phase": "Running",
        "conditions": [{"type": kind, **condition} for kind in ("Ready", "ContainersReady")],
    }
    patch = json.dumps({"status": status})
    # The ReplicaSet may have taken the pod away since it was listed; the caller looks again.
    world.server.kubectl(
        "-n", world.namespace, "patch", "pod", pod, "--subresource=status", "--type=merge",
        "-p", patch,
    )  # fmt: skip


def test_diff_against_live(world: World, tmp_path: Path) -> None:
    world.new_bot("differs")
    same = world.vertice("diff", "differs")
    assert (same.exit_code, same.stdout) == (0, "")
    file = tmp_path / "bot.yaml"
    file.write_text(yaml.safe_dump(a_bot("differs", replicas=3)))
    for flags in ((), ("--no-dry-run",)):
        more = world.vertice("diff", "-f", str(file), *flags)
        assert more.exit_code == 1, more.output
        assert "-  replicas: 2" in more.stdout
        assert "+  replicas: 3" in more.stdout
        assert "creationTimestamp" not in more.stdout
        assert {each["kind"] for each in world.json("diff", "-f", str(file), *flags)["items"]} == {
            "Deployment"
        }
    assert world.bot("differs")["spec"]["replicas"] == 2
    file.write_text(yaml.safe_dump(a_bot("newborn")))
    new = world.json("diff", "-f", str(file))
    assert {each["action"] for each in new["items"]} == {"create"}


def test_a_paused_bot_differs_from_its_spec(world: World) -> None:
    world.new_bot("stale")
    world.vertice("pause", "stale")
    world.until_seen("stale")
    world.kubectl("patch", "discordbot", "stale", "--type=merge", "-p", '{"spec":{"replicas":5}}')
    (held,) = world.json("diff", "stale")["items"]
    assert held["action"] == "hold"
    assert "vertice.dev/paused" in held["because"]


def test_check_of_live_references(world: World, tmp_path: Path) -> None:
    lost = a_bot("lost", discord={"tokenSecretRef": {"name": "nowhere"}})
    lost["spec"]["scheduling"] = {"priorityClassName": "no-such-class"}
    file = tmp_path / "bot.yaml"
    file.write_text(yaml.safe_dump(lost))
    assert world.vertice("check", "-f", str(file)).exit_code == 0
    done = world.vertice("check", "-f", str(file), "--references")
    assert done.exit_code == 1
    assert "create secret generic nowhere" in done.stdout
    assert "there is no PriorityClass no-such-class" in done.stdout
    twin = world.json("check", "my-bot")["items"][0]
    hidden = world.json("check", "my-bot", user="viewer")["items"][0]["findings"]
    assert any(each["level"] == "unknown" and "secrets" in each["message"] for each in hidden)
    assert all(TOKEN not in each["message"] for each in twin["findings"])
    file.write_text(yaml.safe_dump(a_bot("x" * 41)))
    refused = world.vertice("check", "-f", str(file), "--references")
    assert refused.exit_code == 1


def test_logs_of_all_in_order_of_time(pods: World) -> None:
    done = pods.vertice("logs", "my-bot")
    assert done.exit_code == 0, done.output
    said = [" ".join(each.split()) for each in done.stdout.splitlines()]
    assert [each.split()[0] for each in said if each.startswith("12:")] == [
        f"12:00:0{second}.000" for second in (1, 2, 3, 4, 5, 6)
    ]
    assert "12:00:05.000 my-bot-aaa ERROR connection failed shard=2" in said
    assert "boom" in said
    assert "not about this one" not in done.stdout
    levels = pods.vertice("logs", "my-bot", "--level", "warning", "-o", "json").stdout
    found = [json.loads(each) for each in levels.splitlines()]
    assert [each["message"] for each in found] == ["slow", "connection failed"]
    assert found[1]["fields"]["shard"] == 2
    shard = pods.vertice("logs", "my-bot", "--shard", "0", "-o", "raw").stdout
    assert json.loads(shard)["message"] == "shard is live"
    assert "standby" in pods.vertice("logs", "my-bot", "--replica", "bbb").stdout
    last = pods.vertice("logs", "my-bot", "--previous").stdout
    assert "last words" in last


def test_logs_without_the_operators_namespace_say_so(pods: World) -> None:
    done = pods.vertice("logs", "my-bot", user="viewer")
    assert "the operator's log is left out" in done.stderr
    assert "standby" in done.stdout
    alone = pods.vertice("logs", "my-bot", user="nobody")
    assert alone.exit_code == 4


def test_logs_are_followed_into_new_pods(pods: World) -> None:
    pods.new_bot("talks", replicas=0)
    run_pod(pods, "talks-one", bot="talks")
    lines = pods.node.logs.setdefault(("talks-one", "bot"), [line(1, "INFO", "first")])
    process = subprocess.Popen(
        [sys.executable, "-c", "from vertice_operator.cli.main import vertice; vertice()",
         "logs", "talks", "-f", "-o", "json", "-n", pods.namespace],
        env={**os.environ, "KUBECONFIG": str(pods.users["admin"])},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A shell makes its background jobs deaf to Ctrl-C, and their children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        guard = threading.Timer(40, process.kill)  # a line that never comes ends the test
        guard.start()
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["message"] == "first"
        lines.append(line(2, "INFO", "second"))
        assert json.loads(process.stdout.readline())["message"] == "second"
        pods.node.logs["talks-two", "bot"] = [line(3, "INFO", "from another pod")]
        run_pod(pods, "talks-two", bot="talks")
        third = json.loads(process.stdout.readline())
        assert (third["pod"], third["message"]) == ("talks-two", "from another pod")
    finally:
        guard.cancel()
        process.send_signal(signal.SIGINT)
        code = process.wait(20)
    assert code == 130
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()


METRICS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: pods.metrics.k8s.io
  annotations: {api-approved.kubernetes.io: "unapproved, stands in for metrics-server in a test"}
spec:
  group: metrics.k8s.io
  scope: Namespaced
  names: {kind: PodMetrics, plural: pods, singular: pod}
  versions:
    - name: v1beta1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
"""


def test_top_with_and_without_metrics(pods: World) -> None:
    before = pods.vertice("top", "my-bot")
    assert before.exit_code == 0, before.output
    assert "install metrics-server" in before.stdout
    pods.server.apply(METRICS)
    try:
        wait_until("PodMetrics are served", lambda: not pods.server.kubectl(
            "get", "pods.metrics.k8s.io", "-A").returncode, 30)  # fmt: skip
        pods.apply(
            {
                "apiVersion": "metrics.k8s.io/v1beta1",
                "kind": "PodMetrics",
                "metadata": {"name": "my-bot-aaa", "labels": {"vertice.dev/bot": "my-bot"}},
                "containers": [{"name": "bot", "usage": {"cpu": "50m", "memory": "123Mi"}}],
            }
        )
        (item,) = pods.json("top", "my-bot", user="viewer")["items"]
        row = next(each for each in item["replicas"] if each["pod"] == "my-bot-aaa")
        assert row["cpu"] == {"used": 0.05, "request": 0.1, "limit": None, "percentOfLimit": None}
        assert row["memory"]["percentOfLimit"] == 96
        assert (row["shards"], row["lagSeconds"]) == ([0, 2], 0.5)
        assert "123Mi (96%)" in pods.vertice("top", "my-bot").stdout
    finally:
        pods.server.kubectl("delete", "crd", "pods.metrics.k8s.io", check=True)


def unpacked(content: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(content))) as archive:
        found = {}
        for entry in archive.getmembers():
            file = archive.extractfile(entry)
            assert file is not None
            found[entry.name.partition("/")[2]] = file.read().decode()
    return found


@pytest.mark.parametrize("user", ["admin", "viewer"])
def test_no_secret_gets_into_a_report(pods: World, tmp_path: Path, user: str) -> None:
    """The canaries are put wherever a secret has ever been seen to leak."""
    name = f"leaks-{user}"
    bot = a_bot(name, scheduling={"podAnnotations": {"note": f"token {TOKEN}"}})
    bot["metadata"]["annotations"] = {
        "team/db": f"postgres://vertice:{urllib.parse.quote(PASSWORD)}@db/x"
    }
    pods.apply(token_of(name), bot)
    pods.until_seen(name)
    environment = {"name": "DB_PASSWORD", "value": PASSWORD}
    run_pod(
        pods, f"{name}-x", bot=name, statusz=statusz(0, last_error=f"Bot {TOKEN}"), restarts=1,
        spec={"containers": [{"name": "bot", "image": "b", "env": [environment],
                              "args": [f"--password={PASSWORD}"]}]},
    )  # fmt: skip
    pods.node.logs[f"{name}-x", "bot"] = [
        line(1, "ERROR", f"login failed: password={json.dumps(PASSWORD)}"),
        line(2, "ERROR", f"Authorization: Bot {TOKEN}"),
    ]
    pods.node.previous[f"{name}-x", "bot"] = [line(0, "ERROR", TOKEN)]
    file = tmp_path / "report.tar.gz"
    done = pods.vertice("report", name, "-O", str(file), user=user)
    assert done.exit_code == 0, done.output
    assert (file.stat().st_mode & 0o777) == 0o600
    found = unpacked(file.read_bytes())
    expected = {
        "README.txt", "resource.yaml", "status.txt", "tree.txt", "events.yaml", "versions.yaml",
        f"pods/{name}-x.yaml", f"logs/{name}-x-bot.log", f"logs/{name}-x-bot-previous.log",
        f"children/Deployment-{name}.yaml",
    }  # fmt: skip
    assert expected <= set(found)
    everything = "\n".join(f"{path}\n{text}" for path, text in found.items()) + done.output
    assert TOKEN not in everything
    assert TOKEN.rpartition(".")[2] not in everything
    assert "canary" not in everything
    assert "[redacted]" in found[f"logs/{name}-x-bot.log"]
    listed = [each.split()[0] for each in found["README.txt"].splitlines() if " bytes" in each]
    assert sorted(listed) == sorted(set(found) - {"README.txt"})
    if user == "viewer":
        assert "content of Secret login" in found["README.txt"]
        assert "the operator" in found["README.txt"]


def test_no_definition_on_the_cluster(world: World) -> None:
    """A cluster without Vértice, by a path that no group serves."""
    config = yaml.safe_load(world.users["admin"].read_text())
    server = config["clusters"][0]["cluster"]["server"]
    config["clusters"][0]["cluster"]["server"] = f"{server}/apis/nobody.example"
    world.users["elsewhere"] = world.folder / "elsewhere"
    world.users["elsewhere"].write_text(json.dumps(config))
    done = world.vertice("status", user="elsewhere")
    assert done.exit_code == 69
    assert "vertice manifests | kubectl apply" in done.stderr


def test_context_and_kubeconfig_choose_the_cluster(world: World) -> None:
    config = yaml.safe_load(world.users["admin"].read_text())
    config["contexts"][0]["context"]["namespace"] = world.namespace
    name = config["contexts"][0]["name"]
    file = world.folder / "chosen"
    file.write_text(json.dumps(config))
    cli = CliRunner()
    away = {"KUBECONFIG": "/nowhere", "NO_COLOR": "1"}
    done = cli.invoke(vertice, ["status", "--kubeconfig", str(file), "--context", name], env=away)
    assert "my-bot" in done.stdout, done.output
    wrong = cli.invoke(vertice, ["status", "--kubeconfig", str(file), "--context", f"{name}x"],
                       env=away)  # fmt: skip
    assert wrong.exit_code == 2
    assert f"did you mean {name}?" in wrong.stderr


def plugin(folder: Path, name: str, entry: str) -> None:
    """Install a program as pip does, so that kubectl finds it on the PATH."""
    module, _, function = entry.partition(":")
    program = folder / name
    program.write_text(f"#!{sys.executable}\nfrom {module} import {function}\n{function}()\n")
    program.chmod(0o755)


def test_kubectl_runs_and_completes_the_plugin(world: World, tmp_path: Path) -> None:
    plugin(tmp_path, "kubectl-vertice", "vertice_operator.cli.main:vertice")
    plugin(tmp_path, "kubectl_complete-vertice", "vertice_operator.cli.kubectl:complete")
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "KUBECONFIG": str(world.users["admin"]),
    }

    def kubectl(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(world.server.program), *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    done = kubectl("vertice", "status", "my-bot", "-n", world.namespace)
    assert done.returncode == 1, done.stderr
    assert f"{world.namespace}/my-bot" in done.stdout
    words = kubectl("__complete", "vertice", "tree", "-n", world.namespace, "my-")
    assert words.stdout.splitlines()[0] == "my-bot", words
    assert "status" in kubectl("__complete", "vertice", "st").stdout


def test_completion_is_quick_and_quiet_without_a_cluster(tmp_path: Path) -> None:
    plugin(tmp_path, "vertice", "vertice_operator.cli.main:vertice")
    started = time.monotonic()
    done = subprocess.run(
        [str(tmp_path / "vertice")],
        env={**os.environ, "KUBECONFIG": "/nowhere", "_VERTICE_COMPLETE": "complete_bash",
             "COMP_WORDS": "vertice status ", "COMP_CWORD": "2"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == ("", "")
    assert time.monotonic() - started < 20
