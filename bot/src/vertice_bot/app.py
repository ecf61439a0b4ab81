"""The process: what is started in which order, and stopped in which order.

Start: settings, telemetry, HTTP, database, schema, cache, lease, Discord. A dependency that is away
delays only what needs it. Stop: take nothing more, read nothing more, let handlers end, give the
lease back, close.
"""

from __future__ import annotations

import asyncio
import random
import signal
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import aiohttp
import asyncpg
import discord
import structlog

import vertice_bot
from vertice_bot import tasks
from vertice_bot.cache.client import Cache
from vertice_bot.client import Core, VerticeBot
from vertice_bot.clock import boottime
from vertice_bot.db.errors import is_outage
from vertice_bot.db.migrate import MigrationError, SchemaState, load_migrations, schema_version
from vertice_bot.db.pool import Database
from vertice_bot.dispatch_log import DispatchLog
from vertice_bot.effects import Effects, HeldFence
from vertice_bot.errors import ConfigError, ExitCode, Refused, Stop, Unavailable
from vertice_bot.fleet import Fleet, FleetParts, Stores
from vertice_bot.gateway import contract
from vertice_bot.gateway.dead_letters import DeadLetters
from vertice_bot.gateway.guild_log import GuildLog
from vertice_bot.gateway.hints import HintLine
from vertice_bot.gateway.identify import IdentifyTurns, SharedTurns, Turns
from vertice_bot.gateway.keeper import KeeperParts, LeaseKeeper
from vertice_bot.gateway.lease import LeaseStore
from vertice_bot.gateway.ownership import Alone, LeaseTimes, Owned, Ownership
from vertice_bot.gateway.work import Work
from vertice_bot.health import Listener, metrics_app, status_app
from vertice_bot.policy import PolicyStore
from vertice_bot.settings import LEASE_MARGIN_SECONDS, Settings, read_secret
from vertice_bot.status import StatusBoard
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.logging import REDACTOR, configure_logging
from vertice_bot.telemetry.metrics import Metrics

PROBE_SECONDS = 1.0
SCHEMA_SECONDS = 2.0
PRUNE_SECONDS = 600.0
GRACE_RESERVE_SECONDS = 10.0
"""Kept back of the time until the kubelet kills, to close everything else."""

_log = structlog.get_logger(__name__)


class Application:
    """One process start.

    Parameters
    ----------
    settings:
        The configuration.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.owner = f"{settings.replica}/{uuid.uuid4().hex[:12]}"
        self.metrics = Metrics()
        self.metrics.bot_info.labels(version=vertice_bot.__version__).set(1)
        self.metrics.shards_configured.set(settings.shards.count)
        self.degraded = Degraded(self.metrics)
        self.policy = PolicyStore(settings.policy_file, self.degraded)
        self.work = Work()
        self.database = self._make_database()
        self.cache = Cache(settings.cache, self.metrics, self.degraded) if settings.cache else None
        self.rows = tuple(range(settings.shards.count))
        self.ownership = self._make_ownership()
        self.owned: Owned = self.ownership or Alone(self.rows)
        self.fence = HeldFence(self.owned, boottime)
        self.effects = Effects(settings.bot, self.database, self.fence, self.metrics)
        self.dispatch_log = (
            DispatchLog(self.database, settings.replica, self.metrics)
            if settings.dispatch_log and self.database
            else None
        )
        self.bot = VerticeBot(settings, self._core())
        self.stores = self._make_stores()
        self.fleet = Fleet(self._fleet_parts())
        self.board = StatusBoard(self)
        self._stop = asyncio.Event()
        self._verdict: BaseException | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # Parts.

    def _make_database(self) -> Database | None:
        if self.settings.database is None:
            return None
        return Database(self.settings.database, self.metrics, self.degraded)

    def _make_ownership(self) -> Ownership | None:
        if self.database is None:
            return None
        lease = self.settings.lease
        return Ownership(LeaseTimes(lease.ttl_seconds, lease.renew_seconds, LEASE_MARGIN_SECONDS))

    def _make_stores(self) -> Stores | None:
        database, ownership = self.database, self.ownership
        if database is None or ownership is None:
            return None
        bot, lease = self.settings.bot, self.settings.lease
        leases = LeaseStore(
            bot, self.owner, lease.ttl_seconds, lock_seconds=lease.renew_seconds / 2
        )
        keeper = LeaseKeeper(
            KeeperParts(
                store=leases,
                ownership=ownership,
                connect=database.connect,
                rows=self.rows,
                replica=self.settings.replica,
                revision=self.settings.revision,
                clock=boottime,
                metrics=self.metrics,
                is_outage=is_outage,
                records=lambda: self.fleet.records(),
            )
        )
        return Stores(
            keeper=keeper,
            ownership=ownership,
            leases=leases,
            line=HintLine(leases, database.connect, keeper.refused, lease.renew_seconds),
            database=database,
            guilds=GuildLog(bot, database, lambda: self.bot.user.id if self.bot.user else 0),
            letters=DeadLetters(bot, database, self.metrics),
        )

    def _fleet_parts(self) -> FleetParts:
        settings = self.settings
        turns: Turns = IdentifyTurns(boottime)
        if self.database is not None:
            turns = SharedTurns(settings.bot, self.database, boottime)
        return FleetParts(
            bot=self.bot,
            owned=self.owned,
            stores=self.stores,
            turns=turns,
            work=self.work,
            owner=self.owner,
            clock=boottime,
            rebalance_seconds=settings.shards.rebalance_seconds,
            drain_seconds=settings.drain.seconds,
            before_release=self._before_release,
            failed=self.fail,
            identified=self._identified,
        )

    async def _before_release(self) -> None:
        if hasattr(self.bot, "services"):
            await self.bot.services.flush()
        if self.dispatch_log is not None:
            await self.dispatch_log.flush()

    def _core(self) -> Core:
        return Core(
            owner=self.owner,
            database=self.database,
            cache=self.cache,
            effects=self.effects,
            epoch=self.fence.epoch,
            may_start=self.fence.may_start,
            policy=self.policy,
            metrics=self.metrics,
            degraded=self.degraded,
            work=self.work,
            unauthorized=lambda: self.fail(Refused(TOKEN_REFUSED)),
            dispatch_log=self.dispatch_log,
        )

    # Ending.

    def request_stop(self) -> None:
        """End in order; what SIGTERM does."""
        self._stop.set()

    def fail(self, error: BaseException) -> None:
        """End in order, with a reason; the first one counts."""
        if self._verdict is None and not self._stop.is_set():
            self._verdict = error
        self._stop.set()

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return tasks.start(work, self.fail, kept=self._tasks, name=name)

    # Running.

    async def run(self) -> None:
        """Run until asked to stop.

        Raises
        ------
        Stop
            The process ends with another code than 0.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop)
        self.work.install(loop)
        token = self._read_secrets()
        listeners = await self._listen()
        try:
            await self._start(token)
            await self._stop.wait()
            await self._shut_down()
        finally:
            await self._cancel_all()
            for listener in listeners:
                await listener.stop()
        if self._verdict is not None:
            raise self._verdict

    def _read_secrets(self) -> str:
        token = read_secret(self.settings.discord.token_file, "discord.token_file")
        value = token.get_secret_value()
        if value.lower().startswith("bot ") or any(c.isspace() for c in value):
            raise ConfigError(
                f"discord.token_file: {self.settings.discord.token_file} must hold the bare token, "
                "without the word Bot and without spaces"
            )
        REDACTOR.hide(value)
        database = self.settings.database
        if database is not None and database.password_file is not None:
            password = read_secret(database.password_file, "database.password_file")
            REDACTOR.hide(password.get_secret_value())
        if database is not None and database.user is None and database.user_file is not None:
            read_secret(database.user_file, "database.user_file")
        return value

    async def _listen(self) -> list[Listener]:
        status = Listener(status_app(self.board), self.settings.http, "http.port")
        metrics = Listener(
            metrics_app(self.metrics.registry), self.settings.metrics, "metrics.port"
        )
        await status.start()
        try:
            await metrics.start()
        except BaseException:
            await status.stop()
            raise
        _log.info("listening", http=status.port, metrics=metrics.port)
        return [status, metrics]

    async def _start(self, token: str) -> None:
        self.board.listening = True
        self._spawn("monitor", self.board.monitor())
        self.policy.refresh()
        self._spawn("policy", self.policy.watch())
        if self.database is None:
            _log.warning(
                "no database is configured: this is a single process without leases, ledger and "
                "stored data; never run a second one with the same token"
            )
            self.board.schema_known = True
        else:
            await self.database.open()
            self._spawn("database", _every(PROBE_SECONDS, self.database.probe))
        if self.cache is not None:
            self._spawn("cache", _every(PROBE_SECONDS, self.cache.probe))
        if self.dispatch_log is not None:
            self._spawn("dispatch-log", self.dispatch_log.run())
        self._spawn("prune", _every(PRUNE_SECONDS, self._prune))
        self._spawn("lease", self._schema_then_lease())
        self._spawn("discord", self._discord(token))

    async def _schema_then_lease(self) -> None:
        if self.database is None or self.stores is None:
            return
        await self._schema_at_head(self.database)
        with suppress(Unavailable):
            await self.database.warm()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.stores.keeper.run())
            group.create_task(self.stores.line.run())
            group.create_task(self.stores.guilds.run())
            group.create_task(self.stores.letters.run())

    async def _schema_at_head(self, database: Database) -> None:
        """Wait until the migrations are applied; say so meanwhile."""
        known = load_migrations()
        while True:
            try:
                async with database.acquire() as connection:
                    version = await schema_version(connection, known)
            except Unavailable as error:
                self.board.schema_unreachable(error.reason)
            except asyncpg.InsufficientPrivilegeError:
                raise Refused(
                    "database.user may not read the schema vertice; grant it USAGE on the schema "
                    "and all rights on its tables"
                ) from None
            except MigrationError as error:
                _log.error("migrations do not fit the database", error=str(error))
                self.board.schema_waiting("Mismatch", str(error))
            else:
                self.board.schema_version = version.applied
                if version.state is not SchemaState.BEHIND:
                    self.board.schema_ready()
                    return
                text = f"schema is at {version.applied}, this version needs {version.needed}"
                _log.warning("waiting for migrations; run: vertice-bot migrate", state=text)
                self.board.schema_waiting("Behind", text)
            await asyncio.sleep(SCHEMA_SECONDS)

    async def _prune(self) -> None:
        """Forget old effects; Discord replays nothing that is older than minutes."""
        if self.database is None or self.stores is None or 0 not in self.owned.rows:
            return
        try:
            await self.effects.prune()
            await self.stores.letters.prune()
        except Unavailable as error:
            _log.info("old effects stay for now", reason=error.reason)
        except asyncpg.PostgresError as error:
            # Such as a statement that took too long; housekeeping must not end the bot.
            _log.warning("old effects stay for now", error=type(error).__name__)

    # Discord.

    async def _discord(self, token: str) -> None:
        await self._login(token)
        # From here on this replica can do the work, so it may be given some.
        await self.fleet.run()

    def _identified(self, shard: int) -> None:
        """Look after the commands once per new session: Discord may have lost both.

        Also when shard 0 comes here: one replica does it, and a new version brings new commands.
        """
        under_way = any(task.get_name() == "sync" for task in self._tasks)
        if shard == 0 and not under_way and not self._stop.is_set():
            self._spawn("sync", self._sync_commands())

    @property
    def active(self) -> bool:
        """Whether this replica owns a shard."""
        return bool(self.bot.runners)

    @property
    def refused(self) -> bool:
        """Whether Discord refused for good."""
        return isinstance(self._verdict, Refused)

    async def _login(self, token: str) -> None:
        failures = 0
        while True:
            try:
                async with asyncio.timeout(30.0):
                    await self.bot.login(token)
            except discord.LoginFailure:
                self.metrics.discord_auth_failed.set(1)
                raise Refused(TOKEN_REFUSED) from None
            except (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError) as error:
                failures += 1
                _log.warning("Discord does not answer; trying again", error=type(error).__name__)
                self.degraded.set("discord", "ApiUnavailable")
                await self.bot.http.close()
                self.bot.http.connector = discord.utils.MISSING
                delay = min(30.0, 0.5 * 2.0 ** min(failures, 10))
                await asyncio.sleep(delay * (0.5 + random.random() / 2))  # noqa: S311
            else:
                self.degraded.clear("discord")
                self.board.logged_in = True
                _log.info("logged in to Discord", user=str(self.bot.user))
                return

    async def _sync_commands(self) -> None:
        failures = 0
        while True:
            try:
                await self.bot.sync_commands()
            except (
                Unavailable,
                discord.DiscordServerError,
                aiohttp.ClientError,
                OSError,
                TimeoutError,
            ) as error:
                failures += 1
                _log.warning("commands not synced yet", error=type(error).__name__)
            except discord.DiscordException as error:
                _log.error("Discord refused the commands", error=str(error))
                self.degraded.set("commands", "Refused")
                return
            else:
                self.degraded.clear("commands")
                return
            await asyncio.sleep(min(60.0, 1.0 * 2.0 ** min(failures, 6)))

    # Stopping.

    async def _shut_down(self) -> None:
        started = time.monotonic()
        self.board.draining = True
        _log.info("stopping", under_way=len(self.work))
        await self._cancel("discord", "sync")
        before_kill = self.settings.drain.grace_seconds - GRACE_RESERVE_SECONDS
        await self.fleet.drain(before_kill)
        left = await self.work.drained(0.0)
        if hasattr(self.bot, "services"):
            await self._within(5.0, self.bot.services.close())
        if self.dispatch_log is not None:
            await self._within(5.0, self.dispatch_log.flush())
        await self.fleet.close()
        await self._cancel("lease")
        if self.stores is not None:
            await self.stores.keeper.leave()
            await self.stores.line.close()
        await self._within(5.0, self.bot.close())
        await self._cancel_all()
        if self.cache is not None:
            await self._within(2.0, self.cache.close())
        if self.database is not None:
            await self.database.close()
        _log.info("stopped", seconds=round(time.monotonic() - started, 3), cancelled=left)

    async def _within(self, seconds: float, work: Awaitable[None]) -> None:
        try:
            async with asyncio.timeout(seconds):
                await work
        except (TimeoutError, Unavailable, OSError) as error:
            _log.warning("a part did not end in order", error=type(error).__name__)

    async def _cancel(self, *names: str) -> None:
        await _cancelled([task for task in self._tasks if task.get_name() in names])

    async def _cancel_all(self) -> None:
        await _cancelled(list(self._tasks))


TOKEN_REFUSED = (
    "Discord refused the token; put a valid one into the Secret (developer portal, page Bot, "  # noqa: S105
    "Reset Token)"
)


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _every(seconds: float, action: Callable[[], Awaitable[object]]) -> None:
    while True:
        started = time.monotonic()
        await action()
        await asyncio.sleep(max(0.05, seconds - (time.monotonic() - started)))


def run(settings: Settings) -> int:
    """Run the bot until SIGTERM.

    Parameters
    ----------
    settings:
        The configuration.

    Returns
    -------
    int
        The exit code 0.

    Raises
    ------
    Stop
        The process is to end with another code and one line of text.
    """
    configure_logging(settings.logging, bot=settings.bot, replica=settings.replica)
    if settings.tracing is not None:
        raise ConfigError(
            "tracing: this version does not send traces; remove the section or set it to null"
        )

    if problems := contract.problems():
        raise Stop(
            ExitCode.INTERNAL,
            f"this image cannot hand over shards: {'; '.join(problems)}; install discord.py "
            f"{contract.TESTED}, or a version of the bot that was made for this one",
        )

    async def main() -> None:
        await Application(settings).run()

    try:
        asyncio.run(main())
    except Stop:
        raise
    except Exception as error:
        _log.exception("internal error")
        raise Stop(
            ExitCode.INTERNAL,
            f"internal error ({type(error).__name__}); see the log above and report it",
        ) from error
    return int(ExitCode.OK)
