"""The Discord client: discord.py's bot without its connection loop.

Shards are run by :class:`~vertice_bot.gateway.runner.ShardRunner`, and only while this replica owns
the lease. A standby is logged in to REST and has no connection to the gateway.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import json
import math
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import discord
import structlog
from discord.ext import commands
from discord.http import Route

from vertice_bot.clock import Clock, boottime
from vertice_bot.commands import CommandTree
from vertice_bot.dispatch_log import DispatchLog
from vertice_bot.effects import Effects
from vertice_bot.gateway.identify import GatewayInfo, IdentifyTurns
from vertice_bot.gateway.runner import RunnerParts, ShardRunner, ShardState
from vertice_bot.gateway.work import CURRENT, Work
from vertice_bot.policy import PolicyStore
from vertice_bot.settings import Settings
from vertice_bot.telemetry.degraded import Degraded
from vertice_bot.telemetry.http import trace_config
from vertice_bot.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from vertice_bot.cache.client import Cache
    from vertice_bot.db.pool import Database
    from vertice_bot.services import Services

# Voice is out of scope; without this each start warns of two missing libraries.
discord.VoiceClient.warn_nacl = False
discord.VoiceClient.warn_dave = False
_log = structlog.get_logger(__name__)
_FEATURE_COGS = "vertice_bot.cogs"


class Ownership(Protocol):
    """What the client needs to know of the lease."""

    def epoch(self) -> int | None:
        """Give the epoch while ownership is provable, else None."""
        ...


@dataclass(frozen=True)
class Core:
    """What the application hands to the client.

    Attributes
    ----------
    owner:
        Name of this process start.
    unauthorized:
        Called once Discord refuses the token.
    """

    owner: str
    database: Database | None
    cache: Cache | None
    effects: Effects
    ownership: Ownership
    policy: PolicyStore
    metrics: Metrics
    degraded: Degraded
    work: Work
    unauthorized: Callable[[], None]
    dispatch_log: DispatchLog | None = None
    clock: Clock = boottime


class VerticeBot(commands.AutoShardedBot):
    """The bot.

    Attributes
    ----------
    settings, effects, policy, metrics, degraded, database, cache:
        Parts of the application, for services and cogs.
    services:
        Set in :meth:`setup_hook`.
    """

    services: Services

    def __init__(self, settings: Settings, core: Core) -> None:
        if settings.discord.api_base:
            Route.BASE = settings.discord.api_base
        intents = settings.discord.build_intents()
        super().__init__(
            command_prefix=(),
            help_command=None,
            tree_cls=CommandTree,
            intents=intents,
            **_application_id(settings),
            shard_count=settings.shards.count,
            max_messages=None,
            chunk_guilds_at_startup=False,
            member_cache_flags=_member_cache(intents),
            allowed_mentions=discord.AllowedMentions(everyone=False, roles=False),
            http_trace=trace_config(core.metrics, core.unauthorized),
        )
        self.settings = settings
        self.core = core
        self.database = core.database
        self.cache = core.cache
        self.effects = core.effects
        self.policy = core.policy
        self.metrics = core.metrics
        self.degraded = core.degraded
        self.runners: dict[int, ShardRunner] = {}
        self._runner_tasks: dict[int, asyncio.Task[None]] = {}
        self._turns = IdentifyTurns(core.clock)
        self._loaded: set[str] = set()
        self._commands_digest: str | None = None

    # Start and stop.

    async def setup_hook(self) -> None:
        """Build the services and load the cogs whose feature is on; safe to run again."""
        services = importlib.import_module("vertice_bot.services")
        if not hasattr(self, "services"):
            self.services = services.build_services(
                bot=self.settings.bot,
                owner=self.core.owner,
                store=self.database,
                effects=self.effects,
                metrics=self.metrics,
                degraded=self.degraded,
            )
        cogs = importlib.import_module(_FEATURE_COGS)
        for name in cogs.EXTENSIONS:
            if name not in self._loaded and self._wanted(name):
                await self.load_extension(name)
                self._loaded.add(name)

    def _wanted(self, extension: str) -> bool:
        """Whether the feature that a cog's module names in FEATURE, if any, is on."""
        feature = getattr(importlib.import_module(extension), "FEATURE", None)
        return feature is None or bool(getattr(self.settings.features, feature))

    async def connect(self, *, reconnect: bool = True) -> None:
        """Refuse: shards are started by :meth:`activate`."""
        raise RuntimeError("use activate(); discord.py's own loop would kill sessions on close")

    def activate(
        self, failed: Callable[[BaseException], None], identified: Callable[[int], None]
    ) -> None:
        """Connect all shards; call it once the lease is held.

        Parameters
        ----------
        failed:
            Gets the exception when a shard ends for good.
        identified:
            Gets the shard when Discord has begun a new session.
        """
        state = self._connection
        state.shard_count = self.settings.shards.count
        state.shard_ids = list(range(self.settings.shards.count))
        parts = RunnerParts(
            client=self,
            epoch=self.core.ownership.epoch,
            gateway_info=self.gateway_info,
            gateway_url=self.settings.discord.gateway_url,
            turns=self._turns,
            metrics=self.metrics,
            clock=self.core.clock,
            identified=identified,
        )
        for shard in state.shard_ids:
            runner = ShardRunner(shard, parts)
            self.runners[shard] = runner
            self.metrics.shard_owned.labels(shard=str(shard)).set(1)
            task = asyncio.create_task(runner.run(), name=f"shard-{shard}")
            task.add_done_callback(lambda done: _report(done, failed))
            self._runner_tasks[shard] = task

    async def deactivate(self) -> None:
        """Close all shards with a code that keeps their sessions, and forget the guilds."""
        await self.disconnect_shards()
        self.runners.clear()
        user = self._connection.user
        self._connection.clear(views=False)
        self._connection.user = user
        self._connection.shard_ids = []

    async def disconnect_shards(self) -> None:
        """Stop reading events; the cache stays, so that handlers under way can end."""
        tasks = list(self._runner_tasks.values())
        self._runner_tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*(runner.stop() for runner in self.runners.values()))
        await asyncio.gather(*tasks, return_exceptions=True)
        for shard in self.runners:
            self.metrics.shard_owned.labels(shard=str(shard)).set(0)
            self.metrics.shard_ready.labels(shard=str(shard)).set(0)

    def show_owned(self, owned: bool) -> None:
        """Set the metric of ownership; a parked shard may be another replica's already."""
        for shard in self.runners:
            self.metrics.shard_owned.labels(shard=str(shard)).set(int(owned))

    def unpark(self) -> None:
        """Deliver events that were held back while the lease could not be renewed."""
        for runner in self.runners.values():
            runner.unpark()

    async def close(self) -> None:
        """Close everything; no shard's session is killed by it."""
        await self.disconnect_shards()
        if self.loop is not discord.client._loop:
            await super().close()

    # What discord.py asks for in the place of its own shard table.

    def _get_websocket(
        self, guild_id: int | None = None, *, shard_id: int | None = None
    ) -> discord.gateway.DiscordWebSocket:
        if shard_id is None:
            shard_id = ((guild_id or 0) >> 22) % self.settings.shards.count
        runner = self.runners.get(shard_id)
        if runner is None or runner.ws is None:
            raise discord.ClientException(f"shard {shard_id} is not connected here")
        return runner.ws

    @property
    def latencies(self) -> list[tuple[int, float]]:
        """Heartbeat round trips in seconds, of shards that are connected here."""
        return [(s, r.ws.latency) for s, r in sorted(self.runners.items()) if r.ws is not None]

    @property
    def latency(self) -> float:
        """Mean of :attr:`latencies`; not a number without any."""
        known = [value for _, value in self.latencies if math.isfinite(value)]
        return sum(known) / len(known) if known else math.nan

    @property
    def shards(self) -> Mapping[int, Any]:  # type: ignore[override]
        """Runners by shard id; there is nothing to disconnect or reconnect by hand."""
        return self.runners

    def get_shard(self, shard_id: int, /) -> Any:
        """Give the runner of a shard, or None."""
        return self.runners.get(shard_id)

    def is_ws_ratelimited(self) -> bool:
        """Whether any connected shard has used up its sends of this minute."""
        return any(r.ws.is_ratelimited() for r in self.runners.values() if r.ws is not None)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Do nothing: the turn was taken before the socket was opened."""

    async def change_presence(
        self,
        *,
        activity: discord.BaseActivity | None = None,
        status: discord.Status | None = None,
        shard_id: int | None = None,
    ) -> None:
        """Set the presence on one or all connected shards."""
        chosen = [self.runners[shard_id]] if shard_id is not None else self.runners.values()
        for runner in chosen:
            if runner.ws is not None:
                await runner.ws.change_presence(
                    activity=activity, status=str(status) if status else "online"
                )

    async def gateway_info(self) -> GatewayInfo:
        """Ask Discord for its gateway and today's IDENTIFY budget."""
        data = await self.http.request(Route("GET", "/gateway/bot"))
        limit = data["session_start_limit"]
        info = GatewayInfo(
            url=data["url"],
            recommended_shards=int(data["shards"]),
            total=int(limit["total"]),
            remaining=int(limit["remaining"]),
            reset_after=int(limit["reset_after"]) / 1000,
            max_concurrency=int(limit.get("max_concurrency", 1)),
        )
        self.metrics.gateway_identify_remaining.set(info.remaining)
        self.identify_remaining = info.remaining
        self.recommended_shards = info.recommended_shards
        if info.low:
            self.degraded.set("identify", "BudgetLow")
        else:
            self.degraded.clear("identify")
        return info

    identify_remaining: int | None = None
    recommended_shards: int | None = None

    # Handlers.

    def _schedule_event(
        self,
        coro: Callable[..., Coroutine[Any, Any, Any]],
        event_name: str,
        *args: Any,
        **kwargs: Any,
    ) -> asyncio.Task[Any]:
        if event_name == "on_message" and coro == self.on_message:
            # The library's own listener looks for prefix commands, of which there are none.
            return cast("asyncio.Task[Any]", None)
        return super()._schedule_event(coro, event_name, *args, **kwargs)

    async def _run_event(
        self,
        coro: Callable[..., Coroutine[Any, Any, Any]],
        event_name: str,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if self.core.dispatch_log is not None and CURRENT.get() is not None:
            self.log_start(event_key(args), _handler_name(coro))
        await super()._run_event(coro, event_name, *args, **kwargs)

    def log_start(self, key: str | None, handler: str) -> None:
        """Add a row to the dispatch log, if it is on."""
        current = CURRENT.get()
        if self.core.dispatch_log is None or current is None:
            return
        key = key or f"{current.session}:{current.sequence}"
        self.core.dispatch_log.add(key, handler, current.epoch)

    async def on_app_command_completion(
        self,
        interaction: discord.Interaction[VerticeBot],
        command: discord.app_commands.Command[Any, ..., Any] | discord.app_commands.ContextMenu,
    ) -> None:
        """Count a command that ended well."""
        cast("CommandTree", self.tree).succeeded(interaction, command.qualified_name)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        """Log an exception of a listener; the others go on."""
        name = event_method.removeprefix("on_")
        self.metrics.handler_errors.labels(event=name).inc()
        _log.exception("listener failed", event_name=name)

    # Commands.

    async def sync_commands(self) -> bool:
        """Tell Discord about the commands if they changed, or if Discord has lost them.

        Returns
        -------
        bool
            Whether they were sent.
        """
        tree = cast("CommandTree", self.tree)
        payload = await tree.payload()
        digest = hashlib.sha256(
            json.dumps(payload, sort_keys=True, default=str).encode()
        ).hexdigest()
        digest = f"{self.application_id}:{digest}"
        if await self._sent_commands() == digest and await self._registered(payload):
            return False
        await tree.sync()
        _log.info("commands synced", count=len(payload))
        await self._remember_commands(digest)
        return True

    async def _sent_commands(self) -> str | None:
        """Give the digest of what was sent last, by any replica where there is a database."""
        if self.database is None:
            return self._commands_digest
        known: str | None = await self.database.fetchval(
            "SELECT value FROM vertice.kv WHERE bot = $1 AND key = 'commands'",
            self.settings.bot,
        )
        return known

    async def _remember_commands(self, digest: str) -> None:
        self._commands_digest = digest
        if self.database is not None:
            await self.database.execute(
                "INSERT INTO vertice.kv (bot, key, value) VALUES ($1, 'commands', $2) "
                "ON CONFLICT (bot, key) DO UPDATE SET value = $2, updated_at = now()",
                self.settings.bot,
                digest,
            )

    async def _registered(self, payload: list[dict[str, Any]]) -> bool:
        """Ask Discord whether it has them all; it may have been emptied by hand or restarted."""
        found = await self.http.get_global_commands(cast("int", self.application_id))
        there = {(item.get("type", 1), item["name"]) for item in found}
        return {(item.get("type", 1), item["name"]) for item in payload} <= there

    def dead_shards(self) -> set[int]:
        """Give shards whose task has ended although they are owned."""
        return {shard for shard, task in self._runner_tasks.items() if task.done()}

    def live(self) -> bool:
        """Whether every shard's session is live."""
        return bool(self.runners) and all(
            runner.state is ShardState.LIVE for runner in self.runners.values()
        )


def event_key(args: tuple[Any, ...]) -> str | None:
    """Give the id of what an event is about, when it names one moment and not a lasting thing."""
    first = args[0] if args else None
    if isinstance(first, (discord.Message, discord.Interaction, discord.AuditLogEntry)):
        return str(first.id)
    return None


def _application_id(settings: Settings) -> dict[str, Any]:
    # Absent and None differ for discord.py: absent means "ask Discord at login".
    known = settings.discord.application_id
    return {} if known is None else {"application_id": known}


def _handler_name(coro: Callable[..., Any]) -> str:
    module = getattr(coro, "__module__", "")
    return f"{module}.{getattr(coro, '__qualname__', repr(coro))}"


def _member_cache(intents: discord.Intents) -> discord.MemberCacheFlags:
    flags = discord.MemberCacheFlags.none()
    if intents.members and intents.voice_states:
        flags.voice = True
    return flags


def _report(task: asyncio.Task[None], failed: Callable[[BaseException], None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        failed(error)
