"""The connection pool: lazy, bounded, behind a circuit breaker.

The pool can be made while Postgres is away; connections are opened when they are first needed, so
a bot starts and degrades instead of falling.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg

from vertice_bot.breaker import Breaker
from vertice_bot.db.errors import POOL_EXHAUSTED, is_outage, reason
from vertice_bot.errors import ConfigError, Unavailable
from vertice_bot.settings import DatabaseSettings, read_secret
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.metrics import Metrics

Connection: TypeAlias = asyncpg.Connection
"""A connection, borrowed or of its own; repositories take one as their first argument."""

COMMAND_TIMEOUT_SECONDS = 5.0
CONNECT_TIMEOUT_SECONDS = 3.0
ACQUIRE_TIMEOUT_SECONDS = 2.0
PROBE_TIMEOUT_SECONDS = 1.0
SERVER_SETTINGS = {
    "application_name": "vertice-bot",
    # A replica that is paused inside a transaction holds the fence's row lock; the server ends it
    # well inside the lease's time to live (6 s), so that a take-over is not held up.
    "idle_in_transaction_session_timeout": "3s",
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "synchronous_commit": "on",
}


class PoolExhausted(Unavailable):
    """Every connection is in use; the database itself may be fine."""

    def __init__(self) -> None:
        super().__init__("postgres", POOL_EXHAUSTED)


class Database:
    """One pool of connections to Postgres.

    Parameters
    ----------
    settings:
        Where the database is.
    metrics, degraded:
        Where use and outages are reported.
    """

    def __init__(self, settings: DatabaseSettings, metrics: Metrics, degraded: Degraded) -> None:
        self._settings = settings
        self._metrics = metrics
        self._degraded = degraded
        self._pool: asyncpg.Pool | None = None
        self._in_use = 0
        self._waiters = 0
        self.breaker = Breaker("postgres", is_outage=is_outage)
        metrics.circuit_state.labels(dependency="postgres").set_function(
            lambda: float(self.breaker.state)
        )
        metrics.db_pool_size.set_function(self._size)
        metrics.db_pool_in_use.set_function(lambda: float(self._in_use))
        metrics.db_pool_waiters.set_function(lambda: float(self._waiters))

    def _size(self) -> float:
        return float(self._pool.get_size()) if self._pool else 0.0

    async def open(self) -> None:
        """Make the pool; this does not connect."""
        self._pool = await asyncpg.create_pool(
            **connect_arguments(self._settings),
            min_size=0,
            max_size=self._settings.pool_max,
            max_inactive_connection_lifetime=300.0,
        )

    async def connect(self) -> Connection:
        """Open a connection of its own, outside the pool, for example for the lease."""
        return await asyncpg.connect(**connect_arguments(self._settings))

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Connection]:
        """Borrow a connection.

        Raises
        ------
        Unavailable
            The circuit is open, no connection is free, or the database does not answer.
        """
        try:
            async with self.breaker.guard(), self._borrowed() as connection:
                yield connection
        except Exception as error:
            if not isinstance(error, Unavailable) and is_outage(error):
                raise Unavailable("postgres", reason(error)) from error
            raise

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Connection]:
        pool = self._pool
        if pool is None:
            raise Unavailable("postgres", "NotOpen")
        connection = await self._take(pool)
        started = time.perf_counter()
        self._in_use += 1
        try:
            yield connection
        except BaseException as error:
            # A silent server would hold up the polite release, and with it the next answer.
            if isinstance(error, asyncio.CancelledError) or is_outage(error):
                # A connection that broke has already left the pool by itself.
                with suppress(asyncpg.InterfaceError):
                    connection.terminate()
            raise
        finally:
            self._in_use -= 1
            self._metrics.db_query_duration.observe(time.perf_counter() - started)
            await asyncio.shield(pool.release(connection, timeout=COMMAND_TIMEOUT_SECONDS))

    async def _take(self, pool: asyncpg.Pool) -> Connection:
        self._waiters += 1
        try:
            return await pool.acquire(timeout=ACQUIRE_TIMEOUT_SECONDS)
        except TimeoutError:
            if self._in_use >= self._settings.pool_max:
                raise PoolExhausted from None
            raise
        finally:
            self._waiters -= 1

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Borrow a connection inside a transaction; an exception rolls back."""
        async with self.acquire() as connection, connection.transaction():
            yield connection

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        """Run one query and give all rows."""
        async with self.acquire() as connection:
            rows: list[asyncpg.Record] = await connection.fetch(query, *args)
            return rows

    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None:
        """Run one query and give the first row."""
        async with self.acquire() as connection:
            return await connection.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Run one query and give the first value."""
        async with self.acquire() as connection:
            return await connection.fetchval(query, *args)

    async def execute(self, query: str, *args: Any) -> str:
        """Run one statement and give its status."""
        async with self.acquire() as connection:
            status: str = await connection.execute(query, *args)
            return status

    async def probe(self) -> bool:
        """Ask the database for an answer and record whether it is degraded.

        The circuit only changes when a call is made, so the application probes once a second.
        """
        try:
            async with (
                self.breaker.guard(),
                asyncio.timeout(PROBE_TIMEOUT_SECONDS),
                self._borrowed() as connection,
            ):
                await connection.fetchval("SELECT 1")
        except PoolExhausted:
            return True
        except Unavailable as error:
            self._degraded.set("postgres", error.reason)
            return False
        except Exception as error:
            if not is_outage(error):
                raise
            self._degraded.set("postgres", reason(error))
            return False
        self._degraded.clear("postgres")
        return True

    async def warm(self) -> None:
        """Open ``pool_min`` connections now, so that the first commands do not wait for them."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._settings.pool_min):
                group.create_task(self.fetchval("SELECT 1"))

    async def close(self) -> None:
        """Close the pool: politely for a while, then by force."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            await asyncio.wait_for(pool.close(), COMMAND_TIMEOUT_SECONDS)
        except TimeoutError:
            pool.terminate()


def connect_arguments(settings: DatabaseSettings) -> dict[str, Any]:
    """Give the arguments of a connection.

    The password is a function, so that a rotated Secret is used from the next connection on.
    """
    return {
        "host": settings.host,
        "port": settings.port,
        "database": settings.name,
        "user": database_user(settings),
        "password": lambda: _password(settings),
        "ssl": tls_context(settings.tls, settings.ca_file),
        "timeout": CONNECT_TIMEOUT_SECONDS,
        "command_timeout": COMMAND_TIMEOUT_SECONDS,
        "server_settings": dict(SERVER_SETTINGS),
    }


def database_user(settings: DatabaseSettings) -> str:
    """Give the literal user name, or the content of its file."""
    if settings.user is not None:
        return settings.user
    if settings.user_file is None:
        raise Unavailable("postgres", "UserMissing")
    return read_secret(settings.user_file, "database.user_file").get_secret_value()


def _password(settings: DatabaseSettings) -> str:
    # With IAM login through the proxy any password does.
    if settings.password_file is None:
        return ""
    try:
        return read_secret(settings.password_file, "database.password_file").get_secret_value()
    except ConfigError:
        # It was readable at the start; a Secret that goes away later only degrades.
        raise Unavailable("postgres", "SecretUnreadable") from None


def tls_context(mode: str, ca_file: Path | None) -> ssl.SSLContext | bool:
    """Give asyncpg's ``ssl`` argument for ``disable``, ``require`` or ``verify-full``."""
    if mode == "disable":
        return False
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    if mode == "require" and ca_file is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif mode == "require":
        context.check_hostname = False
    return context
