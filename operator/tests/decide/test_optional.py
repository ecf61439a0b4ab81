"""Objects of other operators: what waits for them, what they tell, and what their absence does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vertice_operator.api.conditions import Condition, ConditionType
from vertice_operator.cluster.secrets import SecretReader
from vertice_operator.decide.facts import SecretFact
from vertice_operator.decide.outcome import Outcome
from vertice_operator.decide.plan import Act, Plan
from vertice_operator.decide.status import make_status

Make = Callable[..., Any]
KEDA = {
    "autoscaling": {
        "enabled": True,
        "engine": "KEDA",
        "minReplicas": 2,
        "maxReplicas": 6,
        "prometheus": {"serverAddress": "http://p:9090"},
    },
    "shards": {"count": 8},
}
HPA = {"autoscaling": {"enabled": True, "minReplicas": 2, "maxReplicas": 6}, "shards": {"count": 8}}
EXTERNAL = {
    "discord": {"tokenSecretRef": {"name": "my-bot"}},
    "secrets": {
        "provider": "ExternalSecrets",
        "externalSecret": {
            "storeRef": {"name": "store"},
            "keys": [{"secretKey": "token", "remoteKey": "bot-token"}],
        },
    },
}
CSI = {
    "discord": {},
    "database": {"direct": {"host": "db.example"}, "migrations": "Off"},
    "secrets": {
        "provider": "SecretsStoreCSI",
        "csi": {
            "files": [
                {"file": file, "resourceName": f"projects/p/secrets/{file}/versions/1"}
                for file in ("discord-token", "database-username", "database-password")
            ]
        },
    },
}


def condition(world: Any, kind: str, plan: Plan | None = None) -> Condition:
    facts = world.facts()
    found = make_status(facts, plan or world.plan(), Outcome()).condition(ConditionType(kind))
    assert found is not None
    return found


def says(world: Any, kind: str) -> tuple[str, str]:
    found = condition(world, kind)
    return found.status.value, found.reason


def steps(plan: Plan) -> dict[str, Act]:
    return {step.kind.kind: step.act for step in plan.steps}


def replicas(world: Any) -> int:
    return int(world.live["Deployment", "my-bot"].body["spec"]["replicas"])


def test_keda_waits_until_the_hpa_is_gone_and_replicas_stay(world: Make) -> None:
    here = world(**HPA)
    here.kinds, here.metrics_api = frozenset({"ScaledObject"}), True
    here.act()
    here.live["Deployment", "my-bot"].body["spec"]["replicas"] = 5
    here.spec |= KEDA
    first = here.act()
    assert steps(first)["ScaledObject"] is Act.HOLD
    assert [(each.kind, each.name) for each in first.prune] == [
        ("HorizontalPodAutoscaler", "my-bot")
    ]
    second = here.act()
    assert steps(second)["ScaledObject"] is Act.APPLY
    assert replicas(here) == 5
    assert here.plan().prune == ()
    assert Act.APPLY not in steps(here.plan()).values()


def test_back_to_the_hpa_replicas_stay(world: Make) -> None:
    here = world(**KEDA)
    here.kinds = frozenset({"ScaledObject"})
    here.act()
    here.live["Deployment", "my-bot"].body["spec"]["replicas"] = 4
    here.spec |= HPA
    plan = here.act()
    assert steps(plan)["HorizontalPodAutoscaler"] is Act.APPLY
    assert [each.kind for each in plan.prune] == ["ScaledObject"]
    assert steps(plan)["Deployment"] is Act.SKIP, "the field has no owner that would drop it"
    assert replicas(here) == 4


def test_keda_takes_a_fixed_number_over_by_a_stand_in_owner(world: Make) -> None:
    here = world(replicas=4, shards={"count": 8})
    here.kinds = frozenset({"ScaledObject"})
    here.act()
    here.spec |= KEDA
    [deployment] = [each for each in here.plan().steps if each.kind.kind == "Deployment"]
    assert deployment.handover == 4
    assert deployment.body is not None
    assert "replicas" not in deployment.body["spec"]


def test_a_held_bot_pauses_keda(world: Make) -> None:
    here = world(**KEDA)
    here.kinds = frozenset({"ScaledObject"})
    here.act()
    here.extra["token_holder"] = "other/bot"
    here.act()
    notes = here.live["ScaledObject", "my-bot"].body["metadata"]["annotations"]
    assert notes["autoscaling.keda.sh/paused"] == "true"
    assert replicas(here) == 0


def test_without_keda_the_bot_runs_and_says_so(world: Make) -> None:
    here = world(**KEDA)
    here.metrics_api = True
    plan = here.act()
    assert steps(plan)["ScaledObject"] is Act.UNAVAILABLE
    assert ("Deployment", "my-bot") in here.live
    assert says(here, "AutoscalingReady") == ("False", "KEDAMissing")
    here.kinds = frozenset({"ScaledObject"})
    here.act()
    assert says(here, "AutoscalingReady") == ("True", "Active")
    here.metrics_api = False
    here.spec["autoscaling"] = {**KEDA["autoscaling"], "busyRatio": "0.5"}
    here.act()
    assert says(here, "AutoscalingReady") == ("True", "Active"), "no target needs it"
    here.spec["autoscaling"] = {**KEDA["autoscaling"], "cpuUtilization": 60, "busyRatio": "0.5"}
    here.act()
    assert says(here, "AutoscalingReady") == ("False", "MetricsAPIMissing")


def unready(here: Any, kind: str, why: str) -> None:
    body = here.live[kind, "my-bot"].body
    body["status"] = {
        "conditions": [{"type": "Ready", "status": "False", "reason": "Bad", "message": why}]
    }


def test_keda_says_why_it_cannot_scale(world: Make) -> None:
    here = world(**KEDA)
    here.kinds, here.metrics_api = frozenset({"ScaledObject"}), True
    here.act()
    unready(here, "ScaledObject", "Triggers defined in ScaledObject are not working correctly")
    assert says(here, "AutoscalingReady") == ("False", "HPAUnableToScale")
    assert "not working correctly" in condition(here, "AutoscalingReady").message


def test_a_secret_that_is_not_synced_holds_the_pods_and_says_why(world: Make) -> None:
    here = world(**EXTERNAL)
    here.kinds = frozenset({"ExternalSecret"})
    here.secrets = {"db": here.secrets["db"], "my-bot": SecretFact("my-bot", False)}
    plan = here.act()
    assert steps(plan)["ExternalSecret"] is Act.APPLY, "or it would never be written"
    assert steps(plan)["Deployment"] is Act.HOLD
    assert says(here, "SecretsResolved") == ("False", "ExternalSecretNotSynced")
    unready(here, "ExternalSecret", "could not get secret data from provider")
    message = condition(here, "SecretsResolved").message
    assert "could not get secret data" in message
    assert "describe externalsecret my-bot" in message
    here.secrets["my-bot"] = SecretFact("my-bot", True, frozenset({"token"}))
    here.act()
    found = condition(here, "SecretsResolved")
    assert (found.status.value, found.reason) == ("True", "Resolved")
    assert "could not be renewed" in found.message, "the Secret is there; the store fails"


def test_a_secret_that_external_secrets_does_not_write_is_missing(world: Make) -> None:
    here = world(**EXTERNAL)
    here.kinds = frozenset({"ExternalSecret"})
    here.secrets = {"my-bot": SecretFact("my-bot", True, frozenset({"token"}))}
    assert says(here, "SecretsResolved") == ("False", "SecretNotFound")
    here.secrets["db"] = SecretFact("db", True, frozenset({"username", "password"}))
    here.secrets["my-bot"] = SecretFact("my-bot", True, frozenset())
    assert says(here, "SecretsResolved") == ("False", "SecretKeyMissing")
    assert "secrets.externalSecret.keys" in condition(here, "SecretsResolved").message


def test_without_external_secrets_a_secret_that_is_there_will_do(world: Make) -> None:
    here = world(**EXTERNAL)
    here.secrets["my-bot"] = SecretFact("my-bot", True, frozenset({"token"}))
    plan = here.act()
    assert steps(plan)["ExternalSecret"] is Act.UNAVAILABLE
    assert steps(plan)["Deployment"] is Act.APPLY
    found = condition(here, "SecretsResolved")
    assert (found.status.value, found.reason) == ("True", "Resolved")
    assert "nobody renews" in found.message


def test_without_a_driver_no_pod_is_started_that_could_only_wait(world: Make) -> None:
    here = world(**CSI)
    plan = here.act()
    assert steps(plan)["Deployment"] is Act.HOLD
    assert says(here, "SecretsResolved") == ("False", "SecretNotFound")
    assert "CSI driver" in condition(here, "SecretsResolved").message
    here.kinds = frozenset({"SecretProviderClass"})
    plan = here.act()
    assert steps(plan)["SecretProviderClass"] is Act.APPLY
    assert steps(plan)["Deployment"] is Act.APPLY
    assert says(here, "SecretsResolved") == ("True", "Resolved")


async def test_another_version_of_a_mounted_secret_rolls_the_pods(world: Make) -> None:
    reader = SecretReader(client=None)  # type: ignore[arg-type]  # nothing is there to be read
    here = world(**CSI)
    first = await reader.read(here.bot)
    assert first.hash
    here.spec["secrets"]["csi"]["files"][0]["resourceName"] = (
        "projects/p/secrets/discord-token/versions/2"
    )
    here.metadata["generation"] = 2
    second = await reader.read(here.bot)
    assert second.hash != first.hash
    assert second.token == first.token, "the same secret, so still the same bot on Discord"


def test_without_fqdn_policies_the_address_rule_stays(world: Make) -> None:
    here = world(networkPolicy={"fqdn": True})
    here.act()
    assert says(here, "NetworkRestricted") == ("False", "FQDNUnsupported")
    before = here.live["NetworkPolicy", "my-bot"].body["spec"]["egress"]
    here.kinds = frozenset({"FQDNNetworkPolicy"})
    plan = here.act()
    order = [step.kind.kind for step in plan.steps]
    assert order.index("FQDNNetworkPolicy") < order.index("NetworkPolicy"), "or the bot is cut off"
    after = here.live["NetworkPolicy", "my-bot"].body["spec"]["egress"]
    assert len(after) == len(before) - 1
    assert says(here, "NetworkRestricted") == ("True", "Applied")


SLACK = {"slack": {"secretRef": {"name": "slack"}, "channel": "#bots"}}


@pytest.mark.parametrize(
    ("kind", "monitoring"),
    [
        ("AlertmanagerConfig", SLACK),
        ("GrafanaDashboard", {"dashboards": {"kind": "GrafanaDashboard"}}),
        ("Role", {"prometheusServiceAccount": {"name": "p", "namespace": "monitoring"}}),
    ],
)
def test_monitoring_kinds_are_made_when_they_appear_and_pruned_when_unwanted(
    world: Make, kind: str, monitoring: dict[str, Any]
) -> None:
    here = world(monitoring=monitoring)
    there = {"ServiceMonitor", "PrometheusRule", "RoleBinding"} - {kind}
    here.kinds = frozenset(there)
    here.act()
    assert says(here, "MonitoringReady") == ("False", "MonitoringCRDsMissing")
    assert kind in condition(here, "MonitoringReady").message
    here.kinds = frozenset(there | {kind})
    here.act()
    assert says(here, "MonitoringReady") == ("True", "Applied")
    assert any(key[0] == kind for key in here.live)
    here.spec["monitoring"] = {}
    here.act()
    assert not any(key[0] == kind for key in here.live)
