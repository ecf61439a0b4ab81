"""The pool on a real Postgres: bounded, degrading, recovering."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from dev.testing.postgres import PostgresDatabase, PostgresServer
from vertice_bot.breaker import CircuitState
from vertice_bot.db.errors import is_outage, reason
from vertice_bot.db.pool import Database, PoolExhausted, connect_arguments, tls_context
from vertice_bot.errors import Unavailable
from vertice_bot.settings import DatabaseSettings
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.metrics import Metrics


def settings_for(database: PostgresDatabase, **extra: object) -> DatabaseSettings:
    return DatabaseSettings.model_validate(
        {
            "host": database.host,
            "port": database.port,
            "name": database.name,
            "user": database.user,
            "user_file": None,
            "password_file": None,
        }
        | extra
    )


class Kit:
    def __init__(self, database: PostgresDatabase, **extra: object) -> None:
        self.metrics = Metrics()
        self.degraded = Degraded(self.metrics)
        self.database = Database(settings_for(database, **extra), self.metrics, self.degraded)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.fixture
async def kit(fresh_database: PostgresDatabase) -> AsyncIterator[Kit]:
    made = Kit(fresh_database, pool_max=2)
    await made.database.open()
    yield made
    await made.database.close()


async def test_queries_and_metrics(kit: Kit) -> None:
    assert await kit.database.fetchval("SELECT 1") == 1
    row = await kit.database.fetchrow("SELECT 2 AS two")
    assert row is not None
    assert row["two"] == 2
    assert [r[0] for r in await kit.database.fetch("SELECT generate_series(1, 3)")] == [1, 2, 3]
    assert kit.value("vertice_db_query_duration_seconds_count") == 3
    assert kit.value("vertice_circuit_state", dependency="postgres") == 0


async def test_every_connection_has_its_limits(kit: Kit) -> None:
    for name, expected in (
        ("idle_in_transaction_session_timeout", "3s"),
        ("lock_timeout", "2s"),
        ("statement_timeout", "5s"),
        ("synchronous_commit", "on"),
        ("application_name", "vertice-bot"),
    ):
        assert await kit.database.fetchval("SELECT current_setting($1)", name) == expected


async def test_a_transaction_rolls_back(kit: Kit) -> None:
    await kit.database.execute("CREATE TABLE t (a int)")

    async def fail() -> None:
        async with kit.database.transaction() as connection:
            await connection.execute("INSERT INTO t VALUES (1)")
            raise ValueError

    with pytest.raises(ValueError):
        await fail()
    assert await kit.database.fetchval("SELECT count(*) FROM t") == 0


async def test_a_full_pool_is_told_and_is_no_outage(kit: Kit) -> None:
    release = asyncio.Event()

    async def hold() -> None:
        async with kit.database.acquire():
            await release.wait()

    holders = [asyncio.create_task(hold()) for _ in range(2)]
    while kit.value("vertice_db_pool_in_use") != 2:  # noqa: ASYNC110
        await asyncio.sleep(0)
    for _ in range(2):
        with pytest.raises(PoolExhausted):
            await kit.database.fetchval("SELECT 1")
    assert kit.database.breaker.state is CircuitState.CLOSED
    release.set()
    await asyncio.gather(*holders)
    assert await kit.database.fetchval("SELECT 1") == 1


async def test_a_wrong_query_does_not_open_the_circuit(kit: Kit) -> None:
    for _ in range(5):
        with pytest.raises(asyncpg.PostgresSyntaxError):
            await kit.database.execute("SELEC 1")
    assert kit.database.breaker.state is CircuitState.CLOSED


async def test_an_outage_opens_within_5_s_and_closes_within_10_s(
    own_postgres: PostgresServer,
) -> None:
    kit = Kit(own_postgres.database)
    await kit.database.open()
    assert await kit.database.probe()
    own_postgres.stop("immediate")
    started = time.monotonic()
    await probe_until(kit, lambda: kit.database.breaker.state is CircuitState.OPEN)
    assert time.monotonic() - started <= 5.0
    assert kit.degraded.reason("postgres") is not None
    with pytest.raises(Unavailable):
        await kit.database.fetchval("SELECT 1")
    own_postgres.start()
    started = time.monotonic()
    await probe_until(kit, lambda: kit.database.breaker.state is CircuitState.CLOSED)
    assert time.monotonic() - started <= 10.0
    assert kit.degraded.reason("postgres") is None
    await kit.database.close()


async def test_a_frozen_server_is_noticed_and_close_does_not_hang(
    own_postgres: PostgresServer,
) -> None:
    kit = Kit(own_postgres.database)
    await kit.database.open()
    assert await kit.database.probe()
    own_postgres.pause()
    started = time.monotonic()
    await probe_until(kit, lambda: kit.database.breaker.state is CircuitState.OPEN)
    assert time.monotonic() - started <= 5.0
    own_postgres.resume()
    await kit.database.close()


async def probe_until(kit: Kit, condition: object) -> None:
    deadline = time.monotonic() + 15
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline
        await kit.database.probe()
        await asyncio.sleep(0.2)


async def test_refusals_have_a_reason(fresh_database: PostgresDatabase) -> None:
    kit = Kit(fresh_database, name="absent")
    await kit.database.open()
    with pytest.raises(Unavailable) as caught:
        await kit.database.fetchval("SELECT 1")
    assert caught.value.reason == "DatabaseMissing"
    await kit.database.close()


async def test_a_closed_pool_is_unavailable(kit: Kit) -> None:
    await kit.database.close()
    with pytest.raises(Unavailable, match="NotOpen"):
        await kit.database.fetchval("SELECT 1")


def test_the_password_is_read_at_each_connection(
    tmp_path: Path, fresh_database: PostgresDatabase
) -> None:
    path = tmp_path / "password"
    path.write_text("old-password\n")
    arguments = connect_arguments(settings_for(fresh_database, password_file=str(path)))
    assert arguments["password"]() == "old-password"
    path.write_text("new-password\n")
    assert arguments["password"]() == "new-password"
    path.unlink()
    with pytest.raises(Unavailable, match="SecretUnreadable"):
        arguments["password"]()


def test_tls_modes(tmp_path: Path) -> None:
    import ssl

    assert tls_context("disable", None) is False
    require = tls_context("require", None)
    verify = tls_context("verify-full", None)
    assert isinstance(require, ssl.SSLContext)
    assert isinstance(verify, ssl.SSLContext)
    assert require.verify_mode is ssl.CERT_NONE
    assert verify.verify_mode is ssl.CERT_REQUIRED
    assert verify.check_hostname


@pytest.mark.parametrize(
    ("error", "outage", "word"),
    [
        (OSError(), True, "ConnectionFailed"),
        (TimeoutError(), True, "TimedOut"),
        (asyncpg.TooManyConnectionsError("x"), True, "TooManyConnections"),
        (asyncpg.InvalidPasswordError("x"), True, "AuthenticationFailed"),
        (asyncpg.UniqueViolationError("x"), False, "ConnectionFailed"),
        (asyncpg.InterfaceError("connection is closed"), True, "ConnectionFailed"),
        (asyncpg.InterfaceError("cannot call in this state"), False, "ConnectionFailed"),
        (PoolExhausted(), False, "PoolExhausted"),
        (Unavailable("postgres", "SecretUnreadable"), True, "SecretUnreadable"),
        (ValueError(), False, "ConnectionFailed"),
    ],
)
def test_what_counts_as_an_outage(error: BaseException, outage: bool, word: str) -> None:
    assert is_outage(error) is outage
    assert reason(error) == word
