"""What ``vertice-bot migrate`` does."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import structlog

from vertice_bot.db.errors import is_outage
from vertice_bot.db.migrate import MigrationError, load_migrations, migrate
from vertice_bot.db.pool import Connection, connect_arguments
from vertice_bot.errors import ConfigError, ExitCode, Refused, Stop
from vertice_bot.settings import DatabaseSettings, Settings
from vertice_bot.telemetry.logging import configure_logging

_log = structlog.get_logger(__name__)


def run_migrations(settings: Settings, wait: float) -> int:
    """Apply the missing migrations.

    Parameters
    ----------
    settings:
        The configuration; it must have a database.
    wait:
        Seconds to wait for a database that does not answer.

    Raises
    ------
    Stop
        With what to do.
    """
    configure_logging(settings.logging, bot=settings.bot, replica=settings.replica)
    if settings.database is None:
        raise ConfigError("database: required for migrate, add it")
    applied = asyncio.run(_migrate(settings.database, wait))
    _log.info("migrations are at head", applied=applied, head=load_migrations()[-1].version)
    return int(ExitCode.OK)


async def _migrate(database: DatabaseSettings, wait: float) -> int:
    connection = await _connect(database, wait)
    try:
        return len(await migrate(connection))
    except MigrationError as error:
        raise Stop(ExitCode.INTERNAL, str(error)) from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise Refused(
            f"database.user may not change the schema ({error}); grant it CREATE on the database"
        ) from None
    finally:
        await connection.close()


async def _connect(database: DatabaseSettings, wait: float) -> Connection:
    deadline = time.monotonic() + wait
    while True:
        try:
            return await asyncpg.connect(**connect_arguments(database))
        except asyncpg.InvalidAuthorizationSpecificationError:
            raise Refused(
                "Postgres refused user or password; correct the database Secret"
            ) from None
        except asyncpg.InvalidCatalogNameError:
            raise Refused(
                f"database {database.name} does not exist; create it or correct database.name"
            ) from None
        except Exception as error:
            if not is_outage(error):
                raise
            if time.monotonic() >= deadline:
                raise Stop(
                    ExitCode.INTERNAL,
                    f"Postgres at {database.host}:{database.port} did not answer within "
                    f"{wait:.0f} s ({type(error).__name__}); check that it is up and reachable",
                ) from None
            _log.info("waiting for Postgres", error=type(error).__name__)
        await asyncio.sleep(0.5)
