"""Rules of Discord and of this project that the assembled command tree keeps."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import discord
import pytest

import vertice_bot.cogs
from vertice_bot.app import Application
from vertice_bot.client import VerticeBot
from vertice_bot.policy.permissions import NEEDS, required_permissions
from vertice_bot.settings import FeatureSettings, Settings

# Discord's documentation, interactions/application-commands, "Naming" and "Limits".
NAME = re.compile(r"^[-_'\w]{1,32}$")
COGS = Path(vertice_bot.cogs.__file__).parent


async def assemble(**features: bool) -> VerticeBot:
    bot = Application(Settings(bot="demo/bot", features=FeatureSettings(**features))).bot
    await bot.setup_hook()
    return bot


@pytest.fixture
async def bot() -> AsyncIterator[VerticeBot]:
    assembled = await assemble()
    yield assembled
    await unload(assembled)


async def unload(bot: VerticeBot) -> None:
    for name in list(bot.cogs):
        await bot.remove_cog(name)


@pytest.fixture
async def payload(bot: VerticeBot) -> list[dict[str, Any]]:
    return await bot.tree.payload()  # type: ignore[attr-defined,no-any-return]


def options(command: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for option in command.get("options", []):
        yield option
        yield from options(option)


def characters(item: dict[str, Any]) -> int:
    own = len(item["name"]) + len(item.get("description", ""))
    choices = sum(
        len(choice["name"]) + len(str(choice["value"])) for choice in item.get("choices", [])
    )
    return own + choices + sum(characters(option) for option in item.get("options", []))


async def test_the_first_commands_are_there(payload: list[dict[str, Any]]) -> None:
    assert [command["name"] for command in payload] == ["about", "cases", "ping", "stats", "warn"]


async def test_names_descriptions_and_counts_are_within_discords_limits(
    payload: list[dict[str, Any]],
) -> None:
    assert len({command["name"] for command in payload}) == len(payload) <= 100
    for command in payload:
        assert characters(command) <= 8000
        assert len(command.get("options", [])) <= 25
        for item in (command, *options(command)):
            assert NAME.fullmatch(item["name"])
            assert item["name"] == item["name"].lower()
            assert 1 <= len(item["description"]) <= 100
            assert item["description"] not in {"…", item["name"]}
            assert len(item.get("choices") or []) <= 25


async def test_required_options_come_first(payload: list[dict[str, Any]]) -> None:
    for command in payload:
        required = [bool(option.get("required")) for option in command.get("options", [])]
        assert required == sorted(required, reverse=True)


async def test_moderation_is_for_moderators_and_nothing_for_administrators(
    payload: list[dict[str, Any]],
) -> None:
    by_name = {command["name"]: command for command in payload}
    moderate = discord.Permissions(moderate_members=True).value
    for name in ("warn", "cases"):
        assert int(by_name[name]["default_member_permissions"]) == moderate
    for command in payload:
        asked = discord.Permissions(int(command.get("default_member_permissions") or 0))
        assert not asked.administrator
    assert not required_permissions(FeatureSettings()).administrator


async def test_what_is_about_a_server_is_offered_only_there(
    payload: list[dict[str, Any]],
) -> None:
    for command in payload:
        only_servers = command["name"] in {"warn", "cases", "stats"}
        assert (command.get("contexts") == [0] or command.get("dm_permission") is False) is (
            only_servers
        )


@pytest.mark.parametrize(
    ("features", "names"),
    [
        ({"moderation": False}, {"about", "ping", "stats"}),
        ({"analytics": False}, {"about", "ping", "warn", "cases"}),
        ({"moderation": False, "analytics": False, "customization": False}, {"about", "ping"}),
    ],
)
async def test_a_feature_that_is_off_has_no_commands(
    features: dict[str, bool], names: set[str]
) -> None:
    bot = await assemble(**features)
    assert {command.name for command in bot.tree.get_commands()} == names
    await unload(bot)


async def test_the_listeners_need_no_more_intents_than_declared(bot: VerticeBot) -> None:
    events = {name for cog in bot.cogs.values() for name, _ in cog.get_listeners()}
    assert events <= {"on_message", "on_ready"}
    assert "guild_messages" in NEEDS["analytics"].intents
    assert not any(
        privileged in needs.intents
        for needs in NEEDS.values()
        for privileged in ("message_content", "members", "presences")
    )


@pytest.mark.parametrize("path", sorted(COGS.rglob("*.py")), ids=lambda path: path.name)
def test_no_cog_touches_sql_or_the_pool(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"asyncpg|db\.pool|\.database\b|\b(SELECT|INSERT|UPDATE) ", source)


@pytest.mark.parametrize("path", sorted(COGS.rglob("*.py")), ids=lambda path: path.name)
def test_every_button_works_on_any_replica(path: Path) -> None:
    """A button of a plain view lives in one process; only links and dynamic items do not."""
    source = path.read_text(encoding="utf-8")
    assert "@discord.ui.button" not in source
    assert "@ui.button" not in source
    for found in re.finditer(r"\bButton\((?P<arguments>[^()]*)\)", source):
        assert "url=" in found["arguments"] or "custom_id=custom_id" in found["arguments"]
