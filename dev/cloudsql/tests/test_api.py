"""The answers of the stand-in, without a proxy."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from dev.cloudsql.authority import Authority, BadPublicKeyError, read_public_key
from dev.cloudsql.instance import Instance
from dev.cloudsql.server import Options, Running, running
from dev.cloudsql.service_account import (
    GRANT_TYPE,
    InvalidGrantError,
    Tokens,
    create_key_file,
    read_key_file,
)

INSTANCE = Instance("p", "r", "i")
SETTINGS = "/sql/v1beta4/projects/p/instances/i/connectSettings"
CERTIFICATE = "/sql/v1beta4/projects/p/instances/i:generateEphemeralCert"
TOKEN = {"Authorization": "Bearer t"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    options = Options(
        instance=INSTANCE,
        postgres=("127.0.0.1", 1),
        tls_port=0,
        key_file=tmp_path / "key.json",
        static_tokens=frozenset({"t"}),
    )
    async with running(options) as started:
        yield started


async def call(server: Running, method: str, path: str, **more: Any) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, server.api_url + path, **more) as answer,
    ):
        return answer.status, await answer.json()


def proxy_style_pem() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode().replace("PUBLIC KEY", "RSA PUBLIC KEY")


def assertion(key_file: Path, **claims: Any) -> str:
    document = json.loads(key_file.read_text())
    key = serialization.load_pem_private_key(document["private_key"].encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    now = int(time.time())
    body = {"iss": document["client_email"], "iat": now, "exp": now + 3600} | claims
    parts = [{"alg": "RS256", "typ": "JWT"}, body]
    signed = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


@pytest.mark.parametrize(
    ("text", "parts"),
    [("p:r:i", ("p", "r", "i")), ("example.com:p:r:i", ("example.com:p", "r", "i"))],
)
def test_connection_names(text: str, parts: tuple[str, str, str]) -> None:
    instance = Instance.parse(text)
    assert (instance.project, instance.region, instance.name) == parts
    assert instance.connection_name == text
    assert instance.certificate_name == f"{parts[0]}:{parts[2]}"


@pytest.mark.parametrize("text", ["", "p", "p:r", "p::i", ":r:i"])
def test_bad_connection_names_say_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="PROJECT:REGION:INSTANCE"):
        Instance.parse(text)


async def test_settings(server: Running) -> None:
    status, body = await call(server, "GET", SETTINGS, headers=TOKEN)
    assert status == 200
    assert body["region"] == "r"
    assert body["backendType"] == "SECOND_GEN"
    assert {(a["type"], a["ipAddress"]) for a in body["ipAddresses"]} == {
        ("PRIMARY", "127.0.0.1"),
        ("PRIVATE", "127.0.0.1"),
    }
    assert "mdxProtocolSupport" not in body
    x509.load_pem_x509_certificate(body["serverCaCert"]["cert"].encode())


async def test_the_client_certificate_carries_the_key_and_the_set_lifetime(server: Running) -> None:
    await call(server, "PUT", "/_admin/faults", json={"certificate_seconds": 250})
    pem = proxy_style_pem()
    status, body = await call(server, "POST", CERTIFICATE, headers=TOKEN, json={"public_key": pem})
    assert status == 200
    certificate = x509.load_pem_x509_certificate(body["ephemeralCert"]["cert"].encode())
    assert certificate.public_key() == read_public_key(pem)
    certificate.verify_directly_issued_by(server.api.authority.certificate)
    left = certificate.not_valid_after_utc - dt.datetime.now(dt.UTC)
    assert 240 <= left.total_seconds() <= 250


@pytest.mark.parametrize("body", [{}, {"public_key": "x"}, {"public_key": 3}, [], None])
async def test_a_bad_certificate_request_is_a_400(server: Running, body: object) -> None:
    status, answer = await call(server, "POST", CERTIFICATE, headers=TOKEN, json=body)
    assert status == 400
    assert answer["error"]["errors"][0]["reason"] == "invalid"


@pytest.mark.parametrize(
    ("path", "headers", "status", "reason"),
    [
        (SETTINGS, {}, 401, "authError"),
        (SETTINGS, {"Authorization": "Bearer nobody"}, 401, "authError"),
        (SETTINGS, {"Authorization": "Basic t"}, 401, "authError"),
        (SETTINGS.replace("/i/", "/j/"), TOKEN, 404, "instanceDoesNotExist"),
        (SETTINGS.replace("/p/", "/q/"), TOKEN, 404, "instanceDoesNotExist"),
    ],
)
async def test_errors_have_googles_shape(
    server: Running, path: str, headers: dict[str, str], status: int, reason: str
) -> None:
    got, body = await call(server, "GET", path, headers=headers)
    assert got == body["error"]["code"] == status
    assert body["error"]["errors"][0]["reason"] == reason
    assert body["error"]["message"]


async def test_an_assertion_is_exchanged_for_a_token_that_works(
    server: Running, tmp_path: Path
) -> None:
    form = {"grant_type": GRANT_TYPE, "assertion": assertion(tmp_path / "key.json")}
    status, body = await call(server, "POST", "/token", data=form)
    assert (status, body["token_type"], body["expires_in"]) == (200, "Bearer", 3600)
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    assert (await call(server, "GET", SETTINGS, headers=headers))[0] == 200
    document = json.loads((tmp_path / "key.json").read_text())
    assert document["token_uri"] == f"{server.api_url}/token"
    assert (tmp_path / "key.json").stat().st_mode & 0o077 == 0


async def test_another_accounts_assertion_is_refused(server: Running, tmp_path: Path) -> None:
    create_key_file(tmp_path / "other.json", "p", "http://x/token")
    form = {"grant_type": GRANT_TYPE, "assertion": assertion(tmp_path / "other.json")}
    status, body = await call(server, "POST", "/token", data=form)
    assert (status, body["error"]) == (400, "invalid_grant")
    status, body = await call(server, "POST", "/token", data={"grant_type": "password"})
    assert (status, body["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(
    "claims", [{"iss": "x@y"}, {"exp": 100}, {"iat": 10**11}, {"iat": None}, {"exp": "soon"}]
)
def test_claims_are_checked(tmp_path: Path, claims: dict[str, Any]) -> None:
    key_file = tmp_path / "key.json"
    create_key_file(key_file, "p", "http://x/token")
    tokens = Tokens(read_key_file(key_file), time.time)
    tokens.verify(assertion(key_file))
    with pytest.raises(InvalidGrantError):
        tokens.verify(assertion(key_file, **claims))


def test_tokens_expire_and_outlive_the_stand_in_that_issued_them(tmp_path: Path) -> None:
    key_file = tmp_path / "key.json"
    create_key_file(key_file, "p", "http://x/token")
    now = [time.time()]
    token = Tokens(read_key_file(key_file), lambda: now[0]).exchange(assertion(key_file))
    later = Tokens(read_key_file(key_file), lambda: now[0])
    assert later.accepts(token)
    now[0] += 3601
    assert not later.accepts(token)


@pytest.mark.parametrize("forged", ["standin.9999999999.00.00", "standin.x", "standin.", "standin"])
def test_forged_tokens_are_refused(tmp_path: Path, forged: str) -> None:
    key_file = tmp_path / "key.json"
    create_key_file(key_file, "p", "http://x/token")
    assert not Tokens(read_key_file(key_file), time.time).accepts(forged)
    assert not Tokens(None, time.time).accepts(forged)


@pytest.mark.parametrize("body", ['{"api_status": 418}', '{"unknown": 1}', '{"tls": "off"}', "x"])
async def test_bad_faults_are_refused(server: Running, body: str) -> None:
    assert (await call(server, "PUT", "/_admin/faults", data=body))[0] == 400
    assert (await call(server, "GET", "/_admin/faults"))[1]["api_status"] is None


async def test_faults_and_counters_show(server: Running) -> None:
    await call(server, "PUT", "/_admin/faults", json={"api_status": 503})
    assert (await call(server, "GET", SETTINGS, headers=TOKEN))[0] == 503
    _, state = await call(server, "GET", "/_admin/state")
    assert state["calls"] == {"connectSettings 503": 1}
    assert state["faults"]["api_status"] == 503
    assert state["connections"]["open"] == 0


def test_the_authority_is_kept_over_a_restart(tmp_path: Path) -> None:
    first = Authority.load_or_create(INSTANCE, tmp_path)
    second = Authority.load_or_create(INSTANCE, tmp_path)
    assert first.certificate == second.certificate
    assert (tmp_path / "ca.key").stat().st_mode & 0o077 == 0


def test_a_key_under_a_wrong_label_is_read_and_rubbish_is_not() -> None:
    assert read_public_key(proxy_style_pem()).key_size == 2048
    with pytest.raises(BadPublicKeyError):
        read_public_key("-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----")


async def test_health_follows_postgres(server: Running, tmp_path: Path) -> None:
    assert (await call(server, "GET", "/healthz"))[0] == 503
    listener = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    options = Options(
        instance=INSTANCE, postgres=listener.sockets[0].getsockname(), host="127.0.0.2", tls_port=0
    )
    async with listener, running(options) as reachable:
        assert (await call(reachable, "GET", "/healthz"))[0] == 200
