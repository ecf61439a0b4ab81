"""Which exceptions mean that Postgres is away, and which mean that we asked wrongly."""

from __future__ import annotations

import ssl

import asyncpg

from vertice_bot.errors import Unavailable

POOL_EXHAUSTED = "PoolExhausted"
"""Reason that says something of us and not of the database."""

_OUTAGES = (
    OSError,
    TimeoutError,
    ssl.SSLError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
)


def is_outage(error: BaseException) -> bool:
    """Say whether an exception means that the database does not serve us now."""
    if isinstance(error, Unavailable):
        return error.reason != POOL_EXHAUSTED
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error) or "closing" in str(error)
    return isinstance(error, _OUTAGES)


def reason(error: BaseException) -> str:
    """Give a CamelCase word for ``/statusz``; the text of the exception may hold a host or user."""
    if isinstance(error, Unavailable):
        return error.reason
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return "AuthenticationFailed"
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return "DatabaseMissing"
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return "TooManyConnections"
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return "ReadOnly"
    if isinstance(error, TimeoutError):
        return "TimedOut"
    return "ConnectionFailed"
