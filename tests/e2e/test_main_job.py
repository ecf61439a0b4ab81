"""The main job, for real: apply a resource, and a bot answers through the proxy's database path."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.e2e.product import Bot, Product, until

pytestmark = pytest.mark.cluster


def _containers(pod: dict) -> dict[str, dict]:
    statuses = pod["status"].get("initContainerStatuses", []) + pod["status"]["containerStatuses"]
    return {each["name"]: each for each in statuses}


async def test_an_applied_resource_becomes_a_ready_bot_with_its_sidecar(main_bot: Bot) -> None:
    await main_bot.until_condition("Ready", "True")
    await until("two pods", lambda: len(main_bot.pods()) == 2)
    for pod in main_bot.pods():
        containers = _containers(pod)
        assert containers["bot"]["ready"]
        assert containers["cloud-sql-proxy"]["started"]
        assert "running" in containers["cloud-sql-proxy"]["state"]
    resource = main_bot.get()
    status = resource["status"]
    assert status["observedGeneration"] == resource["metadata"]["generation"]
    assert (status["replicas"], status["readyReplicas"]) == (2, 2)
    for kind in (
        "SpecAccepted",
        "SecretsResolved",
        "WorkloadAvailable",
        "RolledOut",
        "ShardsOwned",
        "DatabaseMigrated",
    ):
        assert main_bot.condition(kind)["status"] == "True", kind


async def test_columns_show_what_a_person_looks_for(main_bot: Bot) -> None:
    await main_bot.until_condition("Ready", "True")
    header, row = main_bot.product.run("get", "dbot", main_bot.name).splitlines()
    assert header.split() == ["NAME", "READY", "REASON", "OWNED", "SHARDS", "REPLICAS", "AGE"]
    assert row.split()[:3] == [main_bot.name, "True", "AllComponentsReady"]


async def test_a_command_is_answered_by_one_replica(main_bot: Bot) -> None:
    answer = await main_bot.until_answering()
    assert answer.acknowledged_after is not None
    assert answer.acknowledged_after < 3
    names = {pod["metadata"]["name"] for pod in main_bot.pods()}
    shown = answer.content + json.dumps(answer.embeds)
    assert sum(name in shown for name in names) == 1


async def test_cases_are_kept_in_postgres_through_the_proxy(main_bot: Bot, member: str) -> None:
    await main_bot.until_answering()
    reason = f"shouting {uuid.uuid4()}"
    warned = await main_bot.run("warn", {"member": member, "reason": reason})
    assert warned.state == "answered"
    listed = await main_bot.run("cases", {"member": member})
    assert reason in listed.content + json.dumps(listed.embeds)
    # Postgres listens on the loopback of the stand-in's pod only: what is in it came by the proxy.
    where = f"bot = 'e2e/{main_bot.name}' and reason = '{reason}'"
    counted = main_bot.product.sql(f"select count(*) from vertice.moderation_case where {where}")
    assert counted == "1"


async def test_a_spec_edit_rolls_out(main_bot: Bot) -> None:
    await main_bot.until_condition("Ready", "True")
    before = main_bot.pod_uids()
    main_bot.edit({"logging": {"level": "DEBUG"}})
    await main_bot.until_condition("RolledOut", "True")
    await until(
        "new pods only", lambda: not (main_bot.pod_uids() & before) and len(main_bot.pods()) == 2
    )
    await main_bot.until_condition("Ready", "True")
    await main_bot.until_answering()


async def test_a_policy_edit_reaches_the_bot_without_a_restart(main_bot: Bot) -> None:
    await main_bot.until_condition("Ready", "True")
    before = main_bot.pod_uids()
    main_bot.edit({"policy": {"defaults": {"locale": "pt-BR"}}})
    await main_bot.until_condition("Ready", "True")
    name = f"{main_bot.name}-config"
    await until(
        "the ConfigMap has the policy",
        lambda: "pt-BR" in main_bot.product.get("configmap", name)["data"]["policy.yaml"],
    )
    assert main_bot.pod_uids() == before


async def test_an_operator_restart_restarts_no_bot(product: Product, main_bot: Bot) -> None:
    await main_bot.until_condition("Ready", "True")
    before = main_bot.pod_uids()
    version = main_bot.get()["metadata"]["resourceVersion"]
    kubectl = product.cluster.kubectl
    kubectl("-n", "vertice-system", "rollout", "restart", "deployment/vertice-operator", check=True)
    kubectl(
        "-n",
        "vertice-system",
        "rollout",
        "status",
        "deployment/vertice-operator",
        "--timeout=90s",
        check=True,
    )
    # A change after the restart shows that the new operator has looked at this bot.
    main_bot.edit({"monitoring": {"interval": "45s"}})
    await until(
        "the new operator acts",
        lambda: (
            product.get("servicemonitor", main_bot.name)["spec"]["endpoints"][0]["interval"]
            == "45s"
        ),
    )
    await main_bot.until_condition("Ready", "True")
    assert main_bot.pod_uids() == before
    assert main_bot.get()["metadata"]["resourceVersion"] != version


async def test_deletion_leaves_nothing(product: Product) -> None:
    bot = await product.add_bot("leaver")
    await bot.until_condition("Ready", "True")
    kinds = (
        "deployments,replicasets,pods,services,configmaps,serviceaccounts,jobs,networkpolicies,"
        "horizontalpodautoscalers,poddisruptionbudgets,servicemonitors,prometheusrules,endpointslices"
    )
    selector = f"app.kubernetes.io/instance={bot.name}"
    assert product.get(kinds, "-l", selector)["items"]
    product.remove(bot.name)
    await until("nothing is left", lambda: not product.get(kinds, "-l", selector)["items"])
