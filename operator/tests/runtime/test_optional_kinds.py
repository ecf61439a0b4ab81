"""Kinds of other operators: absent, appearing, repaired, switched off; replicas handed over.

The definitions of KEDA, External Secrets and the Prometheus operator are the real ones; those of
the CSI driver, the Grafana operator and GKE are stand-ins. None of their operators runs.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from dev.testing.optional_kinds import (
    KEDA,
    install_kinds,
    life_of_optional_kinds,
    reasons,
)

pytestmark = pytest.mark.apiserver
Make = Callable[..., dict[str, Any]]


async def test_absent_then_there_then_unwanted(harness: Any, bot: Make, make_secret: Make) -> None:
    await harness.start(optional_recheck_seconds=1, secret_recheck_seconds=1)
    await life_of_optional_kinds(harness, bot, make_secret)


async def test_replicas_go_from_hand_to_hand(harness: Any, bot: Make) -> None:
    await install_kinds(harness)
    await harness.start()
    shards = {"count": 8}
    await harness.apply(bot(replicas=4, shards=shards))
    await harness.eventually(lambda: harness.get("deployment", "my-bot"), "the Deployment")
    watched = await asyncio.create_subprocess_exec(
        str(harness.apiserver.program), f"--kubeconfig={harness.apiserver.kubeconfig}",
        "-n", harness.namespace, "get", "deployment", "my-bot", "--watch",
        "-o", "jsonpath={.spec.replicas}{'\\n'}", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    hpa = {"enabled": True, "minReplicas": 2, "maxReplicas": 6}
    here: dict[str, Any] = {"hpa": "HorizontalPodAutoscaler", "scaledobject": "ScaledObject"}
    for scaling, kind in ((KEDA, "scaledobject"), (hpa, "hpa"), (KEDA, "scaledobject")):
        await harness.apply(bot(replicas=4, shards=shards, autoscaling=scaling))

        async def alone(kind: str = kind) -> bool:
            found = {each: await harness.get(each, "my-bot") for each in here}
            return {each for each, live in found.items() if live} == {kind}

        await harness.eventually(alone, f"only the {here[kind]} scales")
    await harness.apply(bot(replicas=5, shards=shards))

    async def fixed() -> bool:
        live = await harness.get("deployment", "my-bot")
        return live["spec"]["replicas"] == 5 and not await harness.get("scaledobject", "my-bot")

    await harness.eventually(fixed, "a fixed number again")
    await harness.at_rest()
    watched.terminate()
    seen = (await watched.stdout.read()).decode().split() if watched.stdout else []
    await watched.wait()
    assert set(seen) == {"4", "5"}


async def test_suspended_keda_is_paused(harness: Any, bot: Make) -> None:
    await install_kinds(harness)
    await harness.start()
    await harness.apply(bot(shards={"count": 8}, autoscaling=KEDA, suspend=True))
    paused = await harness.eventually(lambda: harness.get("scaledobject", "my-bot"), "made")
    assert paused["metadata"]["annotations"]["autoscaling.keda.sh/paused"] == "true"
    await harness.apply(bot(shards={"count": 8}, autoscaling=KEDA, suspend=False))

    async def resumed() -> bool:
        notes = (await harness.get("scaledobject", "my-bot"))["metadata"]["annotations"]
        live = await harness.get("deployment", "my-bot")
        return "autoscaling.keda.sh/paused" not in notes and live["spec"]["replicas"] == 2

    await harness.eventually(resumed, "goes on with its least number")


async def test_mounted_secrets(harness: Any, bot: Make) -> None:
    def by_csi(version: int) -> dict[str, Any]:
        files = [
            {"file": file, "resourceName": f"projects/p/secrets/{file}/versions/{version}"}
            for file in ("discord-token", "database-username", "database-password")
        ]
        made = bot(secrets={"provider": "SecretsStoreCSI", "csi": {"files": files}})
        made["spec"]["discord"] = {}
        made["spec"]["database"] = {
            "direct": {"host": "db.example", "tls": {"mode": "Disable"}},
            "migrations": "Job",
        }
        return made

    await harness.start(optional_recheck_seconds=1)
    await harness.apply(by_csi(1))

    async def held() -> bool:
        return (await reasons(harness)).get("SecretsResolved") == "SecretNotFound"

    await harness.eventually(held, "no pod that could only wait")
    assert await harness.get("deployment", "my-bot") is None
    await install_kinds(harness)
    first = await harness.eventually(lambda: harness.get("deployment", "my-bot"), "started")
    [volume] = [each for each in first["spec"]["template"]["spec"]["volumes"] if "csi" in each]
    assert volume["csi"]["volumeAttributes"] == {"secretProviderClass": "my-bot"}
    login = await harness.get("secretproviderclass", "my-bot-migrate")
    assert "discord-token" not in login["spec"]["parameters"]["secrets"]
    await harness.apply(by_csi(2))

    async def renewed() -> bool:
        found = await harness.get("secretproviderclass", "my-bot")
        return "versions/2" in found["spec"]["parameters"]["secrets"]

    await harness.eventually(renewed, "another version")
    assert (await harness.get("discordbot", "my-bot"))["status"]["secretHash"]
