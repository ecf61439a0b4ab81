"""What must hold for every resource that is accepted, whatever is in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot, ScalingEngine
from vertice_operator.api.validation import problems
from vertice_operator.render import (
    KINDS,
    RenderFacts,
    desired_objects,
    missing_kinds,
    referenced_secrets,
    scale_bounds,
    spec_hash,
    unsupported,
)

_name = st.from_regex(r"[a-z][a-z0-9-]{0,38}[a-z0-9]", fullmatch=True)
_word = st.from_regex(r"[a-z][a-z0-9]{0,11}", fullmatch=True)
_labels = st.dictionaries(_word, _word, max_size=3)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping in which each field may be missing."""
    return st.fixed_dictionaries({}, optional=fields)


_image = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {"tag": st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True)},
        optional={"repository": st.sampled_from(["vertice-bot", "r.example.com:5000/a/bot"])},
    ),
    st.fixed_dictionaries({"digest": st.from_regex(r"sha256:[a-f0-9]{64}", fullmatch=True)}),
)
_cloud = st.fixed_dictionaries(
    {"instance": st.just("p:r:i")},
    optional={
        "privateIP": st.booleans(),
        "iamAuth": st.booleans(),
        "proxy": some(
            image=st.just("proxy:1"),
            mode=st.sampled_from(["Auto", "NativeSidecar", "Container"]),
            port=st.integers(1, 65535),
            maxSigtermDelaySeconds=st.integers(0, 14),
            sqlAdminAPIEndpoint=st.just("http://sql.example.com"),
            credentialsSecretRef=st.just({"name": "google", "key": "k.json"}),
        ),
    },
)
_direct = st.fixed_dictionaries(
    {"host": st.sampled_from(["db", "10.1.2.3", "2001:db8::1", "db.example.com"])},
    optional={
        "port": st.integers(1, 65535),
        "tls": st.sampled_from(
            [{"mode": "Disable"}, {"mode": "VerifyFull", "caSecretRef": {"name": "ca"}}]
        ),
    },
)
_database = st.tuples(
    st.one_of(
        _cloud.map(lambda cloud: {"cloudSQL": cloud}),
        _direct.map(lambda direct: {"direct": direct}),
    ),
    st.sampled_from(["Job", "Startup", "Off"]),
).map(
    lambda pair: {
        **pair[0],
        "migrations": pair[1],
        "credentialsSecretRef": {"name": "db", "usernameKey": "u", "passwordKey": "p"},
    }
)
_cache = st.fixed_dictionaries(
    {"host": st.sampled_from(["redis", "10.9.9.9"])},
    optional={"authSecretRef": st.just({"name": "redis"}), "tls": st.booleans()},
)
_autoscaling = some(
    enabled=st.booleans(),
    minReplicas=st.integers(1, 4),
    maxReplicas=st.integers(4, 100),
    cpuUtilization=st.integers(10, 95),
    memoryUtilization=st.integers(10, 95),
    busyRatio=st.just("700m"),
    engine=st.sampled_from(["HPA", "KEDA"]),
    prometheus=st.just({"serverAddress": "http://prometheus:9090"}),
)
_secrets = st.sampled_from(
    [
        {"provider": "Kubernetes"},
        {
            "provider": "ExternalSecrets",
            "externalSecret": {
                "storeRef": {"name": "store"},
                "keys": [{"secretKey": "token", "remoteKey": "bot-token"}],
            },
        },
        {
            "provider": "SecretsStoreCSI",
            "csi": {
                "files": [
                    {"file": file, "resourceName": f"projects/p/secrets/{file}/versions/1"}
                    for file in ("discord-token", "database-username", "database-password")
                ]
            },
        },
    ]
)
_monitoring = some(
    enabled=st.booleans(),
    labels=_labels,
    interval=st.sampled_from(["10s", "30s", "2m"]),
    rules=some(enabled=st.booleans(), sloObjective=st.sampled_from(["90", "99.5", "99.99"])),
    dashboards=some(
        enabled=st.booleans(),
        labels=_labels,
        kind=st.sampled_from(["ConfigMap", "GrafanaDashboard"]),
    ),
    slack=st.just({"secretRef": {"name": "slack"}, "channel": "#alerts"}),
    prometheusServiceAccount=st.just({"name": "prometheus", "namespace": "monitoring"}),
)
_scheduling = some(
    podLabels=_labels,
    podAnnotations=_labels,
    nodeSelector=_labels,
    priorityClassName=_name,
    topologySpreadConstraints=st.just([]),
)
specs = st.fixed_dictionaries(
    {
        "discord": st.fixed_dictionaries(
            {"tokenSecretRef": st.just({"name": "token-secret"})},
            optional={
                "apiBase": st.just("http://d.example.com/api/v10"),
                "intents": st.just(["guilds", "members"]),
                "features": some(moderation=st.booleans(), analytics=st.booleans()),
            },
        ),
        "database": _database,
    },
    optional={
        "image": _image,
        "cache": _cache,
        "replicas": st.integers(0, 100),
        "autoscaling": _autoscaling,
        "shards": some(
            count=st.one_of(st.just("auto"), st.integers(1, 4096)),
            standby=st.integers(0, 3),
            maxPerReplica=st.integers(1, 128),
        ),
        "identity": st.sampled_from(
            [{"gcpServiceAccount": "bot@p.iam.gserviceaccount.com"}, {"serviceAccountName": "own"}]
        ),
        "networkPolicy": some(
            enabled=st.booleans(),
            databaseCIDR=st.just("10.0.0.1/24"),
            cacheCIDR=st.just("::/0"),
            fqdn=st.booleans(),
        ),
        "secrets": _secrets,
        "pdb": some(enabled=st.booleans(), maxUnavailable=st.sampled_from([1, "25%"])),
        "monitoring": _monitoring,
        "scheduling": _scheduling,
        "suspend": st.booleans(),
        "policy": some(defaults=st.dictionaries(_word, st.text(max_size=8), max_size=3)),
        "restartAt": st.just("2026-01-31T12:00:00Z"),
    },
)
facts_changes = some(
    server_minor=st.integers(25, 40),
    live_replicas=st.one_of(st.none(), st.integers(0, 100)),
    hpa_owns_replicas=st.booleans(),
    recommended_shards=st.one_of(st.none(), st.integers(1, 64)),
    configured_shards=st.one_of(st.none(), st.integers(1, 64)),
    secret_hash=st.one_of(st.none(), st.just("abcdef0123456789")),
    migrated=st.one_of(st.none(), st.just("0123456789abcdef")),
)


def build(
    spec: dict[str, Any], name: str, changes: dict[str, Any]
) -> tuple[DiscordBot, RenderFacts]:
    if spec.get("secrets", {}).get("provider") == "SecretsStoreCSI":
        spec = _without_references(spec)
    bot = DiscordBot.from_object(
        {"metadata": {"name": name, "namespace": "demo", "uid": "u-1"}, "spec": spec}
    )
    base: dict[str, Any] = {
        "operator_version": "0.1.0",
        "bot_image": "vertice-bot:0.1.0",
        "proxy_image": "cloud-sql-proxy:2.27.0",
        "server_minor": 34,
        "available_kinds": frozenset(kind.kind for kind in KINDS if kind.optional),
    }
    return bot, RenderFacts(**{**base, **changes})


def _without_references(spec: dict[str, Any]) -> dict[str, Any]:
    """Leave out what a CSI driver takes the place of, which would be refused."""
    left = {
        "discord": "tokenSecretRef",
        "database": "credentialsSecretRef",
        "cache": "authSecretRef",
    }
    return spec | {
        part: {key: value for key, value in spec[part].items() if key != reference}
        for part, reference in left.items()
        if part in spec
    }


accepted = (
    st.tuples(specs, _name, facts_changes)
    .map(lambda drawn: build(*drawn))
    .filter(lambda pair: not problems(pair[0]) and not unsupported(*pair))
)


def bodies(bot: DiscordBot, facts: RenderFacts) -> list[dict[str, Any]]:
    return [child.body for child in desired_objects(bot, facts) if child.body is not None]


def templates(bot: DiscordBot, facts: RenderFacts) -> Iterator[dict[str, Any]]:
    for body in bodies(bot, facts):
        if body["kind"] in ("Deployment", "Job"):
            yield body["spec"]["template"]


def restricted_violations(pod: dict[str, Any]) -> list[str]:
    """Judge by the Pod Security Standard "restricted" (pod-security-admission, policy/*.go)."""
    found = [f"{key} is set" for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key)]
    known = {"configMap", "downwardAPI", "emptyDir", "projected", "secret", "csi"}
    for volume in pod["volumes"]:
        if not set(volume) - {"name"} <= known:
            found.append(f"volume {volume['name']}")
    for each in [*pod.get("initContainers", []), *pod["containers"]]:
        context = each["securityContext"]
        rules = {
            "allowPrivilegeEscalation": context["allowPrivilegeEscalation"] is False,
            "privileged": context["privileged"] is False,
            "runAsNonRoot": context["runAsNonRoot"] is True and context["runAsUser"] != 0,
            "seccompProfile": context["seccompProfile"]["type"] == "RuntimeDefault",
            "capabilities": context["capabilities"] == {"drop": ["ALL"]},
            "readOnlyRootFilesystem": context["readOnlyRootFilesystem"] is True,
            "hostPort": all("hostPort" not in port for port in each.get("ports", [])),
            "probe host": all(
                "host" not in each[probe]["httpGet"]
                for probe in ("startupProbe", "livenessProbe", "readinessProbe")
                if probe in each
            ),
            "lifecycle": "lifecycle" not in each,
        }
        found += [f"{each['name']}: {rule}" for rule, kept in rules.items() if not kept]
    return found


@given(accepted)
@settings(max_examples=40, deadline=None)
def test_pods_are_restricted_and_complete(pair: tuple[DiscordBot, RenderFacts]) -> None:
    for template in templates(*pair):
        pod = template["spec"]
        assert restricted_violations(pod) == []
        assert pod["automountServiceAccountToken"] is False
        volumes = {volume["name"] for volume in pod["volumes"]}
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            mounts = {mount["name"] for mount in container.get("volumeMounts", [])}
            assert mounts <= volumes
            assert "cpu" in container["resources"]["requests"]
            assert "memory" in container["resources"]["limits"]


@given(accepted)
@settings(max_examples=40, deadline=None)
def test_selectors_match_the_bots_pods_and_only_them(pair: tuple[DiscordBot, RenderFacts]) -> None:
    bot, facts = pair
    by_kind = {body["kind"]: body for body in bodies(bot, facts)}
    selector = by_kind["Deployment"]["spec"]["selector"]["matchLabels"]
    assert selector == names.selector(bot.metadata.name)
    pod = by_kind["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert selector.items() <= pod.items()
    if "Job" in by_kind:
        job = by_kind["Job"]["spec"]["template"]["metadata"]["labels"]
        assert not selector.items() <= job.items()
        if "NetworkPolicy" in by_kind:
            policy = by_kind["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]
            assert policy.items() <= job.items()
            assert policy.items() <= pod.items()


@given(accepted)
@settings(max_examples=40, deadline=None)
def test_metadata_of_every_child(pair: tuple[DiscordBot, RenderFacts]) -> None:
    bot, facts = pair
    children = desired_objects(bot, facts)
    order = [KINDS.index(child.kind) for child in children[:-1]]
    assert order == sorted(order)  # the dashboard is a second ConfigMap, at the end
    assert len({(child.kind.kind, child.name) for child in children}) == len(children)
    for child in children:
        assert len(child.name) <= 63
        if child.body is None:
            continue
        body, meta = child.body, child.body["metadata"]
        assert (body["kind"], body["apiVersion"]) == (child.kind.kind, child.kind.api_version)
        assert (meta["name"], meta["namespace"]) == (child.name, "demo")
        assert meta["labels"][names.LABEL_BOT] == bot.metadata.name
        assert meta["labels"][names.LABEL_MANAGED_BY] == names.MANAGED_BY
        assert all(len(value) <= 63 for value in meta["labels"].values())
        [owner] = meta["ownerReferences"]
        assert (owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) == (
            "u-1",
            True,
            True,
        )
        bare = json.loads(json.dumps(body))
        if child.kind.kind == "ControllerRevision":
            del bare["data"]  # can never be changed
        assert bare["metadata"]["annotations"].pop(names.ANNOTATION_SPEC_HASH) == spec_hash(bare)


@given(accepted)
@settings(max_examples=40, deadline=None)
def test_same_input_same_bytes_and_no_operator_version_in_pods(
    pair: tuple[DiscordBot, RenderFacts],
) -> None:
    bot, facts = pair
    again = DiscordBot.from_object(bot.model_dump(mode="json", by_alias=True))
    first = json.dumps(bodies(bot, facts))
    assert json.dumps(bodies(again, facts)) == first
    newer = RenderFacts(**{**vars(facts), "operator_version": "9.9.9"})
    assert json.dumps(bodies(bot, newer)) == first


@given(accepted)
@settings(max_examples=40, deadline=None)
def test_secrets_are_files_and_each_file_has_a_source(pair: tuple[DiscordBot, RenderFacts]) -> None:
    bot, facts = pair
    mounted = set()
    for template in templates(bot, facts):
        pod = template["spec"]
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert "envFrom" not in container
            for variable in container.get("env", []):
                assert "secretKeyRef" not in json.dumps(variable)
        for volume in pod["volumes"]:
            for source in volume.get("projected", {}).get("sources", []):
                for item in source["secret"]["items"]:
                    mounted.add((source["secret"]["name"], item["key"], item["path"]))
    assert {(each.secret, each.key, each.file) for each in referenced_secrets(bot)} == mounted
    config = next(body for body in bodies(bot, facts) if body["kind"] == "ConfigMap")
    csi = bot.spec.secrets.csi
    paths = {each.file for each in referenced_secrets(bot)}
    paths |= {each.file.value for each in csi.files} if csi else set()
    for line in config["data"]["config.yaml"].splitlines():
        if names.SECRETS_DIR in line:
            assert line.rsplit("/", 1)[1] in paths


@given(accepted)
@settings(max_examples=40, deadline=None)
def test_replicas_and_bounds(pair: tuple[DiscordBot, RenderFacts]) -> None:
    bot, facts = pair
    by_kind = {body["kind"]: body for body in bodies(bot, facts)}
    replicas = by_kind["Deployment"]["spec"].get("replicas")
    bounds = scale_bounds(bot, facts)
    scaling = bot.spec.autoscaling
    assert 1 <= bounds.minimum <= bounds.maximum <= scaling.max_replicas
    assert bounds.maximum <= bounds.shards + bot.spec.shards.standby
    assert bounds.limited_by_shards == (bounds.maximum < scaling.max_replicas)
    if bot.spec.suspend:
        assert replicas == 0
        assert "PodDisruptionBudget" not in by_kind
        assert "Job" not in by_kind
        assert "VerticeBotDown" not in json.dumps(by_kind.get("PrometheusRule", {}))
    elif not scaling.enabled:
        assert replicas == bot.spec.replicas
    elif facts.hpa_owns_replicas:
        assert replicas is None
    else:
        assert bounds.minimum <= replicas <= bounds.maximum
    keda = scaling.enabled and scaling.engine is ScalingEngine.KEDA
    assert ("HorizontalPodAutoscaler" in by_kind) == (scaling.enabled and not keda)
    assert ("ScaledObject" in by_kind) == keda
    if keda:
        target = by_kind["ScaledObject"]
        assert target["spec"]["minReplicaCount"] == bounds.minimum >= 1, "never 0"
        assert target["spec"]["maxReplicaCount"] == bounds.maximum
        paused = target["metadata"]["annotations"].get("autoscaling.keda.sh/paused")
        assert (paused == "true") == bot.spec.suspend


@given(accepted)
@settings(max_examples=40, deadline=None)
def test_absent_kinds_are_left_out_and_named(pair: tuple[DiscordBot, RenderFacts]) -> None:
    bot, facts = pair
    assert missing_kinds(bot, facts) == ()
    bare = RenderFacts(**{**vars(facts), "available_kinds": frozenset()})
    assert not any(child.kind.optional for child in desired_objects(bot, bare))
    wanted = {
        child.kind
        for child in desired_objects(bot, facts)
        if child.kind.optional and child.body is not None
    }
    assert set(missing_kinds(bot, bare)) == wanted
