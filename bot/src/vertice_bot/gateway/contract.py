"""Private parts of discord.py that this package builds on, checked at each start.

Nothing public exists for them. A version that moved one would fail in the middle of a hand-over;
so the process says so at once, before it takes a shard, and a roll-out stops at its first pod.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import discord
from discord.client import Client
from discord.gateway import DiscordWebSocket, KeepAliveHandler
from discord.http import HTTPClient, Route
from discord.shard import AutoShardedClient
from discord.state import AutoShardedConnectionState, ConnectionState

TESTED = "2.7"

_NAMES: tuple[tuple[type, tuple[str, ...]], ...] = (
    (Client, ("_run_event", "_schedule_event", "_async_setup_hook", "before_identify_hook")),
    (AutoShardedClient, ("_get_websocket",)),
    (DiscordWebSocket, ("from_client", "poll_event", "received_message", "resume", "close")),
    (DiscordWebSocket, ("send_heartbeat", "DEFAULT_GATEWAY")),
    (KeepAliveHandler, ("ack", "get_payload")),
    (ConnectionState, ("_add_guild_from_data", "_remove_guild", "clear_chunk_requests")),
    (ConnectionState, ("call_handlers",)),
    (AutoShardedConnectionState, ("parse_ready", "parse_resumed", "_delay_shard_ready")),
    (HTTPClient, ("ws_connect", "static_login", "request")),
    (Route, ("BASE",)),
)
_ATTRIBUTES = (
    *("parsers", "_guilds", "shard_ids", "shard_count", "_ready_tasks", "_ready_states"),
    *("dispatch", "handlers", "_chunk_requests"),
)
_FROM_CLIENT = {"client", "initial", "shard_id", "session", "sequence", "gateway", "resume"}
_SOURCE: tuple[tuple[object, str, str], ...] = (
    (DiscordWebSocket.from_client, "ws._discord_parsers = client._connection.parsers", "parsers"),
    (DiscordWebSocket.from_client, "await ws.resume()", "a RESUME after HELLO"),
    (DiscordWebSocket.received_message, "self._discord_parsers[event]", "parsers by name"),
    (KeepAliveHandler.ack, "self._last_send", "the time of the last heartbeat"),
)


def problems() -> tuple[str, ...]:
    """Give what is not as expected, in words; empty when this version of discord.py fits."""
    return tuple(_problems())


def _problems() -> Iterator[str]:
    if not discord.__version__.startswith(f"{TESTED}."):
        yield f"discord.py is {discord.__version__}, this bot was made for {TESTED}"
    for owner, names in _NAMES:
        for name in names:
            if not hasattr(owner, name):
                yield f"{owner.__name__}.{name} is gone"
    missing = _FROM_CLIENT - set(inspect.signature(DiscordWebSocket.from_client).parameters)
    if missing:
        yield f"DiscordWebSocket.from_client takes no {', '.join(sorted(missing))}"
    for function, text, what in _SOURCE:
        if text not in inspect.getsource(function):  # type: ignore[arg-type]
            yield f"{getattr(function, '__qualname__', function)} does not use {what}"
    if not hasattr(discord.utils, "_ActiveDecompressionContext"):
        yield "discord.utils._ActiveDecompressionContext is gone"
    intents = discord.Intents(guilds=True)
    state = AutoShardedClient(intents=intents, shard_count=1)._connection
    for name in _ATTRIBUTES:
        if not hasattr(state, name):
            yield f"AutoShardedConnectionState.{name} is gone"
