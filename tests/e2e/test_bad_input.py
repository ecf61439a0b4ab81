"""Bad input and failure: a rejected apply with the field's path, or a condition and an Event that
say what to do, with running children left as they are."""

from __future__ import annotations

import base64
import json

import pytest

from tests.e2e.product import Bot, Product, until

pytestmark = pytest.mark.cluster

_WRONG = "d3Jvbmc.not-the.token-of-any-bot-at-all-27"


def _events(product: Product, name: str) -> list[dict]:
    listed = product.get(
        "events", "--field-selector", f"involvedObject.name={name},involvedObject.kind=DiscordBot"
    )
    return listed["items"]


async def _warning(product: Product, name: str, text: str, within: float = 60) -> None:
    def probe() -> bool:
        return any(
            each["type"] == "Warning" and text in each["message"] for each in _events(product, name)
        )

    await until(f"a Warning event with {text!r}", probe, within)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"replicass": 2}, "replicass"),
        ({"replicas": "two"}, "spec.replicas"),
        (
            {"database": {"direct": {"host": "pg"}, "cloudSQL": {"instance": "a:b:c"}}},
            "spec.database",
        ),
        (
            {"autoscaling": {"enabled": True, "minReplicas": 5, "maxReplicas": 2}},
            "spec.autoscaling",
        ),
        ({"resources": {"requests": {"memory": "1 Gi"}}}, "spec.resources.requests.memory"),
    ],
    ids=["unknown-field", "wrong-type", "broken-union", "min-above-max", "bad-quantity"],
)
async def test_bad_input_is_refused_with_its_path(
    product: Product, change: dict, named: str
) -> None:
    spec = product.spec("refused") | change
    body = {
        "apiVersion": "vertice.dev/v1alpha1",
        "kind": "DiscordBot",
        "metadata": {"name": "refused"},
        "spec": spec,
    }
    done = product.cluster.kubectl(
        "-n", "e2e", "apply", "--server-side", "-f", "-", input=json.dumps(body)
    )
    assert done.returncode != 0
    assert named in done.stderr


async def test_an_unknown_secret_is_named_and_children_stay(
    product: Product, main_bot: Bot
) -> None:
    await main_bot.until_condition("Ready", "True")
    before = main_bot.pod_uids()
    main_bot.edit({"discord": {"tokenSecretRef": {"name": "nowhere"}}})
    condition = await main_bot.until_condition("SecretsResolved", "False", "SecretNotFound")
    assert "nowhere" in condition["message"]
    await _warning(product, main_bot.name, "nowhere")
    main_bot.edit({"discord": {"tokenSecretRef": {"name": main_bot.name, "key": "tokne"}}})
    condition = await main_bot.until_condition("SecretsResolved", "False", "SecretKeyMissing")
    assert "tokne" in condition["message"]
    assert main_bot.pod_uids() == before
    main_bot.edit({"discord": {"tokenSecretRef": {"name": main_bot.name, "key": "token"}}})
    await main_bot.until_condition("Ready", "True")
    assert main_bot.pod_uids() == before


async def test_an_image_that_cannot_be_pulled_shows_within_a_minute(product: Product) -> None:
    bot = await product.add_bot(
        "no-image", image={"repository": "registry.invalid/vertice-bot", "tag": "1"}
    )
    condition = await bot.until_condition(
        "WorkloadAvailable", "False", "ImagePullFailed", within=60
    )
    assert "registry.invalid/vertice-bot:1" in condition["message"]
    assert bot.condition("Ready")["status"] == "False"
    await _warning(product, bot.name, "registry.invalid/vertice-bot:1")
    product.remove(bot.name)


async def test_a_token_that_discord_refuses_is_said_and_a_right_one_heals(
    product: Product,
) -> None:
    bot = await product.add_bot("bad-token")
    await bot.until_condition("Ready", "True")
    before = bot.pod_uids()
    right = product.get("secret", bot.name)["data"]["token"]
    product.secret(bot.name, {"token": _WRONG})

    def told() -> bool:
        rolled = bot.condition("RolledOut")
        return rolled["status"] != "True" and "refused the token" in rolled["message"]

    await until("the refused token is told", told, within=240)
    # The condition says it at once, the Event when the roll-out has used up its 120 s.
    await _warning(product, bot.name, "refused the token", within=180)
    # The old pod goes on: its session does not need the new token.
    assert before <= bot.pod_uids()
    assert _WRONG not in json.dumps(bot.get())
    assert _WRONG not in json.dumps(product.get("events"))
    product.secret(bot.name, {"token": base64.b64decode(right).decode()})
    await bot.until_condition("RolledOut", "True", within=240)
    await bot.until_condition("Ready", "True")
    product.remove(bot.name)


async def test_a_new_bot_with_a_refused_token_is_not_ready_and_says_why(product: Product) -> None:
    product.secret("stranger", {"token": f"stranger.{_WRONG}"})
    product.apply_bot("stranger", product.spec("stranger"))
    name = "stranger"
    bot = Bot(product, name, "", "", "")
    condition = await bot.until_condition("WorkloadAvailable", "False", "TokenRefused", within=90)
    assert "refused the token" in condition["message"]
    assert bot.condition("Ready")["status"] == "False"
    product.remove(name)


async def test_an_unreachable_database_degrades_and_recovers(
    product: Product, main_bot: Bot
) -> None:
    await main_bot.until_condition("Ready", "True")
    restarts = [_restarts(pod) for pod in main_bot.pods()]
    product.cloud_sql_fault({"tls": "down"})
    try:
        condition = await main_bot.until_condition("Degraded", "True")
        assert "postgres" in condition["message"].lower()
    finally:
        product.cloud_sql_fault({"tls": "up"})
    await main_bot.until_condition("Degraded", "False")
    await main_bot.until_answering()
    assert [_restarts(pod) for pod in main_bot.pods()] == restarts


def _restarts(pod: dict) -> int:
    return sum(each["restartCount"] for each in pod["status"]["containerStatuses"])
