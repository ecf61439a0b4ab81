"""The life of a bot that uses every kind of other operators, for tests under different rights."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

Make = Callable[..., dict[str, Any]]
SYNCED = "my-bot"  # External Secrets writes one of the name of the bot
KEDA = {
    "enabled": True,
    "engine": "KEDA",
    "minReplicas": 2,
    "maxReplicas": 6,
    "prometheus": {"serverAddress": "http://prometheus:9090"},
}
EVERY_KIND = {
    "shards": {"count": 8},
    "autoscaling": KEDA,
    "networkPolicy": {"fqdn": True},
    "secrets": {
        "provider": "ExternalSecrets",
        "externalSecret": {
            "storeRef": {"name": "store"},
            "keys": [{"secretKey": "token", "remoteKey": "bot-token"}],
        },
    },
    "monitoring": {
        "slack": {"secretRef": {"name": "slack"}, "channel": "#bots"},
        "dashboards": {"kind": "GrafanaDashboard"},
        "prometheusServiceAccount": {"name": "prometheus-k8s", "namespace": "monitoring"},
    },
}
CHILDREN = {
    "scaledobjects.keda.sh": "my-bot",
    "externalsecrets.external-secrets.io": "my-bot",
    "fqdnnetworkpolicies.networking.gke.io": "my-bot",
    "alertmanagerconfigs.monitoring.coreos.com": "my-bot",
    "grafanadashboards.grafana.integreatly.org": "my-bot-dashboard",
    "roles.rbac.authorization.k8s.io": "my-bot-prometheus",
    "rolebindings.rbac.authorization.k8s.io": "my-bot-prometheus",
}
MISSING = {
    "AutoscalingReady": "KEDAMissing",
    "SecretsResolved": "ExternalSecretNotSynced",
    "NetworkRestricted": "FQDNUnsupported",
    "MonitoringReady": "MonitoringCRDsMissing",
}


async def reasons(harness: Any) -> dict[str, str]:
    """Give the reason of each condition of ``my-bot``."""
    document = await harness.get("discordbot", "my-bot") or {}
    conditions = (document.get("status") or {}).get("conditions") or ()
    return {each["type"]: each["reason"] for each in conditions}


async def install_kinds(harness: Any) -> None:
    """Define every optional kind on the API server of ``harness``."""
    await asyncio.to_thread(harness.apiserver.install_all_kinds)


async def life_of_optional_kinds(harness: Any, bot: Make, make_secret: Make) -> None:
    """Everything wanted and nothing there; then all of it there; then nothing wanted any more."""
    await harness.apply(bot(token=SYNCED, **EVERY_KIND))

    async def told() -> bool:
        return MISSING.items() <= (await reasons(harness)).items()

    await harness.eventually(told, "each absence is told")
    await install_kinds(harness)

    async def made(*but: str) -> bool:
        found = [await harness.get(*each) for each in CHILDREN.items() if each[0] not in but]
        return all(found)

    scaler = "scaledobjects.keda.sh"
    await harness.eventually(lambda: made(scaler), "each is made once its kind is there")
    assert not await harness.get(scaler, "my-bot"), "it waits for the Secret, as the pods do"
    await harness.apply(make_secret("my-bot", token=f"synced-{harness.namespace}"))
    await harness.eventually(made, "the Secret is there")
    assert await harness.get("deployment", "my-bot")

    async def well() -> bool:
        good = {"SecretsResolved": "Resolved", "NetworkRestricted": "Applied",
                "MonitoringReady": "Applied"}  # fmt: skip
        return good.items() <= (await reasons(harness)).items()

    await harness.eventually(well, "and told")
    patch = '[{"op": "replace", "path": "/spec/minReplicaCount", "value": 0}]'
    await harness.kubectl("patch", "scaledobject", "my-bot", "--type=json", "-p", patch)

    async def repaired() -> bool:
        return bool((await harness.get("scaledobject", "my-bot"))["spec"]["minReplicaCount"] == 2)

    await harness.eventually(repaired, "never 0, whoever says so", seconds=10)
    await harness.apply(bot(token=SYNCED, shards={"count": 8}))

    async def pruned() -> bool:
        found = [await harness.get(kind, name) for kind, name in CHILDREN.items()]
        return not any(found)

    await harness.eventually(pruned, "all are deleted when switched off")
    assert await harness.get("deployment", "my-bot")
