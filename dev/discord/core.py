"""The parts of one running server, handed to every route."""

from __future__ import annotations

import random
from dataclasses import dataclass

from aiohttp import web

from dev.discord.clock import Clock
from dev.discord.gateway.hub import Hub
from dev.discord.interactions.registry import Interactions
from dev.discord.ledger import Ledger
from dev.discord.rest.nonces import Nonces
from dev.discord.rest.ratelimit import Limiter
from dev.discord.settings import Settings
from dev.discord.snowflake import Snowflakes
from dev.discord.world.state import World


@dataclass(frozen=True, slots=True)
class Core:
    """Everything that lives as long as the server."""

    settings: Settings
    clock: Clock
    world: World
    ledger: Ledger
    hub: Hub
    interactions: Interactions
    limiter: Limiter
    nonces: Nonces


CORE = web.AppKey("core", Core)


def build(settings: Settings, clock: Clock, ledger: Ledger) -> Core:
    """Put an empty server together; every random choice comes from ``settings.seed``."""
    rng = random.Random(settings.seed)  # noqa: S311 -- repeatable on purpose
    world = World(clock, Snowflakes(clock))
    hub = Hub(world, ledger, clock, settings.gateway, rng)
    world.listeners.append(hub.on_event)
    return Core(
        settings=settings,
        clock=clock,
        world=world,
        ledger=ledger,
        hub=hub,
        interactions=Interactions(world, ledger, settings.rest),
        limiter=Limiter(settings.rest, clock),
        nonces=Nonces(settings.rest.nonce_window),
    )
