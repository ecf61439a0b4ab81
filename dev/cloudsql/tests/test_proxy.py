"""The real Auth Proxy against the stand-in, with a real Postgres behind it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from dev.cloudsql.faults import Faults
from dev.cloudsql.server import Running
from dev.cloudsql.testing import Proxy, connect, parsed, proxy_running, stand_in_running
from dev.local.postgres import Postgres, free_port

pytestmark = [pytest.mark.postgres, pytest.mark.processes]

CLOSED = (asyncpg.PostgresConnectionError, ConnectionError, asyncpg.InterfaceError)


async def health(proxy: Proxy, path: str) -> int:
    url = f"http://127.0.0.1:{proxy.http_port}/{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status


async def test_a_query_goes_through_proxy_and_relay(
    proxy: Proxy, postgres: Postgres, stand_in: Running
) -> None:
    connection = await connect(postgres, proxy.port)
    big = "x" * 300_000
    assert await connection.fetchval("select $1::text || 'y'", big) == big + "y"
    await connection.close()
    assert stand_in.api.relay.counters.accepted == 1
    assert stand_in.api.calls["token 200"] >= 1
    assert stand_in.api.calls["connectSettings 200"] == 1
    assert stand_in.api.calls["bots:generateEphemeralCert 200"] == 1


async def test_a_static_token_is_good_only_when_the_stand_in_knows_it(
    proxy_binary: Path, postgres: Postgres, tmp_path: Path
) -> None:
    async with stand_in_running(
        postgres.address, tmp_path, static_tokens=frozenset({"known"})
    ) as stand_in:
        async with proxy_running(proxy_binary, stand_in.api_url, "--token", "known") as good:
            connection = await connect(postgres, good.port)
            assert await connection.fetchval("select 1") == 1
            await connection.close()
        async with proxy_running(proxy_binary, stand_in.api_url, "--token", "other") as bad:
            with pytest.raises(CLOSED):
                await connect(postgres, bad.port)
            assert "401" in await bad.logged("failed to connect to instance")


@pytest.mark.parametrize(
    ("status", "reason"), [(403, "notAuthorized"), (404, "instanceDoesNotExist")]
)
async def test_a_refusal_of_the_api_shows_in_the_log_and_not_in_the_proxys_health(
    status: int,
    reason: str,
    proxy_binary: Path,
    credentials: tuple[str, str],
    postgres: Postgres,
    stand_in: Running,
) -> None:
    await stand_in.api.set_faults(Faults.model_validate({"api_status": status}))
    async with proxy_running(proxy_binary, stand_in.api_url, *credentials) as proxy:
        with pytest.raises(CLOSED):
            await connect(postgres, proxy.port)
        entry = parsed(await proxy.logged("failed to connect to instance"))
        assert entry["severity"] == "ERROR"
        assert f"Error {status}" in entry["message"]
        assert reason in entry["message"]
        seen = [await health(proxy, path) for path in ("startup", "liveness", "readiness")]
        assert seen == [200] * 3
        assert proxy.process.returncode is None

        await stand_in.api.set_faults(Faults())
        connection = await connect(postgres, proxy.port)
        assert await connection.fetchval("select 1") == 1
        await connection.close()


async def test_a_connection_test_at_the_start_ends_the_proxy_on_403(
    proxy_binary: Path, stand_in: Running, credentials: tuple[str, str]
) -> None:
    await stand_in.api.set_faults(Faults(api_status=403))
    flags = ("--run-connection-test", *credentials)
    async with proxy_running(proxy_binary, stand_in.api_url, *flags, wait=False) as proxy:
        assert await asyncio.wait_for(proxy.process.wait(), 20) == 1


async def test_500s_are_retried_and_then_shown(
    proxy_binary: Path, credentials: tuple[str, str], postgres: Postgres, stand_in: Running
) -> None:
    await stand_in.api.set_faults(Faults(api_status=500))
    async with proxy_running(proxy_binary, stand_in.api_url, *credentials) as proxy:
        with pytest.raises(CLOSED):
            await connect(postgres, proxy.port, seconds=60)
        assert "Error 500" in await proxy.logged("failed to connect to instance")
    assert stand_in.api.calls["connectSettings 500"] > 1


@pytest.mark.parametrize("tls", ["down", "cut"])
async def test_tls_faults_cut_what_is_open_and_heal(
    tls: str, proxy: Proxy, postgres: Postgres, stand_in: Running
) -> None:
    held = await connect(postgres, proxy.port)
    await stand_in.api.set_faults(Faults(tls="down"))
    with pytest.raises(CLOSED):
        await held.fetchval("select 1")
    await stand_in.api.set_faults(Faults.model_validate({"tls": tls}))
    with pytest.raises(CLOSED):
        await connect(postgres, proxy.port)
    await stand_in.api.set_faults(Faults())
    again = await connect(postgres, proxy.port)
    assert await again.fetchval("select 1") == 1
    await again.close()


async def test_without_the_ephemeral_certificate_nobody_gets_in(stand_in: Running) -> None:
    context = ssl.create_default_context(cadata=stand_in.api.authority.certificate_pem)
    context.check_hostname = False
    reader, writer = await asyncio.open_connection(*stand_in.tls_address, ssl=context)
    # In TLS 1.3 the client finishes first and learns of the refusal at its first read.
    try:
        data = await reader.read(1)
    except (ssl.SSLError, ConnectionError):
        data = b""
    writer.transport.abort()
    assert data == b""
    assert stand_in.api.relay.counters.refused_handshakes == 1
    assert stand_in.api.relay.counters.accepted == 0


async def test_tls_1_2_is_refused(stand_in: Running) -> None:
    context = ssl.create_default_context(cadata=stand_in.api.authority.certificate_pem)
    context.check_hostname = False
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection(*stand_in.tls_address, ssl=context)


async def test_an_unreachable_postgres_closes_the_connection(
    proxy_binary: Path, postgres: Postgres, tmp_path: Path
) -> None:
    async with stand_in_running(
        ("127.0.0.1", free_port()),
        tmp_path,
        static_tokens=frozenset({"x"}),
    ) as stand_in:
        async with proxy_running(proxy_binary, stand_in.api_url, "--token", "x") as proxy:
            with pytest.raises(CLOSED):
                await connect(postgres, proxy.port)
        assert stand_in.api.relay.counters.backend_failures >= 1


@pytest.mark.parametrize("kept", [True, False], ids=["same authority", "new authority"])
async def test_a_running_proxy_lives_through_a_restart_of_the_stand_in(
    kept: bool, proxy_binary: Path, postgres: Postgres, tmp_path: Path, credentials: tuple[str, str]
) -> None:
    state = tmp_path / "state" if kept else None
    async with contextlib.AsyncExitStack() as stack:
        async with stand_in_running(postgres.address, tmp_path, state_dir=state) as first:
            host, api_url = first.tls_address[0], first.api_url
            proxy = await stack.enter_async_context(
                proxy_running(proxy_binary, api_url, *credentials)
            )
            await (await connect(postgres, proxy.port)).close()
        same_place = {"host": host, "api_port": int(api_url.rpartition(":")[2])}
        second = await stack.enter_async_context(
            stand_in_running(postgres.address, tmp_path, state_dir=state, **same_place)
        )
        await (await connect_in_time(postgres, proxy.port)).close()
        assert second.api.calls["token 200"] == 0, "the old token is still good"


async def connect_in_time(postgres: Postgres, port: int) -> asyncpg.Connection:
    """Connect as a pool does: again until it works; the proxy heals on a later connect."""
    async with asyncio.timeout(40):
        while True:
            try:
                return await connect(postgres, port)
            except CLOSED:
                await asyncio.sleep(0.1)
