"""The whole operator in this process, kopf included, against a real API server.

No fake stands in for anything: etcd, kube-apiserver and the controllers run. Only pods do not,
for there is no node.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.apiserver
Make = Callable[..., dict[str, Any]]


async def test_a_new_bot_costs_its_children_and_one_status(harness: Any, bot: Make) -> None:
    await harness.start()
    await harness.apply(bot())
    await harness.eventually(lambda: harness.condition("my-bot", "Ready"), "a status")
    await harness.at_rest()
    children = await harness.children("my-bot")
    [entry] = (await harness.get("discordbot", "my-bot"))["status"]["history"]
    assert {(each["kind"], each["metadata"]["name"]) for each in children} == {
        ("ControllerRevision", entry["name"]),
        ("ServiceAccount", "my-bot"),
        ("ConfigMap", "my-bot-config"),
        ("ConfigMap", "my-bot-dashboard"),
        ("NetworkPolicy", "my-bot"),
        ("Service", "my-bot-metrics"),
        ("Deployment", "my-bot"),
        ("PodDisruptionBudget", "my-bot"),
    }
    assert len(harness.writes) == len(children) + 1, harness.writes
    assert [each[:2] for each in harness.writes].count(("PATCH", "discordbots")) == 1
    document = await harness.get("discordbot", "my-bot")
    assert document["status"]["observedGeneration"] == document["metadata"]["generation"]
    assert {each["observedGeneration"] for each in document["status"]["conditions"]} == {1}
    assert len(document["status"]["conditions"]) == 12
    owners = [each["metadata"]["ownerReferences"] for each in children]
    assert all(len(each) == 1 and each[0]["controller"] for each in owners)
    assert document["metadata"].get("finalizers") is None
    assert "kopf.zalando.org/last-handled-configuration" not in (
        document["metadata"].get("annotations") or {}
    )


async def test_at_rest_and_after_a_restart_nothing_is_written(harness: Any, bot: Make) -> None:
    await harness.start(resync_seconds=1, secret_recheck_seconds=1)
    await harness.apply(bot())
    await harness.eventually(lambda: harness.condition("my-bot", "Ready"), "a status")
    await harness.at_rest()
    harness.requests.clear()
    await harness.eventually(
        lambda: sum(each[:2] == ("GET", "secrets") for each in harness.requests) > 12,
        "six more reconciles",
    )
    assert harness.writes == []
    await harness.stop()
    harness.requests.clear()
    await harness.start()
    await harness.eventually(
        lambda: any(each[1] == "secrets" for each in harness.requests), "a reconcile"
    )
    await harness.at_rest()
    assert harness.writes == []


async def test_drift_is_put_right(harness: Any, bot: Make) -> None:
    operator = await harness.start()
    await harness.apply(bot())
    await harness.eventually(lambda: harness.condition("my-bot", "Ready"), "a status")
    await harness.at_rest()
    patch = '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":7}}}}'
    await harness.kubectl("patch", "deployment", "my-bot", "-p", patch)
    await harness.kubectl("delete", "service", "my-bot-metrics")

    async def repaired() -> bool:
        deployment = await harness.get("deployment", "my-bot")
        grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        return grace == 60 and await harness.get("service", "my-bot-metrics") is not None

    await harness.eventually(repaired, "both repaired", seconds=20)
    assert operator.metrics.registry.get_sample_value(
        "vertice_operator_drift_corrections_total", {"kind": "Deployment"}
    )
    await harness.eventually(
        lambda: harness.kubectl(
            "get", "events", "--field-selector=reason=DriftCorrected", "-o", "name"
        ),
        "an Event that tells it",
    )


async def test_what_is_switched_off_is_pruned(harness: Any, bot: Make) -> None:
    await harness.start()
    await harness.apply(bot())
    await harness.eventually(lambda: harness.get("pdb", "my-bot"), "the disruption budget")
    spec = {"pdb": {"enabled": False}, "networkPolicy": {"enabled": False}}
    await harness.apply(bot(**spec))

    async def pruned() -> bool:
        found = [await harness.get(kind, "my-bot") for kind in ("pdb", "networkpolicy")]
        return found == [None, None]

    await harness.eventually(pruned, "both pruned")
    condition = await harness.eventually(
        lambda: _with_reason(harness, "NetworkRestricted", "Disabled"), "the condition"
    )
    assert condition["observedGeneration"] == 2


async def test_a_foreign_object_of_the_same_name_is_left_alone(harness: Any, bot: Make) -> None:
    foreign = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "my-bot-config", "labels": {"whose": "mine"}},
        "data": {"config.yaml": "precious"},
    }
    await harness.apply(foreign)
    before = await harness.get("configmap", "my-bot-config")
    await harness.start(secret_recheck_seconds=2)
    await harness.apply(bot())
    condition = await harness.eventually(
        lambda: _with_reason(harness, "SpecAccepted", "NameConflict"), "the refusal"
    )
    assert "ConfigMap my-bot-config exists" in condition["message"]
    assert await harness.get("configmap", "my-bot-config") == before
    assert await harness.get("service", "my-bot-metrics") is not None, "others are still served"
    await harness.kubectl("delete", "configmap", "my-bot-config")
    await harness.eventually(
        lambda: _with_reason(harness, "SpecAccepted", "Valid"), "healed when it is gone"
    )
    assert (await harness.get("configmap", "my-bot-config"))["data"]["config.yaml"] != "precious"


async def test_paused_changes_nothing_and_unpaused_catches_up(harness: Any, bot: Make) -> None:
    await harness.start()
    paused = bot()
    paused["metadata"]["annotations"] = {"vertice.dev/paused": "true"}
    await harness.apply(paused)
    condition = await harness.eventually(
        lambda: _with_reason(harness, "Paused", "Paused"), "the condition"
    )
    assert condition["status"] == "True"
    assert await harness.children("my-bot") == []
    await harness.apply(bot())
    await harness.eventually(lambda: harness.get("deployment", "my-bot"), "the Deployment")
    await harness.kubectl("annotate", "discordbot", "my-bot", "vertice.dev/paused=true")
    await harness.eventually(lambda: _with_reason(harness, "Paused", "Paused"), "paused again")
    await harness.kubectl("scale", "deployment", "my-bot", "--replicas=5")
    await harness.at_rest()
    assert (await harness.get("deployment", "my-bot"))["spec"]["replicas"] == 5
    await harness.kubectl("annotate", "discordbot", "my-bot", "vertice.dev/paused-")

    async def scaled_back() -> bool:
        return bool((await harness.get("deployment", "my-bot"))["spec"]["replicas"] == 1)

    await harness.eventually(scaled_back, "drift of the pause repaired")


async def test_suspended_keeps_objects_at_zero(harness: Any, bot: Make) -> None:
    await harness.start()
    await harness.apply(bot(replicas=3))
    await harness.eventually(lambda: harness.get("pdb", "my-bot"), "running")
    await harness.apply(bot(replicas=3, suspend=True))

    async def zero() -> bool:
        deployment = await harness.get("deployment", "my-bot")
        return deployment["spec"]["replicas"] == 0 and await harness.get("pdb", "my-bot") is None

    await harness.eventually(zero, "scaled to zero")
    condition = await harness.eventually(
        lambda: _with_reason(harness, "Ready", "Suspended"), "the condition"
    )
    assert condition["status"] == "False"
    assert await harness.get("configmap", "my-bot-config") is not None
    await harness.apply(bot(replicas=3))

    async def back() -> bool:
        return bool((await harness.get("deployment", "my-bot"))["spec"]["replicas"] == 3)

    await harness.eventually(back, "resumed")


async def test_a_missing_secret_holds_the_workload_and_says_how_to_make_it(
    harness: Any, bot: Make, make_secret: Make
) -> None:
    await harness.start(secret_recheck_seconds=1)
    await harness.apply(bot(token="later"))
    condition = await harness.eventually(
        lambda: _with_reason(harness, "SecretsResolved", "SecretNotFound"), "the condition"
    )
    assert "create secret generic later --from-file=token=FILE" in condition["message"]
    assert await harness.get("deployment", "my-bot") is None
    await harness.apply(make_secret("later", token="abc"))
    await harness.eventually(lambda: harness.get("deployment", "my-bot"), "the Deployment")
    before = await harness.get("deployment", "my-bot")
    await harness.kubectl("delete", "secret", "later")
    await harness.eventually(
        lambda: _with_reason(harness, "SecretsResolved", "SecretNotFound"), "noticed"
    )
    after = await harness.get("deployment", "my-bot")
    assert after["spec"] == before["spec"], "running pods stay as they are"


async def test_a_rotated_secret_rolls_the_pods_and_shows_nothing(
    harness: Any, bot: Make, make_secret: Make
) -> None:
    await harness.start(secret_recheck_seconds=1)
    await harness.apply(bot())
    before = await harness.eventually(lambda: harness.get("deployment", "my-bot"), "running")
    await harness.apply(make_secret("token", token="canary-5c1f0e"))

    async def rolled() -> bool:
        after = await harness.get("deployment", "my-bot")
        return bool(_secret_hash(after) != _secret_hash(before))

    await harness.eventually(rolled, "another hash")
    await harness.at_rest()
    everything = await harness.kubectl(
        "get", "discordbots,configmaps,deployments,events,services", "-o", "json"
    )
    assert "canary-5c1f0e" not in everything


async def test_the_younger_of_two_bots_with_one_token_stays_off(harness: Any, bot: Make) -> None:
    await harness.start(secret_recheck_seconds=2)
    await harness.apply(bot("older"))
    await harness.eventually(lambda: harness.get("deployment", "older"), "the first")
    await asyncio.sleep(1.1)  # creation times are whole seconds
    await harness.apply(bot("younger"))
    condition = await harness.eventually(
        lambda: _with_reason(harness, "SecretsResolved", "TokenConflict", "younger"), "conflict"
    )
    assert f"{harness.namespace}/older" in condition["message"]
    assert (await harness.get("deployment", "younger"))["spec"]["replicas"] == 0
    assert (await harness.get("deployment", "older"))["spec"]["replicas"] == 1
    await harness.kubectl("delete", "discordbot", "older")

    async def on() -> bool:
        return bool((await harness.get("deployment", "younger"))["spec"]["replicas"] == 1)

    await harness.eventually(on, "the younger takes over")


async def test_an_invalid_spec_leaves_every_child_as_it_was(harness: Any, bot: Make) -> None:
    await harness.start()
    await harness.apply(bot())
    await harness.eventually(lambda: harness.condition("my-bot", "Ready"), "running")
    await harness.at_rest()
    before = {each["metadata"]["uid"]: each["spec"] if "spec" in each else each.get("data")
              for each in await harness.children("my-bot")}  # fmt: skip
    await harness.apply(bot(scheduling={"tolerations": [{"operatr": "Exists"}]}, replicas=4))
    condition = await harness.eventually(
        lambda: _with_reason(harness, "SpecAccepted", "InvalidSpec"), "the refusal"
    )
    assert "operatr" in condition["message"]
    assert condition["observedGeneration"] == 2
    after = {each["metadata"]["uid"]: each["spec"] if "spec" in each else each.get("data")
             for each in await harness.children("my-bot")}  # fmt: skip
    assert after == before


async def test_emoji_in_passed_through_fields(harness: Any, bot: Make) -> None:
    await harness.start()
    await harness.apply(bot(scheduling={"podAnnotations": {"mood": "🎉 crème"}}))
    deployment = await harness.eventually(lambda: harness.get("deployment", "my-bot"), "applied")
    assert deployment["spec"]["template"]["metadata"]["annotations"]["mood"] == "🎉 crème"


async def test_the_autoscaler_takes_replicas_over_without_a_dip(harness: Any, bot: Make) -> None:
    await harness.start()
    await harness.apply(bot(replicas=4, shards={"count": 8}))
    await harness.eventually(lambda: harness.get("deployment", "my-bot"), "the Deployment")
    watched = await asyncio.create_subprocess_exec(
        str(harness.apiserver.program), f"--kubeconfig={harness.apiserver.kubeconfig}",
        "-n", harness.namespace, "get", "deployment", "my-bot", "--watch",
        "-o", "jsonpath={.spec.replicas}{'\\n'}", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    scaling = {"enabled": True, "minReplicas": 2, "maxReplicas": 6}
    await harness.apply(bot(replicas=4, shards={"count": 8}, autoscaling=scaling))
    await harness.eventually(lambda: harness.get("hpa", "my-bot"), "the autoscaler")
    await harness.at_rest()
    watched.terminate()
    seen = (await watched.stdout.read()).decode().split() if watched.stdout else []
    await watched.wait()
    assert seen
    assert set(seen) == {"4"}
    managed = (await harness.get_managed("deployment", "my-bot"))["metadata"]["managedFields"]
    ours = next(each for each in managed if each["manager"] == "vertice-operator")
    assert "f:replicas" not in ours["fieldsV1"]["f:spec"]


async def test_deleted_while_the_operator_is_away_nothing_stays(harness: Any, bot: Make) -> None:
    await harness.start()
    await harness.apply(bot())
    await harness.eventually(lambda: harness.get("pdb", "my-bot"), "running")
    await harness.stop()
    await harness.kubectl("delete", "discordbot", "my-bot", "--timeout=20s")

    async def nothing() -> bool:
        return not await harness.children("my-bot")

    await harness.eventually(nothing, "garbage collected")


async def test_monitoring_kinds_may_appear_later(harness: Any, bot: Make) -> None:
    await harness.start(optional_recheck_seconds=1)
    await harness.apply(bot())
    condition = await harness.eventually(
        lambda: _with_reason(harness, "MonitoringReady", "MonitoringCRDsMissing"), "the condition"
    )
    assert "ServiceMonitor" in condition["message"]
    for path in harness.apiserver.monitoring_crds:
        await harness.kubectl("apply", "--server-side", "-f", str(path))
    try:
        await harness.eventually(
            lambda: _with_reason(harness, "MonitoringReady", "Applied"), "made once they exist"
        )
        assert await harness.get("servicemonitors.monitoring.coreos.com", "my-bot")
        assert await harness.get("prometheusrules.monitoring.coreos.com", "my-bot")
    finally:
        for path in harness.apiserver.monitoring_crds:
            await harness.kubectl("delete", "--wait=false", "-f", str(path))
    await harness.eventually(
        lambda: _with_reason(harness, "MonitoringReady", "MonitoringCRDsMissing"), "and go again"
    )


async def _with_reason(
    harness: Any, kind: str, reason: str, name: str = "my-bot"
) -> dict[str, Any] | None:
    condition: dict[str, Any] = await harness.condition(name, kind)
    return condition if condition.get("reason") == reason else None


def _secret_hash(deployment: dict[str, Any]) -> str:
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    return str(annotations["vertice.dev/secret-hash"])
