"""Single decisions in single objects, each with its reason in the code."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render import RenderFacts, desired_objects

DIRECT = {"direct": {"host": "db"}, "credentialsSecretRef": {"name": "db"}}
CLOUD = {"cloudSQL": {"instance": "p:r:i"}, "credentialsSecretRef": {"name": "db"}}


def render(name: str = "my-bot", minor: int = 34, **spec: Any) -> dict[str, dict[str, Any]]:
    """Bodies by kind; the ConfigMap is the configuration, the other one is ``Dashboard``."""
    base = {"discord": {"tokenSecretRef": {"name": "t"}}, "database": DIRECT}
    bot = DiscordBot.from_object(
        {"metadata": {"name": name, "namespace": "demo", "uid": "u"}, "spec": {**base, **spec}}
    )
    kinds = frozenset({"ServiceMonitor", "PrometheusRule"})
    facts = RenderFacts("0.1.0", "vertice-bot:0.1.0", "proxy:1", minor, available_kinds=kinds)
    return {
        "Dashboard" if child.name.endswith("-dashboard") else child.kind.kind: child.body
        for child in desired_objects(bot, facts)
        if child.body is not None
    }


def pod(objects: dict[str, dict[str, Any]]) -> dict[str, Any]:
    spec: dict[str, Any] = objects["Deployment"]["spec"]["template"]["spec"]
    return spec


def annotations(objects: dict[str, dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = objects["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    return found


def egress(objects: dict[str, dict[str, Any]], port: int) -> list[str]:
    """Addresses that may be reached on one port."""
    return [
        peer["ipBlock"]["cidr"]
        for rule in objects["NetworkPolicy"]["spec"]["egress"]
        if any(each.get("port") == port for each in rule["ports"])
        for peer in rule["to"]
        if "ipBlock" in peer
    ]


PRIVATE = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]


@pytest.mark.parametrize(
    ("database", "policy", "port", "expected"),
    [
        (DIRECT, {}, 5432, PRIVATE),
        (DIRECT, {"databaseCIDR": "10.2.3.4/16"}, 5432, ["10.2.0.0/16"]),
        ({**DIRECT, "direct": {"host": "10.9.8.7", "port": 6000}}, {}, 6000, ["10.9.8.7/32"]),
        ({**DIRECT, "direct": {"host": "2001:db8::1"}}, {}, 5432, ["2001:db8::1/128"]),
        (CLOUD, {}, 3307, PRIVATE),
        (CLOUD, {"databaseCIDR": "10.2.0.0/16"}, 3307, ["10.2.0.0/16"]),
        (
            {**CLOUD, "cloudSQL": {"instance": "p:r:i", "privateIP": False}},
            {},
            3307,
            ["0.0.0.0/0", "::/0"],
        ),
        (
            {**CLOUD, "cloudSQL": {"instance": "p:r:i", "privateIP": False, "psc": True}},
            {},
            3307,
            PRIVATE,
        ),
    ],
)
def test_way_to_the_database(
    database: dict[str, Any], policy: dict[str, Any], port: int, expected: list[str]
) -> None:
    assert egress(render(database=database, networkPolicy=policy), port) == expected


def test_public_addresses_never_include_private_ones() -> None:
    rules = render()["NetworkPolicy"]["spec"]["egress"]
    [public] = [rule for rule in rules if rule["ports"] == [{"port": 443, "protocol": "TCP"}]]
    blocks = [peer["ipBlock"] for peer in public["to"]]
    assert [block["cidr"] for block in blocks] == ["0.0.0.0/0", "::/0"]
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"} == {
        *blocks[0]["except"]
    }


def test_way_to_redis_and_the_collector() -> None:
    objects = render(
        cache={"host": "10.0.0.9", "port": 6378},
        tracing={"endpoint": "http://otel.obs.svc"},
        networkPolicy={"otlp": {"namespace": "obs"}},
    )
    assert egress(objects, 6378) == ["10.0.0.9/32"]
    [collector] = [
        rule
        for rule in objects["NetworkPolicy"]["spec"]["egress"]
        if rule["ports"][0]["port"] == 4317
    ]
    assert [each["port"] for each in collector["ports"]] == [4317, 4318]
    assert "obs" in json.dumps(collector["to"])


def test_tracing_names_service_and_pod() -> None:
    objects = render(tracing={"endpoint": "http://otel:4317", "samplingRatio": "0.25"})
    config = yaml.safe_load(objects["ConfigMap"]["data"]["config.yaml"])
    assert config["tracing"] == {
        "endpoint": "http://otel:4317",
        "protocol": "grpc",
        "sampling_ratio": 0.25,
    }
    environment = {each["name"]: each.get("value") for each in pod(objects)["containers"][0]["env"]}
    assert environment["OTEL_SERVICE_NAME"] == "my-bot"
    attributes = "service.namespace=demo,k8s.pod.name=$(VERTICE_REPLICA)"
    assert environment["OTEL_RESOURCE_ATTRIBUTES"] == attributes
    assert "OTEL_SERVICE_NAME" not in json.dumps(pod(render()))


def test_an_address_inside_the_cluster_is_not_guessed() -> None:
    before = render()["NetworkPolicy"]["spec"]["egress"]
    discord = {"tokenSecretRef": {"name": "t"}, "apiBase": "http://discord.dev.svc:8080/api/v10"}
    assert render(discord=discord)["NetworkPolicy"]["spec"]["egress"] == before
    extra = {"to": [{"podSelector": {}}], "ports": [{"port": 8080}]}
    opened = render(discord=discord, networkPolicy={"extraEgress": [extra]})
    assert opened["NetworkPolicy"]["spec"]["egress"] == [*before, extra]


def test_policy_reaches_the_pod_without_a_restart_and_config_does_not() -> None:
    plain = render()
    policy = render(policy={"defaults": {"language": "pt-BR"}})
    assert yaml.safe_load(policy["ConfigMap"]["data"]["policy.yaml"]) == {
        "defaults": {"language": "pt-BR"},
        "guilds": {},
    }
    assert policy["Deployment"] == plain["Deployment"]
    louder = render(logging={"level": "DEBUG"})
    key = "vertice.dev/config-hash"
    assert annotations(louder)[key] != annotations(plain)[key]


def test_restart_and_own_annotations() -> None:
    objects = render(
        restartAt="2026-01-31T12:00:00Z",
        scheduling={"podAnnotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}},
    )
    found = annotations(objects)
    assert found["vertice.dev/restarted-at"] == "2026-01-31T12:00:00Z"
    assert found["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "true"
    assert "vertice.dev/restarted-at" not in annotations(render())


def test_native_sidecar_starts_first_and_has_no_hook() -> None:
    database = {**CLOUD, "migrations": "Startup"}
    first, second = pod(render(database=database))["initContainers"]
    assert (first["name"], first["restartPolicy"]) == ("cloud-sql-proxy", "Always")
    assert "lifecycle" not in first
    assert "readinessProbe" not in first
    assert "restartPolicy" not in second
    assert second["args"][0] == "migrate"


def test_plain_proxy_outlives_the_drain() -> None:
    database = {**CLOUD, "migrations": "Off"}
    containers = pod(render(minor=28, database=database))["containers"]
    assert [container["name"] for container in containers] == ["bot", "cloud-sql-proxy"]
    environment = {each["name"]: each["value"] for each in containers[1]["env"]}
    assert environment["CSQL_PROXY_MAX_SIGTERM_DELAY"] == "55s"


@pytest.mark.parametrize(("migrations", "jobs"), [("Job", 1), ("Startup", 0), ("Off", 0)])
def test_who_migrates(migrations: str, jobs: int) -> None:
    objects = render(database={**DIRECT, "migrations": migrations})
    assert ("Job" in objects) == bool(jobs)
    starters = [each["name"] for each in pod(objects).get("initContainers", [])]
    assert starters == (["migrate"] if migrations == "Startup" else [])


def test_the_migration_does_not_get_the_token() -> None:
    job = json.dumps(render()["Job"]["spec"]["template"]["spec"]["volumes"])
    assert "database-password" in job
    assert "discord-token" not in job


def test_iam_login_has_no_password() -> None:
    objects = render(
        identity={"gcpServiceAccount": "bot@p.iam.gserviceaccount.com"},
        database={"cloudSQL": {"instance": "p:r:i", "iamAuth": True}},
    )
    database = yaml.safe_load(objects["ConfigMap"]["data"]["config.yaml"])["database"]
    assert database["user"] == "bot@p.iam"
    assert database["user_file"] is None
    assert database["password_file"] is None
    assert "secrets" not in json.dumps(objects["Job"]["spec"]["template"]["spec"]["volumes"])
    note = objects["ServiceAccount"]["metadata"]["annotations"]
    assert note["iam.gke.io/gcp-service-account"] == "bot@p.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("pdb", "expected"),
    [
        ({}, {"maxUnavailable": 1}),
        ({"maxUnavailable": "25%"}, {"maxUnavailable": "25%"}),
        ({"minAvailable": 2}, {"minAvailable": 2}),
    ],
)
def test_disruption_budget(pdb: dict[str, Any], expected: dict[str, Any]) -> None:
    spec = render(pdb=pdb, replicas=3)["PodDisruptionBudget"]["spec"]
    assert {key: spec[key] for key in spec if key.startswith("m")} == expected
    assert spec["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


@pytest.mark.parametrize(("interval", "timeout"), [("30s", "10s"), ("10s", "10s"), ("2m", "10s")])
def test_scrape_timeout_is_within_the_interval(interval: str, timeout: str) -> None:
    [endpoint] = render(monitoring={"interval": interval})["ServiceMonitor"]["spec"]["endpoints"]
    assert (endpoint["interval"], endpoint["scrapeTimeout"]) == (interval, timeout)


def test_monitoring_off_leaves_nothing_behind() -> None:
    kinds = set(render(monitoring={"enabled": False}))
    assert not kinds & {"Service", "ServiceMonitor", "PrometheusRule", "Dashboard"}


def test_dashboards_of_two_bots_do_not_meet() -> None:
    first, second = render("one")["Dashboard"], render("two")["Dashboard"]
    [(file, text)] = first["data"].items()
    [(other_file, other_text)] = second["data"].items()
    assert file != other_file
    board, other = json.loads(text), json.loads(other_text)
    assert board["uid"] != other["uid"]
    assert len(board["uid"]) <= 40  # Grafana's limit
    assert board["title"] == "Vértice: demo/one"
    values = {each["name"]: each["current"] for each in board["templating"]["list"]}
    assert values["bot"] == {"text": "one", "value": "one"}
    assert values["namespace"]["value"] == "demo"
    assert len(text.encode()) < 200_000  # a ConfigMap holds 1 MiB


def test_dashboard_takes_the_objective_along() -> None:
    rules = {"rules": {"sloObjective": "99.9"}}
    [text] = render(monitoring=rules)["Dashboard"]["data"].values()
    budget = [v for v in json.loads(text)["templating"]["list"] if v["name"] == "budget"]
    assert budget[0]["query"] == "0.001"


def test_without_a_server_there_is_no_owner() -> None:
    bot = DiscordBot.from_object(
        {
            "metadata": {"name": "my-bot"},
            "spec": {"discord": {"tokenSecretRef": {"name": "t"}}, "database": DIRECT},
        }
    )
    facts = RenderFacts("0.1.0", "vertice-bot:0.1.0", "proxy:1", 34)
    assert "ownerReferences" not in json.dumps(
        [child.body for child in desired_objects(bot, facts)]
    )
