"""Derived values: image, proxy mode, shards, replicas."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vertice_operator.api.v1alpha1 import DiscordBot, Intent, ProxyMode
from vertice_operator.render import (
    History,
    Recorded,
    RenderFacts,
    bot_image,
    desired_objects,
    fresh_revision,
    intents,
    migration,
    proxy_image,
    proxy_mode,
    scale_bounds,
    shard_count,
    unsupported,
)
from vertice_operator.render.meta import image_label

DIGEST = "sha256:" + "ab" * 32
DIRECT = {"direct": {"host": "db"}, "credentialsSecretRef": {"name": "db"}}
CLOUD = {"cloudSQL": {"instance": "p:r:i"}, "credentialsSecretRef": {"name": "db"}}


def bot(**spec: Any) -> DiscordBot:
    base = {"discord": {"tokenSecretRef": {"name": "t"}}, "database": DIRECT}
    return DiscordBot.from_object(
        {"metadata": {"name": "my-bot", "namespace": "demo", "uid": "u"}, "spec": {**base, **spec}}
    )


def facts(**changes: Any) -> RenderFacts:
    base: dict[str, Any] = {
        "operator_version": "0.1.0",
        "bot_image": "r.example.com:5000/vertice-bot:0.1.0",
        "proxy_image": "proxy:2.27.0",
        "server_minor": 34,
    }
    return RenderFacts(**{**base, **changes})


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, "r.example.com:5000/vertice-bot:0.1.0"),
        ({"pullPolicy": "Always"}, "r.example.com:5000/vertice-bot:0.1.0"),
        ({"tag": "9"}, "r.example.com:5000/vertice-bot:9"),
        ({"digest": DIGEST}, f"r.example.com:5000/vertice-bot@{DIGEST}"),
        ({"repository": "mine", "tag": "9"}, "mine:9"),
        ({"repository": "mine", "tag": "9", "digest": DIGEST}, f"mine@{DIGEST}"),
    ],
)
def test_image(image: dict[str, Any], expected: str) -> None:
    assert bot_image(bot(image=image), facts()) == expected


def test_tag_on_a_default_image_with_a_digest() -> None:
    given = facts(bot_image=f"r.example.com:5000/vertice-bot@{DIGEST}")
    assert bot_image(bot(image={"tag": "9"}), given) == "r.example.com:5000/vertice-bot:9"


def test_no_migration_for_what_does_not_run() -> None:
    """Migrations go forward only: going back makes none, nor does a rendering that waits."""
    resource = bot()
    fresh = fresh_revision(resource, facts())
    asked, good = Recorded(fresh, 2, {}), Recorded(replace(fresh, name="my-bot-good"), 1, {})
    assert migration(resource, facts(history=History(asked))) is not None
    assert migration(resource, facts(history=History(asked, running=good))) is None
    held = History(asked, held="another way")
    assert migration(resource, facts(history=held)) is not None, "it never was migrated"
    assert migration(resource, facts(history=held, migrated="some")) is None


def test_proxy_image() -> None:
    assert proxy_image(bot(database=CLOUD), facts()) == "proxy:2.27.0"
    own = {**CLOUD, "cloudSQL": {"instance": "p:r:i", "proxy": {"image": "own:1"}}}
    assert proxy_image(bot(database=own), facts()) == "own:1"


@pytest.mark.parametrize(
    ("mode", "remembered", "minor", "expected"),
    [
        ("Auto", None, 29, ProxyMode.NATIVE_SIDECAR),
        ("Auto", None, 28, ProxyMode.CONTAINER),
        ("Auto", ProxyMode.CONTAINER, 34, ProxyMode.CONTAINER),
        ("Auto", ProxyMode.NATIVE_SIDECAR, 34, ProxyMode.NATIVE_SIDECAR),
        ("Container", ProxyMode.NATIVE_SIDECAR, 34, ProxyMode.CONTAINER),
        ("NativeSidecar", None, 28, ProxyMode.NATIVE_SIDECAR),
    ],
)
def test_proxy_mode(
    mode: str, remembered: ProxyMode | None, minor: int, expected: ProxyMode
) -> None:
    database = {**CLOUD, "cloudSQL": {"instance": "p:r:i", "proxy": {"mode": mode}}}
    given = facts(proxy_mode=remembered, server_minor=minor)
    assert proxy_mode(bot(database=database), given) is expected
    assert proxy_mode(bot(), given) is None


@pytest.mark.parametrize(
    ("spec", "changes", "expected"),
    [
        ({"shards": {"count": 5}}, {"configured_shards": 9}, 5),
        ({}, {}, 2),
        ({"replicas": 4}, {}, 8),
        ({"replicas": 0}, {}, 1),
        ({"autoscaling": {"enabled": True, "maxReplicas": 3}}, {}, 6),
        ({}, {"recommended_shards": 7}, 7),
        ({"replicas": 4}, {"recommended_shards": 7}, 8),
        ({"replicas": 4}, {"configured_shards": 3, "recommended_shards": 7}, 3),
    ],
)
def test_shard_count(spec: dict[str, Any], changes: dict[str, Any], expected: int) -> None:
    assert shard_count(bot(**spec), facts(**changes)) == expected


@pytest.mark.parametrize(
    ("shards", "scaling", "minimum", "maximum", "limited"),
    [
        ({"count": 4}, {"maxReplicas": 3}, 1, 3, False),
        ({"count": 2}, {"maxReplicas": 3}, 1, 2, True),
        ({"count": 2, "standby": 1}, {"maxReplicas": 3}, 1, 3, False),
        ({"count": 40}, {"maxReplicas": 5}, 3, 5, False),  # 16 shards a replica
        ({"count": 400}, {"maxReplicas": 5}, 5, 5, False),  # the user's maximum holds
        ({"count": 1}, {"minReplicas": 3, "maxReplicas": 3}, 1, 1, True),
    ],
)
def test_scale_bounds(
    shards: dict[str, Any], scaling: dict[str, Any], minimum: int, maximum: int, limited: bool
) -> None:
    resource = bot(shards=shards, autoscaling={"enabled": True, **scaling})
    bounds = scale_bounds(resource, facts())
    assert (bounds.minimum, bounds.maximum, bounds.limited_by_shards) == (minimum, maximum, limited)


@pytest.mark.parametrize(("live", "expected"), [(None, 2), (0, 2), (3, 3), (9, 4)])
def test_replicas_until_the_autoscaler_owns_the_field(live: int | None, expected: int) -> None:
    resource = bot(
        shards={"count": 4}, autoscaling={"enabled": True, "minReplicas": 2, "maxReplicas": 8}
    )
    by_kind = {
        child.kind.kind: child.body
        for child in desired_objects(resource, facts(live_replicas=live))
        if child.body
    }
    assert by_kind["Deployment"]["spec"]["replicas"] == expected


def test_migration_job_comes_once_for_what_it_is_made_of() -> None:
    resource, given = bot(), facts()
    wanted = migration(resource, given)
    assert wanted is not None
    jobs = [c for c in desired_objects(resource, given) if c.kind.kind == "Job"]
    assert [child.name for child in jobs] == [wanted.name]
    assert wanted.name == f"my-bot-migrate-{wanted.digest[:8]}"
    done = facts(migrated=wanted.digest)
    assert not [c for c in desired_objects(resource, done) if c.kind.kind == "Job"]
    other_host = {**DIRECT, "direct": {"host": "db-2"}}
    for changed in (bot(database=other_host), bot(image={"tag": "2"})):
        again = migration(changed, done)
        assert again is not None
        assert again.digest != wanted.digest
    # Nothing about the database: no new Job.
    assert migration(bot(replicas=3, drain={"drainSeconds": 5}), given) == wanted


def test_features_bring_their_intents_and_never_a_privileged_one() -> None:
    off = {"moderation": False, "analytics": False, "customization": False}
    assert intents(bot(discord={"features": off, "intents": []}).spec.discord) == (Intent.GUILDS,)
    computed = intents(bot().spec.discord)
    assert not any(intent.privileged for intent in computed)
    assert {Intent.MODERATION, Intent.AUTO_MODERATION_EXECUTION, Intent.GUILD_MESSAGES} <= {
        *computed
    }
    asked = intents(bot(discord={"intents": ["members"]}).spec.discord)
    assert Intent.MEMBERS in asked
    assert Intent.PRESENCES not in asked


@pytest.mark.parametrize(
    ("image", "label"),
    [
        ("vertice-bot:0.1.0", "0.1.0"),
        ("r.example.com:5000/a/bot", "latest"),
        (f"r.example.com:5000/a/bot@{DIGEST}", "abababababab"),
        (f"bot:1.2@{DIGEST}", "1.2"),
        ("bot:_x-", "x"),
        ("bot:___", "unknown"),
        ("bot:" + "a" * 62 + "-b", "a" * 62),
    ],
)
def test_image_label(image: str, label: str) -> None:
    assert image_label(image) == label


BY_CSI = {
    "provider": "SecretsStoreCSI",
    "csi": {
        "files": [
            {"file": file, "resourceName": f"projects/p/secrets/{file}/versions/1"}
            for file in ("discord-token", "database-username", "database-password")
        ]
    },
}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"shards": {"handover": "Reidentify"}}, "spec.shards.handover"),
        ({"tracing": {"endpoint": "http://otel:4317"}}, "spec.tracing"),
        (
            {"secrets": BY_CSI, "database": {"direct": {"host": "db"}}},
            "spec.discord.tokenSecretRef",
        ),
        ({"secrets": BY_CSI, "discord": {}}, "spec.database.credentialsSecretRef"),
        (
            {
                "secrets": BY_CSI,
                "discord": {},
                "database": {"direct": {"host": "db"}},
                "cache": {"host": "redis", "authSecretRef": {"name": "redis"}},
            },
            "spec.cache.authSecretRef",
        ),
    ],
)
def test_what_has_no_effect_is_refused(spec: dict[str, Any], path: str) -> None:
    assert [problem.path for problem in unsupported(bot(**spec), facts())] == [path]


def test_a_plain_proxy_cannot_migrate() -> None:
    resource = bot(database=CLOUD)
    assert unsupported(resource, facts(server_minor=34)) == ()
    assert [p.path for p in unsupported(resource, facts(server_minor=28))] == [
        "spec.database.migrations"
    ]
    native = {**CLOUD, "cloudSQL": {"instance": "p:r:i", "proxy": {"mode": "NativeSidecar"}}}
    assert [p.path for p in unsupported(bot(database=native), facts(server_minor=28))] == [
        "spec.database.cloudSQL.proxy.mode"
    ]


def test_a_plain_bot_has_no_problem() -> None:
    assert unsupported(bot(), facts()) == ()
