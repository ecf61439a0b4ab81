"""The operator as it is shipped: its own process, its own service account, its own role."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.testing.optional_kinds import life_of_optional_kinds
from vertice_operator.install.holes import plain
from vertice_operator.install.variants import trees

pytestmark = pytest.mark.apiserver
ROOT = Path(__file__).parents[3]
Make = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def installed(plane: Any) -> Any:
    """What ``kubectl apply -f manifests/install.yaml`` makes, without the pods of a node."""
    plane.apply((ROOT / "manifests" / "install.yaml").read_text())
    return plane


@pytest.fixture
def as_operator(installed: Any, tmp_path: Path) -> Path:
    """A kubeconfig with a token of the shipped service account and nothing else."""
    token = installed.kubectl(
        "-n", "vertice-system", "create", "token", "vertice-operator", check=True
    ).stdout.strip()
    config = yaml.safe_load(installed.kubeconfig.read_text())
    config["users"] = [{"name": "operator", "user": {"token": token}}]
    config["contexts"][0]["context"]["user"] = "operator"
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


async def start(kubeconfig: Path, *flags: str) -> asyncio.subprocess.Process:
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vertice_operator", "run", "--http-port=0", "--http-host=127.0.0.1",
        "--lease-namespace=vertice-system", "--lease-seconds=6", "--secret-recheck-seconds=1",
        "--optional-recheck-seconds=1", *flags,
        env=environment, stderr=asyncio.subprocess.PIPE, cwd="/",
    )  # fmt: skip


async def end(process: asyncio.subprocess.Process) -> tuple[float, list[dict[str, Any]]]:
    """Ask it to stop; return the seconds it took and its log."""
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        _, log = await process.communicate()
    assert process.returncode == 0, log.decode()
    lines = [json.loads(line) for line in log.decode().splitlines()]
    return time.monotonic() - started, lines


@pytest.mark.parametrize("namespaced", [False, True], ids=["cluster", "namespaced"])
async def test_a_life_under_the_shipped_rights(
    harness: Any, bot: Make, as_operator: Path, namespaced: bool
) -> None:
    flags: list[str] = []
    if namespaced:
        flags = [f"--namespace={harness.namespace}"]
        await harness.kubectl("delete", "clusterrole,clusterrolebinding", "vertice-operator")
        await _apply_roles(harness, {"namespaces": [harness.namespace]})
    process = await start(as_operator, *flags)
    try:
        await _life(harness, bot)
    finally:
        seconds, log = await end(process)
        if namespaced:
            await _apply_roles(harness, {})
    assert seconds < 10
    # Namespaces of earlier tests may be on their way out, and refuse everything.
    refused = [line for line in log if "orbidden" in str(line) and "terminated" not in str(line)]
    assert refused == []
    assert [line for line in log if line["level"] in ("error", "critical")] == []
    lease = json.loads(
        await harness.kubectl("-n", "vertice-system", "get", "lease", "vertice-operator", "-ojson")
    )
    assert not lease["spec"].get("holderIdentity"), "given back, so the next one need not wait"


async def _apply_roles(harness: Any, values: dict[str, Any]) -> None:
    roles = [each for each in plain(trees(values)) if "Role" in each["kind"]]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": roles})
    await asyncio.to_thread(harness.apiserver.apply, text)


async def test_optional_kinds_under_the_shipped_rights(
    harness: Any, bot: Make, make_secret: Make, as_operator: Path
) -> None:
    """The API server lets the operator grant Prometheus no more than the operator has itself."""
    process = await start(as_operator)
    try:
        await life_of_optional_kinds(harness, bot, make_secret)
    finally:
        _, log = await end(process)
    refused = [line for line in log if "orbidden" in str(line) and "terminated" not in str(line)]
    assert refused == []


async def _life(harness: Any, bot: Make) -> None:
    """Everything that needs a right of its own: make, change, repair, prune, hand over, tell."""
    await harness.apply(bot(database=_with_job()))
    await harness.eventually(lambda: harness.condition("my-bot", "Ready"), "made")
    await harness.kubectl("delete", "configmap", "my-bot-config")
    await harness.eventually(lambda: harness.get("configmap", "my-bot-config"), "repaired")
    await harness.apply(bot(autoscaling={"enabled": True}, pdb={"enabled": False}))
    await harness.eventually(lambda: harness.get("hpa", "my-bot"), "autoscaler")

    async def pruned() -> bool:
        return await harness.get("pdb", "my-bot") is None

    await harness.eventually(pruned, "pruned")
    await harness.eventually(
        lambda: harness.kubectl("get", "events", "--field-selector=reason=Pruned", "-oname"), "told"
    )
    await harness.kubectl("delete", "discordbot", "my-bot")


def _with_job() -> dict[str, Any]:
    return {
        "direct": {"host": "db.example", "tls": {"mode": "Disable"}},
        "credentialsSecretRef": {"name": "db"},
    }


async def test_no_more_than_that(installed: Any) -> None:
    """What must never be possible, asked of the API server itself."""
    account = "--as=system:serviceaccount:vertice-system:vertice-operator"
    never = [
        ("list", "secrets"), ("watch", "secrets"), ("create", "secrets"), ("create", "pods/exec"),
        ("get", "nodes"), ("update", "discordbots"), ("delete", "discordbots"),
        ("create", "clusterrolebindings"), ("impersonate", "users"), ("delete", "jobs"),
        ("delete", "pods"), ("create", "leases"),
    ]  # fmt: skip
    for verb, resource in never:
        answer = await asyncio.to_thread(
            installed.kubectl, "auth", "can-i", verb, resource, account, "-n", "default"
        )
        assert answer.stdout.strip() == "no", (verb, resource)
    allowed = await asyncio.to_thread(
        installed.kubectl, "auth", "can-i", "get", "secrets", account, "-n", "default"
    )
    assert allowed.stdout.strip() == "yes"
