"""Fixtures: a local Discord of a test's own, on an ephemeral port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from dev.discord.server import Options
from dev.discord.thread import DiscordThread

StartDiscord = Callable[[Options], Awaitable[DiscordThread]]


@pytest.fixture
async def discord() -> AsyncIterator[DiscordThread]:
    """Return a running local Discord with the seeded guild and Discord's own limits.

    It has ``api_base``, ``gateway_url``, ``page_url``, ``token`` and ``script``.
    """
    async with DiscordThread() as running:
        yield running


@pytest.fixture
async def start_discord() -> AsyncIterator[StartDiscord]:
    """Return a function that starts a local Discord with options; all are stopped afterwards."""
    async with AsyncExitStack() as stack:

        async def start(options: Options) -> DiscordThread:
            return await stack.enter_async_context(DiscordThread(options))

        yield start
