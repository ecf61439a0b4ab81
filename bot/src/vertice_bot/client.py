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
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import discord
import structlog
from discord.ext import commands
from discord.http import Route

from vertice_bot.clock import Clock, boottime
from vertice_bot.commands import CommandTree
from vertice_bot.dispatch_log import DispatchLog
from vertice_bot.effects import Effects
from vertice_bot.gateway.guild_log import Snapshot
from vertice_bot.gateway.identify import GatewayInfo
from vertice_bot.gateway.runner import ShardRunner, ShardState
from vertice_bot.gateway.session import fingerprint
from vertice_bot.gateway.work import CURRENT, EventContext, Work
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


@dataclass(frozen=True)
class Core:
    """What the application hands to the client.

    Attributes
    ----------
    owner:
        Name of this process start.
    epoch:
        Gives the epoch of a shard while its ownership is provable.
    may_start:
        Says whether a handler of an event may start.
    unauthorized:
        Called once Discord refuses the token.
    """

    owner: str
    database: Database | None
    cache: Cache | None
    effects: Effects
    policy: PolicyStore
    metrics: Metrics
    degraded: Degraded
    work: Work
    unauthorized: Callable[[], None]
    epoch: Callable[[int], int | None]
    may_start: Callable[[EventContext], Awaitable[bool]]
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
        # Never as many as shards have begun: readiness is decided by became_ready().
        self._connection.shard_count = settings.shards.count
        self._connection.shard_ids = []
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
        """Refuse: shards are started by the fleet."""
        raise RuntimeError("discord.py's own loop would kill sessions on close; use the fleet")

    def hydrate(self, snapshot: Snapshot) -> None:
        """Fill the cache with what was stored of guilds; no listener is called.

        Synchronous on purpose: while it runs, nothing of any shard is dispatched. Feed large
        snapshots in parts.
        """
        state = self._connection
        dispatch = state.dispatch
        state.dispatch = lambda *_args, **_kwargs: None
        try:
            for guild in snapshot.guilds:
                self._feed("GUILD_CREATE", state._add_guild_from_data, guild)
            for name, data in snapshot.journal:
                self._feed(name, state.parsers[name], data)
        finally:
            state.dispatch = dispatch

    def _feed(self, name: str, parser: Callable[[Any], object], data: Any) -> None:
        try:
            parser(data)
        except Exception:  # noqa: BLE001 - stored by another version perhaps; the guild is then cold
            self.metrics.gateway_poison.labels(event=name).inc()
            _log.exception("stored state cannot be read; skipped", event_name=name)

    def evict(self, shard: int) -> None:
        """Forget everything that belongs to a shard which is somebody else's now."""
        state = self._connection
        for guild in [g for g in state._guilds.values() if g.shard_id == shard]:
            state._remove_guild(guild)
        state.clear_chunk_requests(shard)
        task = state._ready_tasks.pop(shard, None)
        if task is not None:
            task.cancel()
        state._ready_states.pop(shard, None)

    async def on_shard_ready(self, _shard: int) -> None:
        """Become ready with the first shard; those of other replicas are not waited for."""
        self.became_ready()

    def became_ready(self) -> None:
        """Let ``wait_until_ready`` go on: a start that only resumes sessions gets no READY."""
        if not self.is_ready():
            self._connection.call_handlers("ready")
            self.dispatch("ready")

    def fingerprint(self) -> str:
        """Give what a stored session must agree with."""
        return fingerprint(
            token=self.http.token or "",
            intents=self.intents.value,
            shard_count=self.settings.shards.count,
            codec=discord.utils._ActiveDecompressionContext.COMPRESSION_TYPE,
            version=discord.http.INTERNAL_API_VERSION,
            encoding="json",
        )

    async def close(self) -> None:
        """Close everything; no shard's session is killed by it: discord.py knows of none."""
        await asyncio.gather(*(runner.stop() for runner in self.runners.values()))
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

    def dispatch(self, event_name: str, /, *args: Any, **kwargs: Any) -> None:
        """Call listeners; the event about every frame has none, and costs a tenth of a frame."""
        if event_name != "socket_event_type":
            super().dispatch(event_name, *args, **kwargs)

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
        current = CURRENT.get()
        if current is not None:
            # An interaction is answered once by Discord's own rule, also while parked.
            parked_too = event_name.startswith("interaction")
            if not parked_too and not await self.core.may_start(current):
                self.metrics.events_fenced.inc()
                return
            if self.core.dispatch_log is not None:
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
        return {s for s, r in self.runners.items() if r.task is not None and r.task.done()}

    def live(self) -> bool:
        """Whether the session of every shard that is owned here is live."""
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
