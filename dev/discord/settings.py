"""Every number of the server that a test or a person may want to change, with Discord's value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

StealMode = Literal["steal", "refuse", "refuse_resumable"]
"""What a RESUME meets while the old socket is still open (undocumented by Discord)."""


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    """Limits of the WebSocket side. Times are seconds."""

    heartbeat_interval: float = 41.25
    heartbeat_grace: float = 1.5
    """A connection without a beat for this many intervals is closed with 4009."""
    max_payload_bytes: int = 4096
    sends_per_window: int = 120
    send_window: float = 60.0
    identify_window: float = 5.0
    max_concurrency: int = 1
    identify_budget: int = 1000
    identify_reset: float = 86_400.0
    session_ttl: tuple[float, float] = (45.0, 180.0)
    """A session without a socket lives for a random time in this range."""
    invalid_session_delay: tuple[float, float] = (1.0, 5.0)
    """Discord answers a hopeless RESUME with op 9 after a random time in this range."""
    buffer_events: int = 20_000
    buffer_age: float = 300.0
    max_guilds_per_shard: int = 2500
    outbox_frames: int = 100_000
    on_open_socket: StealMode = "steal"
    pin_codec: bool = False
    """Refuse (op 9) a RESUME that comes with another compression than the IDENTIFY."""


@dataclass(frozen=True, slots=True)
class RestSettings:
    """Limits of the HTTP side. Times are seconds."""

    rate_limits: bool = True
    global_per_second: int = 50
    invalid_limit: int = 10_000
    invalid_window: float = 600.0
    acknowledge_within: float = 3.0
    interaction_token_ttl: float = 900.0
    nonce_window: float = 300.0
    max_body_bytes: int = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the server is started with."""

    gateway: GatewaySettings = field(default_factory=GatewaySettings)
    rest: RestSettings = field(default_factory=RestSettings)
    seed: int = 0
    """Seed of every random choice, so that a failing run can be repeated."""
    public_url: str | None = None
    """Base URL clients reach the server by; else each request's own Host header is used."""
    ledger_limit: int = 300_000
    """Entries kept in memory, about 600 bytes each."""
