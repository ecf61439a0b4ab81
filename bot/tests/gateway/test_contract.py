"""The check at the start: a discord.py that moved something is named, not found out later."""

from __future__ import annotations

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.state import ConnectionState

from vertice_bot.gateway import contract


def test_the_installed_version_fits() -> None:
    assert contract.problems() == ()


def test_a_name_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(ConnectionState, "_add_guild_from_data")
    assert contract.problems() == ("ConnectionState._add_guild_from_data is gone",)


def test_another_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discord, "__version__", "2.8.0")
    assert "2.8.0" in contract.problems()[0]


def test_another_way_of_connecting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async def from_client(client: object) -> None:
        """Take nothing of what is needed."""

    monkeypatch.setattr(DiscordWebSocket, "from_client", from_client)
    found = contract.problems()
    assert any("takes no gateway, initial" in text for text in found)
