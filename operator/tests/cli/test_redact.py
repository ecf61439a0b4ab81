import base64
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_operator.cli.redact import MARK, Redactor

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcDE.abcdefghijklmnopqrstuvwxyz0123"


@pytest.mark.parametrize(
    ("words", "secret"),
    [
        (f"login with {TOKEN} failed", TOKEN),
        ("Authorization: Bot abc.def", "abc.def"),
        ("authorization='Bearer hush-hush'", "hush-hush"),
        ("postgres://bot:hunter2x@db/x", "hunter2x"),
        ("postgres://bot:hunter/2x@db/x", "hunter/2x"),
        ("password=hunter2x, user=bot", "hunter2x"),
        ('{"DB_PASSWORD": "hunter2 x"}', "hunter2 x"),
        ("api_key: 'hunter2x'", "hunter2x"),
        (json.dumps({"message": 'password="hunter2 x"'}), "hunter2"),
        (json.dumps({"message": json.dumps({"password": "hunter2 x"})}), "hunter2"),
        ("https://discord.example/api/webhooks/123/abcdefghijklmnopqrstuvw", "abcdefghijklmn"),
        ("https://hooks.slack.com/services/T0/B0/xyz", "T0/B0"),
        ("eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl", "eyJzdWIi"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "MIIE"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE cut off", "MIIE"),
    ],
)
def test_what_looks_like_a_secret(words: str, secret: str) -> None:
    cleaned = Redactor().text(words)
    assert secret not in cleaned
    assert MARK in cleaned


@pytest.mark.parametrize(
    "words",
    [
        "automountServiceAccountToken: false",
        "secret:\n  secretName: my-bot",
        "tokenSecretRef:\n  name: my-bot",
        "passwordKey: password",
        "https://host:8080/path",
        "the token was refused",
    ],
)
def test_what_only_speaks_of_one_stays(words: str) -> None:
    assert Redactor().text(words) == words


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=8))
def test_a_known_value_is_found_in_every_form(value: str) -> None:
    cleaner = Redactor([value.encode()])
    for form in (
        value,
        json.dumps(value),
        urllib.parse.quote(value, safe=""),
        base64.b64encode(value.encode()).decode(),
    ):
        assert form.strip('"').rstrip("=") not in cleaner.text(f"x {form} y")


def test_a_key_file_is_found_by_its_lines() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nabcdefghijkl\nmnopqrstuvwx\n"
    cleaner = Redactor([json.dumps({"private_key": key, "client_email": "a@b.example"}).encode()])
    said = cleaner.text("lines: abcdefghijkl and mnopqrstuvwx of a@b.example")
    assert said == f"lines: {MARK} and {MARK} of a@b.example"


def test_objects_keep_their_shape() -> None:
    env = [{"name": "DB_PASSWORD", "value": "x y z"}, {"name": "MODE", "value": "fast"}]
    applied = "kubectl.kubernetes.io/last-applied-configuration"
    item = {
        "metadata": {"annotations": {applied: "{}"}, "managedFields": [{"manager": "x"}]},
        "spec": {"env": env, "tokenSecretRef": {"name": "n", "key": "token"}, "clientSecret": "s"},
        "n": 3,
    }
    cleaned = Redactor().item(item)
    assert cleaned["metadata"] == {"annotations": {applied: MARK}, "managedFields": []}
    assert [each["value"] for each in cleaned["spec"]["env"]] == [MARK, "fast"]
    assert cleaned["spec"]["tokenSecretRef"] == {"name": "n", "key": "token"}
    assert (cleaned["spec"]["clientSecret"], cleaned["n"]) == (MARK, 3)
