"""What is wrong with a resource, said with the path of the field and what to do."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_operator.api import names
from vertice_operator.api.problem import Problem
from vertice_operator.api.quantity import parse_quantity
from vertice_operator.api.v1alpha1 import DiscordBot, Intent, SpecError
from vertice_operator.api.validation import MAX_POLICY_BYTES, privileged_intents, problems

SPEC: dict[str, Any] = {
    "discord": {"tokenSecretRef": {"name": "discord"}},
    "database": {
        "direct": {"host": "postgres.example"},
        "credentialsSecretRef": {"name": "database"},
    },
}


def document(changes: Mapping[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """Give a resource; changes are put at dotted paths of the spec."""
    spec = copy.deepcopy(SPEC)
    for path, value in (changes or {}).items():
        target = spec
        *parents, last = path.split(".")
        for step in parents:
            target = target.setdefault(step, {})
        target[last] = value
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": "bot", "namespace": "demo", **metadata},
        "spec": spec,
    }


def refused(source: Mapping[str, Any]) -> tuple[Problem, ...]:
    with pytest.raises(SpecError) as caught:
        DiscordBot.from_object(source)
    return caught.value.problems


def test_a_good_resource_has_no_problems() -> None:
    assert problems(DiscordBot.from_object(document())) == ()


@pytest.mark.parametrize(
    ("changes", "path", "word"),
    [
        ({"replicas": "3"}, "spec.replicas", "integer"),
        ({"replicas": True}, "spec.replicas", "integer"),
        ({"replicas": -1}, "spec.replicas", "greater than or equal to 0"),
        ({"suspend": "no"}, "spec.suspend", "boolean"),
        ({"shards.count": "many"}, "spec.shards.count", "'auto'"),
        ({"shards.count": 0}, "spec.shards.count", "from 1 to 4096"),
        ({"shards.count": 2.5}, "spec.shards.count", "integer"),
        ({"discord.intents": ["guilds", "spy"]}, "spec.discord.intents[1]", "'guilds'"),
        ({"resources.limits.cpu": "1 core"}, "spec.resources.limits.cpu", "not a quantity"),
        ({"rollout.maxSurge": "a few"}, "spec.rollout.maxSurge", "percentage"),
        ({"rollout.maxSurge": 101}, "spec.rollout.maxSurge", "from 0 to 100"),
        ({"pdb.maxUnavailable": 0}, "spec.pdb.maxUnavailable", "from 1 to 100"),
        ({"networkPolicy.databaseCIDR": "10.0.0.0"}, "spec.networkPolicy.databaseCIDR", "range"),
        ({"restartAt": "2026-01-31T12:00:00"}, "spec.restartAt", "time zone"),
        ({"restartAt": "now"}, "spec.restartAt", "isoformat"),
        ({"scheduling.podLabels": {"a": 1}}, "spec.scheduling.podLabels.a", "string"),
        ({"discord.tokenSecretRef": {}}, "spec.discord.tokenSecretRef.name", "required"),
        ({"discord.tokenSecretRef": "name"}, "spec.discord.tokenSecretRef", "dictionary"),
    ],
)
def test_a_bad_field_is_named(changes: dict[str, Any], path: str, word: str) -> None:
    (problem,) = refused(document(changes))
    assert problem.path == path
    assert word in problem.message


def test_all_bad_fields_are_named_at_once() -> None:
    found = refused(document({"replicas": "x", "drain.drainSeconds": "y", "shards.standby": 9}))
    assert [problem.path for problem in found] == [
        "spec.drain.drainSeconds",
        "spec.replicas",
        "spec.shards.standby",
    ]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"apiVersion": "vertice.dev/v9"}, "apiVersion"),
        ({"kind": "Deployment"}, "kind"),
        ({"spec": {}}, "spec.database"),
        ({"spec": None}, "spec"),
        ({"metadata": {}}, "metadata.name"),
    ],
)
def test_another_kind_of_document_is_refused(change: dict[str, Any], path: str) -> None:
    assert path in [problem.path for problem in refused({**document(), **change})]


def test_what_is_refused_never_repeats_what_was_given() -> None:
    """A token pasted into the wrong field must not reach the status or an Event."""
    token = "MTIzNDU2Nzg5.secret.token"
    found = refused(document({"discord.tokenSecretRef": token, "discord.applicationId": token}))
    assert len(found) == 2
    assert token not in str(SpecError(found))


@pytest.mark.parametrize(
    ("changes", "path", "word"),
    [
        ({"scheduling.podLabels": {"a b": "v"}}, "spec.scheduling.podLabels['a b']", "63"),
        ({"scheduling.nodeSelector": {"/x": "v"}}, "spec.scheduling.nodeSelector['/x']", "DNS"),
        ({"identity.annotations": {"A/b/c": "v"}}, "spec.identity.annotations['A/b/c']", "key"),
        ({"monitoring.labels": {"x" * 64: "v"}}, f"spec.monitoring.labels[{'x' * 64!r}]", "63"),
        (
            {"monitoring.dashboards.labels": {"": "v"}},
            "spec.monitoring.dashboards.labels['']",
            "key",
        ),
        (
            {"networkPolicy.extraEgress": [{"to": []}, {"from": []}]},
            "spec.networkPolicy.extraEgress[1].from",
            "ports, to",
        ),
        (
            {"scheduling.tolerations": [{"key": "a", "effects": "NoSchedule"}]},
            "spec.scheduling.tolerations[0].effects",
            "effect",
        ),
        ({"scheduling.affinity": {"pod": {}}}, "spec.scheduling.affinity.pod", "podAffinity"),
        (
            {"scheduling.topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone"}]},
            "spec.scheduling.topologySpreadConstraints[0].whenUnsatisfiable",
            "required",
        ),
        ({"policy.defaults": {"text": "x" * MAX_POLICY_BYTES}}, "spec.policy", "ConfigMap"),
        ({"discord.intents": ["guilds", "guilds"]}, "spec.discord.intents[1]", "twice"),
        ({"image.pullSecrets": [{"name": "a"}, {"name": "a"}]}, "spec.image.pullSecrets[1]", ""),
    ],
)
def test_what_cel_cannot_say_is_said_here(changes: dict[str, Any], path: str, word: str) -> None:
    (problem,) = problems(DiscordBot.from_object(document(changes)))
    assert problem.path == path
    assert word in problem.message


@pytest.mark.parametrize("key", ["team", "example.com/team", "a.b_c-d", "kubernetes.io/os", "X"])
def test_good_keys_are_left_alone(key: str) -> None:
    assert problems(DiscordBot.from_object(document({"scheduling.podLabels": {key: "v"}}))) == ()


def test_problems_come_sorted_by_path() -> None:
    bot = DiscordBot.from_object(
        document(
            {"shards.renewSeconds": 5, "drain.drainSeconds": 60, "discord.tokenSecretRef": None}
        )
    )
    assert [problem.path for problem in problems(bot)] == [
        "spec.discord.tokenSecretRef",
        "spec.drain.drainSeconds",
        "spec.shards.renewSeconds",
    ]


def test_an_error_reads_as_one_sentence_per_problem() -> None:
    error = SpecError((Problem("spec.b", "is wrong"), Problem("spec.a", "is missing")))
    assert str(error) == "spec.a: is missing; spec.b: is wrong"


def test_metadata_is_read() -> None:
    bot = DiscordBot.from_object(
        document(
            uid="u",
            generation=3,
            labels={"a": "b"},
            annotations={names.ANNOTATION_PAUSED: "true"},
            creationTimestamp="2026-01-31T12:00:00Z",
            managedFields=[{"manager": "kubectl"}],
        )
    )
    meta = bot.metadata
    assert (meta.name, meta.namespace, meta.uid, meta.generation) == ("bot", "demo", "u", 3)
    assert bot.paused
    assert not bot.deleting
    assert meta.creation_timestamp is not None
    gone = DiscordBot.from_object(document(deletionTimestamp="2026-01-31T12:00:00Z"))
    assert gone.deleting
    assert not gone.paused


def test_a_status_of_a_newer_operator_is_readable() -> None:
    source = {**document(), "status": {"observedGeneration": 2, "weather": {"sunny": True}}}
    assert DiscordBot.from_object(source).status.observed_generation == 2


def test_privileged_intents_are_told_apart() -> None:
    bot = DiscordBot.from_object(document({"discord.intents": ["guilds", "messageContent"]}))
    assert privileged_intents(bot) == (Intent.MESSAGE_CONTENT,)


def test_intents_are_flags_of_discordpy() -> None:
    discord = pytest.importorskip("discord")
    assert {intent.flag for intent in Intent} <= set(discord.Intents.VALID_FLAGS)


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({}, 70),
        ({"autoscaling.cpuUtilization": 50}, 50),
        ({"autoscaling.memoryUtilization": 80}, None),
        ({"autoscaling.busyRatio": "0.7"}, None),
        ({"autoscaling.busyRatio": "0.7", "autoscaling.cpuUtilization": 50}, 50),
    ],
)
def test_cpu_is_the_target_where_none_is_named(changes: dict[str, Any], target: int | None) -> None:
    assert DiscordBot.from_object(document(changes)).spec.autoscaling.cpu_target == target


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("150m", "0.15"),
        ("2", "2"),
        (".5", "0.5"),
        ("1e3", "1000"),
        ("1.5Gi", "1610612736"),
        ("1G", "1000000000"),
        ("64Mi", "67108864"),
        ("5E", "5000000000000000000"),
        ("100n", "0.0000001"),
    ],
)
def test_quantities_are_exact(text: str, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "1GB", "m", "1 Gi", "1e", "1.2.3", "ten"])
def test_other_texts_are_not_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse_quantity(text)


@given(st.integers(0, 10**9), st.sampled_from(["m", "", "k", "Ki", "Mi", "Gi", "T"]))
def test_quantities_are_ordered_by_their_numbers(number: int, suffix: str) -> None:
    assert parse_quantity(f"{number}{suffix}") < parse_quantity(f"{number + 1}{suffix}")


def test_names_of_children_fit_a_label() -> None:
    longest = "a" * names.MAX_NAME_LENGTH
    children = [
        names.config_map(longest),
        names.metrics_service(longest),
        names.dashboard(longest),
        names.prometheus_role(longest),
        names.migration_job(longest, "0123456789abcdef"),
    ]
    assert children[-1].endswith("-migrate-01234567")
    pod_suffix = len("-xxxxxxxxxx-yyyyy")
    assert max(map(len, [*children, longest + "x" * pod_suffix])) <= 63
