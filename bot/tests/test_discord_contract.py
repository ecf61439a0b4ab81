"""Private parts of discord.py that the bot builds on; a new version that changes one is caught."""

from __future__ import annotations

import inspect
from importlib.metadata import version

import discord
import pytest
from discord.client import Client
from discord.gateway import DiscordWebSocket, KeepAliveHandler
from discord.http import HTTPClient, Route
from discord.shard import AutoShardedClient
from discord.state import AutoShardedConnectionState


def parameters(function: object) -> set[str]:
    return set(inspect.signature(function).parameters)  # type: ignore[arg-type]


def test_the_version_is_the_one_that_was_read() -> None:
    major, minor, *_ = version("discord.py").split(".")
    assert (major, minor) == ("2", "7"), "read gateway.py, state.py and shard.py again"


def test_from_client_takes_what_a_resume_needs() -> None:
    needed = {"client", "shard_id", "session", "sequence", "gateway", "resume", "initial"}
    assert needed <= parameters(DiscordWebSocket.from_client)


def test_from_client_hands_over_the_parsers_by_attribute() -> None:
    source = inspect.getsource(DiscordWebSocket.from_client)
    assert "ws._discord_parsers = client._connection.parsers" in source
    assert "await ws.poll_event()" in source


def test_the_latency_counts_from_the_time_that_the_socket_sets() -> None:
    assert "ack_time - self._last_send" in inspect.getsource(KeepAliveHandler.ack)
    assert "send_heartbeat" in inspect.getsource(KeepAliveHandler.run)


def test_received_message_sets_the_sequence_before_it_looks_up_the_parser() -> None:
    source = inspect.getsource(DiscordWebSocket.received_message)
    assert source.index("self.sequence = seq") < source.index("self._discord_parsers[event]")


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (Client, "_run_event"),
        (Client, "_async_setup_hook"),
        (Client, "before_identify_hook"),
        (AutoShardedClient, "_get_websocket"),
        (DiscordWebSocket, "poll_event"),
        (DiscordWebSocket, "close"),
        (AutoShardedConnectionState, "clear"),
        (HTTPClient, "static_login"),
        (Route, "BASE"),
    ],
)
def test_names_exist(owner: type, name: str) -> None:
    assert hasattr(owner, name), f"{owner.__name__}.{name} is gone"


def test_the_client_state_is_the_sharded_one_and_has_what_we_set() -> None:
    client = AutoShardedClient(intents=discord.Intents.none(), shard_count=2)
    state = client._connection
    assert isinstance(state, AutoShardedConnectionState)
    assert state.shard_ids is not None or hasattr(state, "shard_ids")
    assert state.shard_count == 2


def test_close_codes_that_kill_a_session_are_never_the_default() -> None:
    assert inspect.signature(DiscordWebSocket.close).parameters["code"].default == 4000


def test_nonces_are_enforced() -> None:
    from discord.http import handle_message_parameters

    payload = handle_message_parameters(content="x", nonce="abc").payload
    assert payload is not None
    assert payload["enforce_nonce"] is True
