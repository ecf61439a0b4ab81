"""Counting and ``/stats`` as people use them, over a real websocket."""

from __future__ import annotations

import io
from typing import Any

import aiohttp
import asyncpg
import pytest
from PIL import Image

pytestmark = pytest.mark.processes


async def counted(live: Any) -> int:
    connection = await asyncpg.connect(live.database.dsn)
    try:
        query = "SELECT coalesce(sum(messages), 0) FROM vertice.message_count"
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


async def seen(live: Any, until: Any, number: int) -> None:
    counter = live.app.bot.services.counter
    await until(lambda: counter.pending + counter.written >= number)


async def test_stats_show_numbers_rankings_and_a_chart(live: Any, until: Any) -> None:
    nina, marco = live.home.user("nina"), live.home.user("marco")
    other = live.home.channel("bot-commands")
    await live.script.send(live.channel, nina, "hello", count=7)
    await live.script.send(other, marco, "hi", count=3)
    await seen(live, until, 10)
    answer = await live.run("nina", "stats", period="24h")
    assert not answer.ephemeral
    embed = answer.embeds[0]
    assert embed["description"].startswith("**10** messages by **2** members in **2** channels")
    fields = {field["name"]: field["value"] for field in embed["fields"]}
    assert fields["Busiest channels"] == f"`1` <#{live.channel}> · 7\n`2` <#{other}> · 3"
    assert fields["Most active members"] == f"`1` <@{nina}> · 7\n`2` <@{marco}> · 3"
    (attachment,) = answer.message["attachments"]
    assert attachment["filename"] == "activity.png"
    async with aiohttp.ClientSession() as session, session.get(attachment["url"]) as response:
        picture = Image.open(io.BytesIO(await response.read()))
    assert (picture.format, picture.size) == ("PNG", (1100, 550))


async def test_one_channel_only(live: Any, until: Any) -> None:
    nina = live.home.user("nina")
    await live.script.send(live.channel, nina, "hello", count=2)
    await live.script.send(live.home.channel("welcome"), nina, "hello", count=5)
    await seen(live, until, 7)
    answer = await live.run("nina", "stats", period="7d", channel=live.channel)
    text = answer.embeds[0]["description"]
    assert text == f"**2** messages by **1** member in <#{live.channel}>"


async def test_nothing_counted_says_why_and_has_no_picture(live: Any) -> None:
    answer = await live.run("nina", "stats", period="30d")
    assert answer.embeds[0]["description"].startswith("No messages were counted")
    assert not answer.message["attachments"]


async def test_bots_are_not_counted_and_nothing_is_lost_on_shutdown(live: Any, until: Any) -> None:
    nina = live.home.user("nina")
    await live.script.send(live.channel, str(live.app.bot.user.id), "I am a bot", count=2)
    await live.script.send(live.channel, nina, "hello", count=25)
    await seen(live, until, 25)
    await live.stop()
    assert await counted(live) == 25


async def test_a_channel_one_cannot_see_is_neither_shown_nor_answered(
    live: Any, until: Any
) -> None:
    everyone, view = live.home.guild_id, str(1 << 10)
    hidden = await live.script.create_channel(
        live.home.guild_id,
        "hidden",
        overwrites=[
            {"id": everyone, "type": 0, "allow": "0", "deny": view},
            {"id": live.home.roles["Moderator"], "type": 0, "allow": view, "deny": "0"},
            {"id": str(live.app.bot.user.id), "type": 1, "allow": view, "deny": "0"},
        ],
    )
    await live.script.send(hidden["id"], live.home.user("marco"), "psst", count=3)
    await live.script.send(live.channel, live.home.user("nina"), "hello")
    await seen(live, until, 4)
    answer = await live.run("nina", "stats")
    channels = next(f for f in answer.embeds[0]["fields"] if f["name"] == "Busiest channels")
    assert hidden["id"] not in channels["value"]
    answer = await live.run("marco", "stats")
    channels = next(f for f in answer.embeds[0]["fields"] if f["name"] == "Busiest channels")
    assert hidden["id"] in channels["value"]


async def test_without_a_chart_the_numbers_are_there(live: Any, until: Any) -> None:
    live.app.bot.services.painter._limit = 0.0
    await live.script.send(live.channel, live.home.user("nina"), "hello")
    await seen(live, until, 1)
    answer = await live.run("nina", "stats")
    assert answer.embeds[0]["description"].startswith("**1** message")
    assert "could not be drawn" in answer.embeds[0]["footer"]["text"]
    assert not answer.message["attachments"]
