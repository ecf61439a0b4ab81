"""Forward-only migrations: numbered SQL files, one transaction each, one runner at a time.

Two starters at once are safe (advisory lock); a file that was changed after it had been applied
is refused (checksum); a table that is busy fails fast instead of queueing everybody (lock_timeout).
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources

import asyncpg
import structlog

from vertice_bot.db.pool import Connection

LOCK_KEY = 0x76657274696365  # "vertice"
LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "10min"
_NAME = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")
_log = structlog.get_logger(__name__)

_BOOTSTRAP = """
CREATE SCHEMA IF NOT EXISTS vertice;
CREATE TABLE IF NOT EXISTS vertice.schema_migration (
    version    integer     PRIMARY KEY,
    name       text        NOT NULL,
    checksum   text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""


class MigrationError(Exception):
    """The migrations in the package and in the database do not fit together."""


class SchemaState(StrEnum):
    """How the database compares with the package."""

    CURRENT = "current"
    BEHIND = "behind"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """What the database has, what the package needs, and how they compare."""

    applied: int
    needed: int
    state: SchemaState


def load_migrations() -> tuple[Migration, ...]:
    """Read the migrations of the package, in order.

    Raises
    ------
    MigrationError
        A file has an unreadable name or a number is used twice.
    """
    folder = resources.files("vertice_bot.db.migrations")
    texts = {
        item.name: item.read_text(encoding="utf-8")
        for item in folder.iterdir()
        if item.name.endswith(".sql")
    }
    return parse_migrations(texts)


def parse_migrations(texts: dict[str, str]) -> tuple[Migration, ...]:
    """Order files by number; the pure part of :func:`load_migrations`."""
    found: dict[int, Migration] = {}
    for name, sql in sorted(texts.items()):
        match = _NAME.match(name)
        if match is None:
            raise MigrationError(f"{name}: name a migration NNNN_words.sql")
        version = int(match[1])
        if version in found:
            raise MigrationError(f"{name}: number {version:04d} is used twice; take the next one")
        found[version] = Migration(version, match[2], sql)
    return tuple(found[version] for version in sorted(found))


def pending(
    migrations: Sequence[Migration], applied: dict[int, str]
) -> tuple[tuple[Migration, ...], SchemaVersion]:
    """Decide what is to be applied.

    Parameters
    ----------
    migrations:
        Those of the package, in order.
    applied:
        Number to checksum, as the database says.

    Raises
    ------
    MigrationError
        A file was changed after it had been applied, or a number was slipped in below the newest
        one of the database.
    """
    needed = migrations[-1].version if migrations else 0
    newest = max(applied, default=0)
    for migration in migrations:
        stored = applied.get(migration.version)
        if stored is not None and stored != migration.checksum:
            raise MigrationError(
                f"migration {migration.version:04d}_{migration.name} was changed after it had been "
                "applied; restore the file and put the change into a new one"
            )
    todo = tuple(m for m in migrations if m.version not in applied)
    if newest > needed:
        # A newer release migrated and this is a roll-back: its schema is kept compatible.
        return (), SchemaVersion(newest, needed, SchemaState.AHEAD)
    state = SchemaState.BEHIND if todo else SchemaState.CURRENT
    return todo, SchemaVersion(newest, needed, state)


async def schema_version(
    connection: Connection, migrations: Sequence[Migration] | None = None
) -> SchemaVersion:
    """Compare the database with the package without changing anything."""
    known = load_migrations() if migrations is None else migrations
    try:
        applied = await _applied(connection)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        applied = {}
    return pending(known, applied)[1]


async def migrate(
    connection: Connection, migrations: Sequence[Migration] | None = None
) -> tuple[Migration, ...]:
    """Apply what is missing, under the advisory lock.

    Parameters
    ----------
    connection:
        A connection of its own, outside any transaction.
    migrations:
        Those of the package by default.

    Returns
    -------
    tuple of Migration
        What was applied now.
    """
    known = load_migrations() if migrations is None else migrations
    await _lock(connection)
    try:
        await connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        await connection.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")
        await connection.execute(_BOOTSTRAP)
        todo, _ = pending(known, await _applied(connection))
        for migration in todo:
            await _apply(connection, migration)
        return todo
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)


async def _lock(connection: Connection) -> None:
    # Asked again and again instead of waited for: a waiting lock would hit statement_timeout.
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
        _log.info("another process migrates; waiting for it")
        await asyncio.sleep(0.2)


async def _applied(connection: Connection) -> dict[int, str]:
    rows = await connection.fetch("SELECT version, checksum FROM vertice.schema_migration")
    return {row["version"]: row["checksum"] for row in rows}


async def _apply(connection: Connection, migration: Migration) -> None:
    label = f"{migration.version:04d}_{migration.name}"
    _log.info("applying migration", migration=label)
    try:
        async with connection.transaction():
            await connection.execute(migration.sql, timeout=600.0)
            await connection.execute(
                "INSERT INTO vertice.schema_migration (version, name, checksum) "
                "VALUES ($1, $2, $3)",
                migration.version,
                migration.name,
                migration.checksum,
            )
    except asyncpg.LockNotAvailableError:
        raise MigrationError(
            f"{label}: a table stayed locked for {LOCK_TIMEOUT}; end the long transaction "
            "that holds it and run the migration again"
        ) from None
    except asyncpg.PostgresError as error:
        raise MigrationError(f"{label}: {error}") from error
