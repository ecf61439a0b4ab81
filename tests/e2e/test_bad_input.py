"""Bad input and failure: a rejected apply with the field's path, or a condition and an Event that
say what to do, with running children left as they are."""

from __future__ import annotations

import json

import pytest

from tests.e2e.product import Bot, Product, until

pytestmark = pytest.mark.cluster


def _events(product: Product, name: str) -> list[dict]:
    listed = product.get(
        "events", "--field-selector", f"involvedObject.name={name},involvedObject.kind=DiscordBot"
    )
    return listed["items"]


async def _event(product: Product, name: str, reason: str) -> dict:
    def probe() -> dict | None:
        return next((each for each in _events(product, name) if each["reason"] == reason), None)

    return await until(f"event {reason}", probe, within=60)


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
    await _event(product, main_bot.name, "SecretNotFound")
    main_bot.edit({"discord": {"tokenSecretRef": {"name": main_bot.name, "key": "tokne"}}})
    condition = await main_bot.until_condition("SecretsResolved", "False", "SecretKeyMissing")
    assert "tokne" in condition["message"]
    assert main_bot.pod_uids() == before
    main_bot.edit({"discord": {"tokenSecretRef": {"name": main_bot.name, "key": "token"}}})
    await main_bot.until_condition("Ready", "True")
    assert main_bot.pod_uids() == before


async def test_an_image_that_cannot_be_pulled_shows_within_a_minute(product: Product) -> None:
    bot = await product.add_bot(
        "no-image",
        image={"repository": "registry.invalid/vertice-bot", "tag": "1"},
    )
    # The migration Job pulls the same image, so it is the first to fail.
    condition = await bot.until_condition("Ready", "False")
    await until(
        "the image is named",
        lambda: "registry.invalid/vertice-bot:1" in json.dumps(bot.get()["status"]["conditions"]),
        within=60,
    )
    assert condition["status"] == "False"
    reasons = {each["reason"] for each in bot.get()["status"]["conditions"]}
    assert "ImagePullFailed" in reasons
    await _event(product, bot.name, "ImagePullFailed")
    product.remove(bot.name)


async def test_a_refused_token_is_said_in_the_condition(product: Product) -> None:
    bot = await product.add_bot("bad-token")
    await bot.until_condition("Ready", "True")
    product.secret(bot.name, {"token": "this.is-not.the-token"})
    condition = await bot.until_condition("WorkloadAvailable", "False", "CrashLooping", within=240)
    assert "token" in condition["message"].lower()
    assert "this.is-not.the-token" not in json.dumps(bot.get())
    await _event(product, bot.name, "CrashLooping")
    product.remove(bot.name)


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
