"""``/warn`` and ``/cases`` as people use them, over a real websocket."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from dev.discord.script import ScriptError

pytestmark = pytest.mark.processes


async def direct_messages(live: Any, user: str) -> list[Any]:
    channel = await live.script.open_direct(live.home.user(user), live.home.bot())
    return list(await live.script.messages(channel))


async def rows(live: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(live.database.dsn)
    try:
        return list(await connection.fetch("SELECT * FROM vertice.moderation_case ORDER BY number"))
    finally:
        await connection.close()


async def test_a_warning_is_a_case_and_a_direct_message(live: Any) -> None:
    nina = live.home.user("nina")
    answer = await live.run("marco", "warn", member=nina, reason="spamming links")
    assert answer.ephemeral
    text = answer.embeds[0]["description"]
    assert text.startswith(f"Case #1: <@{nina}> was warned.")
    assert "direct message" in text
    (row,) = await rows(live)
    assert (row["status"], row["notice"], row["number"]) == ("applied", "sent", 1)
    assert (row["member_id"], row["reason"]) == (int(nina), "spamming links")
    (message,) = await direct_messages(live, "nina")
    assert message["embeds"][0]["title"] == "You were warned in Vértice HQ"
    assert "spamming links" in message["embeds"][0]["description"]


async def test_the_acknowledgement_comes_before_the_first_query(live: Any) -> None:
    """The table is locked, and the acknowledgement does not wait for it."""
    connection = await asyncpg.connect(live.database.dsn)
    lock = connection.transaction()
    await lock.start()
    await connection.execute("LOCK TABLE vertice.case_counter IN ACCESS EXCLUSIVE MODE")
    running = asyncio.create_task(
        live.run("marco", "warn", member=live.home.user("nina"), reason="slow database")
    )
    answer = await asyncio.wait_for(running, 30)
    await lock.rollback()
    await connection.close()
    # The query gives up after lock_timeout, 2 s; whatever waits for it cannot be faster.
    assert answer.acknowledged_after is not None
    assert answer.acknowledged_after < 1.5


async def test_a_public_note_names_the_member_but_not_the_reason(live: Any, until: Any) -> None:
    nina = live.home.user("nina")

    async def notes() -> list[str]:
        messages = await live.script.messages(live.channel)
        return [m["content"] for m in messages if "was warned" in m["content"]]

    async def there() -> bool:
        return bool(await notes())

    await live.run("marco", "warn", member=nina, reason="secret reason", public=True)
    await until(there)
    assert await notes() == [f"⚠️ <@{nina}> was warned by a moderator (case #1)."]


async def test_the_policys_log_channel_gets_an_entry(
    discord: Any, start_bot: Any, tmp_path: Path
) -> None:
    home = await discord.script.home()
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"defaults: {{mod_log_channel: {home.channel('mod-log')}}}")
    live = await start_bot(policy_file=policy)
    await live.run("marco", "warn", member=home.user("nina"), reason="spam")
    (entry,) = (
        message
        for message in await live.script.messages(home.channel("mod-log"))
        if message["embeds"]
    )
    assert entry["embeds"][0]["title"] == "Case #1 · Warning"
    assert entry["embeds"][0]["description"] == "spam"
    values = [field["value"] for field in entry["embeds"][0]["fields"]]
    assert values == [f"<@{home.user('nina')}>", f"<@{home.user('marco')}>", "delivered"]


async def test_a_log_channel_that_is_gone_does_not_stop_a_warning(
    start_bot: Any, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("defaults: {mod_log_channel: 123}")
    live = await start_bot(policy_file=policy)
    answer = await live.run("marco", "warn", member=live.home.user("nina"), reason="spam")
    assert answer.embeds[0]["description"].startswith("Case #1:")
    (row,) = await rows(live)
    assert (row["status"], row["notice"]) == ("applied", "sent")


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("marco", "You cannot warn yourself."),
        ("olivia", "The owner of the server cannot be warned."),
        ("vertice", "I cannot be warned."),
    ],
)
async def test_refusals_say_what_to_do_and_open_no_case(live: Any, target: str, text: str) -> None:
    ids = {**live.home.users, "vertice": str(live.app.bot.user.id)}
    answer = await live.run("marco", "warn", member=ids[target], reason="x")
    shown = answer.content or "".join(item["content"] for item in answer.followups)
    assert text in shown
    assert await rows(live) == []


async def test_a_member_of_the_same_rank_is_refused(live: Any) -> None:
    other = await live.script.join(
        live.home.guild_id, name="otto", roles=[live.home.roles["Moderator"]]
    )
    answer = await live.run("marco", "warn", member=other["user"]["id"], reason="x")
    shown = answer.content or "".join(item["content"] for item in answer.followups)
    assert "has the same highest role as you" in shown
    assert await rows(live) == []


async def test_somebody_who_left_is_refused_with_what_there_is(live: Any) -> None:
    other = await live.script.join(live.home.guild_id, name="otto")
    await live.script.leave(live.home.guild_id, other["user"]["id"])
    answer = await live.run("marco", "warn", member=other["user"]["id"], reason="x")
    shown = answer.content or "".join(item["content"] for item in answer.followups)
    assert "is not in this server" in shown
    assert await rows(live) == []


async def test_members_are_not_offered_the_commands(live: Any) -> None:
    with pytest.raises(ScriptError):
        await live.run("nina", "warn", member=live.home.user("marco"), reason="x")
    with pytest.raises(ScriptError):
        await live.run("nina", "cases")


async def test_cases_are_listed_and_turned_by_buttons(live: Any) -> None:
    nina = live.home.user("nina")
    for number in range(1, 11):
        await live.run("marco", "warn", member=nina, reason=f"reason {number}")
    first = await live.run("marco", "cases")
    assert first.ephemeral
    assert "**#10** Warning" in first.embeds[0]["description"]
    assert "**#3** Warning" in first.embeds[0]["description"]
    assert first.embeds[0]["footer"]["text"] == "Page 1 of 2 · 10 cases"
    newer, older = first.message["components"][0]["components"]
    assert (newer["disabled"], older.get("disabled", False)) == (True, False)
    marco = live.home.user("marco")
    pressed = await live.script.click(live.channel, first.message["id"], marco, older["custom_id"])
    assert pressed.state == "answered"
    messages = {m["id"]: m for m in await live.script.messages(live.channel)}
    second = messages[first.message["id"]]["embeds"][0]
    assert "**#2** Warning" in second["description"]
    assert second["footer"]["text"] == "Page 2 of 2 · 10 cases"


async def test_an_empty_book_says_so(live: Any) -> None:
    answer = await live.run("marco", "cases", member=live.home.user("nina"))
    assert "There are no cases of" in answer.embeds[0]["description"]


async def test_a_button_of_another_process_works(live: Any, start_bot: Any) -> None:
    nina = live.home.user("nina")
    for number in range(9):
        await live.run("marco", "warn", member=nina, reason=f"reason {number}")
    first = await live.run("marco", "cases")
    older = first.message["components"][0]["components"][1]
    await live.stop()
    await start_bot(replica="replica-b")
    pressed = await live.script.click(
        live.channel, first.message["id"], live.home.user("marco"), older["custom_id"]
    )
    assert pressed.state == "answered"
    messages = {m["id"]: m for m in await live.script.messages(live.channel)}
    assert "Page 2 of 2" in messages[first.message["id"]]["embeds"][0]["footer"]["text"]
