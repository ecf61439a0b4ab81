"""Stock discord.py as the judge: only its two address attributes are changed."""

import datetime
import io
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import discord as discordpy
import pytest
from discord import app_commands

from dev.discord.gateway.replay import Frame, ReplayBuffer
from dev.discord.gateway.session import Session, Socket
from dev.discord.judge import Running, StockBot, pointed_at, run
from dev.discord.script import Home, Script
from dev.discord.server import Options
from dev.discord.settings import GatewaySettings, RestSettings, Settings
from dev.discord.thread import DiscordThread
from dev.discord.verdict import Verdict, judge
from dev.testing.discord import StartDiscord

pytestmark = pytest.mark.processes

QUICK = Options(
    settings=Settings(gateway=GatewaySettings(invalid_session_delay=(0.05, 0.1), identify_window=0))
)
StartBot = Callable[..., Running]


@pytest.fixture
async def server() -> AsyncIterator[DiscordThread]:
    async with DiscordThread(QUICK) as running:
        yield running


@pytest.fixture
async def start_bot(server: DiscordThread) -> AsyncIterator[StartBot]:
    async with AsyncExitStack() as stack:
        stack.enter_context(pointed_at(server.api_base, server.gateway_url))

        def start(**options: object) -> Running:
            running = run(StockBot(**options), server.token)  # type: ignore[arg-type]
            stack.push_async_callback(running.stop)
            return running

        yield start


async def ready(script: Script, running: Running) -> None:
    async def probe() -> bool:
        if running.task.done():
            running.task.result()
        return running.bot.seen.ready > 0

    await script.until(probe, "READY", within=20)


async def seen(script: Script, running: Running, message_id: str, within: float = 20) -> None:
    async def probe() -> bool:
        return message_id in running.bot.seen.messages

    await script.until(probe, f"message {message_id}", within=within)


async def say(script: Script, home: Home, text: str, count: int = 1) -> list[str]:
    shown = await script.send(home.channel("general"), home.user("nina"), text, count=count)
    return list(shown["ids"])


async def resumed(script: Script, count: int) -> None:
    async def probe() -> bool:
        return len(await script.ledger("resume", accepted=True)) >= count

    await script.until(probe, f"{count} accepted RESUMEs", within=20)


async def test_logs_in_and_receives_messages(server: DiscordThread, start_bot: StartBot) -> None:
    script = server.script
    home = await script.home()
    running = start_bot()
    await ready(script, running)
    (first,) = await say(script, home, "good morning")
    await seen(script, running, first)
    assert running.bot.seen.contents[first] == "good morning"
    guild = running.bot.get_guild(int(home.guild_id))
    assert guild is not None
    assert guild.owner_id == int(home.owner_id)
    assert {channel.name for channel in guild.text_channels} == set(home.channels)


async def cut_scenario(script: Script, running: Running, *, rounds: int = 2) -> Verdict:
    """Cut the connection in the middle of traffic, some events sent before, while and after."""
    home = await script.home()
    await ready(script, running)
    sent = await say(script, home, "before", 20)
    await seen(script, running, sent[-1])
    for number in range(rounds):
        sent += await say(script, home, "right before the cut", 20)
        await script.cut(mid_frame=bool(number % 2))
        sent += await say(script, home, "while away", 10)
        await resumed(script, number + 1)
        sent += await say(script, home, "after", 5)
    last = (await say(script, home, "the end"))[0]
    await seen(script, running, last)
    # RESUMED is the last frame of the replay, and the client has handled frames after it.
    return judge(await script.ledger("resume"), [*sent, last], running.bot.seen)


async def test_resumes_after_tcp_cuts_with_nothing_lost_or_doubled(
    server: DiscordThread, start_bot: StartBot
) -> None:
    verdict = await cut_scenario(server.script, start_bot())
    assert verdict.clean, verdict
    assert verdict.resumes == 2
    assert len(await server.script.ledger("identify")) == 1
    replayed = [item["replayed"] for item in await server.script.ledger("resume")]
    assert all(count >= 10 for count in replayed), replayed


async def test_judge_sees_an_off_by_one_that_repeats(
    server: DiscordThread, start_bot: StartBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = ReplayBuffer.after
    monkeypatch.setattr(ReplayBuffer, "after", lambda self, seq: honest(self, seq - 1))
    verdict = await cut_scenario(server.script, start_bot(), rounds=1)
    assert verdict.doubled
    assert not verdict.clean


async def test_judge_sees_an_off_by_one_that_loses(
    server: DiscordThread, start_bot: StartBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = ReplayBuffer.after
    monkeypatch.setattr(ReplayBuffer, "after", lambda self, seq: (honest(self, seq) or ())[1:])
    verdict = await cut_scenario(server.script, start_bot(), rounds=1)
    assert verdict.lost
    assert not verdict.clean


async def test_judge_sees_a_replay_without_resumed(
    server: DiscordThread, start_bot: StartBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(self: Session, socket: Socket, frames: tuple[Frame, ...], now: float) -> None:
        for frame in frames:
            socket.push(frame, replay=True)

    monkeypatch.setattr(Session, "replay_to", silent)
    verdict = await cut_scenario(server.script, start_bot(), rounds=1)
    assert verdict.resumed_seen == 0
    assert not verdict.clean


async def test_op_7_resumes_and_keeps_the_session(
    server: DiscordThread, start_bot: StartBot
) -> None:
    script = server.script
    home = await script.home()
    running = start_bot()
    await ready(script, running)
    (before,) = await script.sessions()
    assert await script.reconnect() == 1
    await resumed(script, 1)
    (after,) = await script.wait_connected()
    assert after["id"] == before["id"]
    (last,) = await say(script, home, "still here")
    await seen(script, running, last)


async def test_op_9_makes_it_identify_again(server: DiscordThread, start_bot: StartBot) -> None:
    script = server.script
    home = await script.home()
    running = start_bot()
    await ready(script, running)
    (before,) = await script.sessions()
    assert await script.invalidate(resumable=False) == 1

    async def renewed() -> bool:
        found = await script.sessions()
        return any(item["connected"] and item["id"] != before["id"] for item in found)

    await script.until(renewed, "a new session", within=20)
    assert len(await script.ledger("identify", accepted=True)) == 2
    assert await script.ledger("resume") == []
    (last,) = await say(script, home, "new session")
    await seen(script, running, last)


async def test_an_expired_session_costs_one_identify(
    server: DiscordThread, start_bot: StartBot
) -> None:
    script = server.script
    running = start_bot()
    await ready(script, running)
    await script.expire()

    async def twice() -> bool:
        return len(await script.ledger("identify", accepted=True)) == 2

    await script.until(twice, "the second IDENTIFY", within=20)


async def test_two_shards_get_their_own_guilds(server: DiscordThread, start_bot: StartBot) -> None:
    script = server.script
    home = await script.home()
    # Ids whose shard of two is chosen: bit 22 decides.
    even = await script.create_guild("even", id=str(1 << 23))
    odd = await script.create_guild("odd", id=str((1 << 23) | (1 << 22)))
    running = start_bot(shard_count=2)
    await ready(script, running)
    for made in (even, odd):
        shown = await script.send(made["channel_id"], home.owner_id, "hello")
        await seen(script, running, shown["id"])
    shards = {
        (item["shard"], item["event_id"])
        for item in await script.ledger("dispatch", event="MESSAGE_CREATE")
    }
    assert {shard for shard, _ in shards} == {0, 1}
    assert len(shards) == 2
    found = [running.bot.get_guild(int(made["id"])) for made in (even, odd)]
    assert [guild.shard_id for guild in found if guild] == [0, 1]


async def test_runs_a_slash_command_with_deferred_answer_and_file(
    server: DiscordThread, start_bot: StartBot
) -> None:
    script = server.script
    home = await script.home()
    running = start_bot()

    @running.bot.tree.command(description="Shows a member")
    async def show(
        interaction: discordpy.Interaction,
        who: discordpy.Member,
        times: app_commands.Range[int, 1, 5] = 2,
    ) -> None:
        await interaction.response.defer(thinking=True)
        file = discordpy.File(io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"\0" * 32), "chart.png")
        embed = discordpy.Embed(title=who.display_name).set_image(url="attachment://chart.png")
        await interaction.followup.send("!" * times, embed=embed, file=file)
        await interaction.followup.send("only for you", ephemeral=True)

    await ready(script, running)
    answer = await script.run_command(
        home.channel("general"), home.user("nina"), "show", {"who": home.user("marco"), "times": 3}
    )
    assert answer.state == "answered"
    assert answer.content == "!!!"
    assert answer.message is not None
    (attachment,) = answer.message["attachments"]
    (embed,) = answer.embeds
    assert embed["title"] == "Marco"
    assert embed["image"]["url"] == attachment["url"]
    async with running.bot.http._HTTPClient__session.get(attachment["url"]) as response:
        assert response.headers["Content-Type"] == "image/png"
        assert (await response.read()).startswith(b"\x89PNG")

    async def more() -> bool:
        shown = await script.interaction(answer.id)
        return [item["content"] for item in shown.followups] == ["only for you"]

    await script.until(more, "the follow-up")
    steps = [item["what"] for item in await script.ledger("interaction", id=answer.id)]
    assert steps == ["created", "deferred", "answered", "followup"]


async def test_a_command_in_a_direct_message(server: DiscordThread, start_bot: StartBot) -> None:
    script = server.script
    home = await script.home()
    running = start_bot()

    @running.bot.tree.command(description="Says who is asking")
    async def whoami(interaction: discordpy.Interaction) -> None:
        assert isinstance(interaction.channel, discordpy.DMChannel)
        asking = interaction.channel.recipient
        await interaction.response.send_message(f"{asking} {interaction.guild}")
        await interaction.user.send("and by the way")

    await ready(script, running)
    direct = await script.open_direct(home.user("nina"), home.bot())
    answer = await script.run_command(direct, home.user("nina"), "whoami")
    assert answer.content == "nina None"

    async def second() -> bool:
        return [item["content"] for item in await script.messages(direct)][1:] == ["and by the way"]

    await script.until(second, "the direct message")


async def test_a_second_acknowledgement_is_refused(
    server: DiscordThread, start_bot: StartBot
) -> None:
    script = server.script
    home = await script.home()
    running = start_bot()
    refusals: list[int] = []

    @running.bot.tree.command(description="Answers twice")
    async def twice(interaction: discordpy.Interaction) -> None:
        await interaction.response.send_message("one")
        interaction.response._response_type = None  # as if another replica had answered
        try:
            await interaction.response.send_message("two")
        except discordpy.HTTPException as error:
            refusals.append(error.code)

    await ready(script, running)
    answer = await script.run_command(home.channel("general"), home.user("nina"), "twice")
    assert answer.content == "one"

    async def refused() -> bool:
        return bool(refusals)

    await script.until(refused, "the refusal")
    assert refusals == [40060]


async def test_an_answer_after_the_deadline_is_unknown(start_discord: StartDiscord) -> None:
    settings = Settings(rest=RestSettings(acknowledge_within=0.1))
    late = await start_discord(Options(settings=settings))
    codes: list[int] = []
    with pointed_at(late.api_base, late.gateway_url):
        bot = StockBot()

        @bot.tree.command(description="Too slow")
        async def slow(interaction: discordpy.Interaction) -> None:
            async def failed() -> bool:
                return bool(await late.script.ledger("interaction", what="failed"))

            await late.script.until(failed, "the deadline")
            try:
                await interaction.response.send_message("sorry")
            except discordpy.NotFound as error:
                codes.append(error.code)

        running = run(bot, late.token)
        await ready(late.script, running)
        home = await late.script.home()
        answer = await late.script.run_command(home.channel("general"), home.user("nina"), "slow")
        assert answer.state == "failed"

        async def told() -> bool:
            return bool(codes)

        await late.script.until(told, "the error")
        assert codes == [10062]
        await running.stop()


async def test_moderation_reaches_the_world(server: DiscordThread, start_bot: StartBot) -> None:
    script = server.script
    home = await script.home()
    running = start_bot()
    await ready(script, running)
    guild = running.bot.get_guild(int(home.guild_id))
    assert guild is not None
    nina = await guild.fetch_member(int(home.user("nina")))
    await nina.timeout(discordpy.utils.utcnow() + datetime.timedelta(minutes=5), reason="café")
    with pytest.raises(discordpy.Forbidden) as refusal:
        await (await guild.fetch_member(int(home.owner_id))).kick()
    assert refusal.value.code == 50013
    await guild.ban(discordpy.Object(nina.id), reason="spam")
    effects = await script.ledger("effect")
    acts = [
        (item["what"], item["reason"]) for item in effects if item["what"] in ("member_edit", "ban")
    ]
    assert acts == [("member_edit", "café"), ("ban", "spam")]
    assert home.user("nina") not in str(
        (await script._call("GET", "/world"))["guilds"][0]["members"]
    )


async def test_a_refused_token_is_a_login_failure(server: DiscordThread) -> None:
    with pointed_at(server.api_base, server.gateway_url):
        running = run(StockBot(), "wrong")
        with pytest.raises(discordpy.LoginFailure):
            await running.task
        await running.bot.close()


async def test_a_missing_privileged_intent_closes_with_4014(
    server: DiscordThread, start_bot: StartBot
) -> None:
    home = await server.script.home()
    await server.script.edit_bot(home.bot(), privileged=0)
    with pointed_at(server.api_base, server.gateway_url):
        running = run(StockBot(), server.token)
        with pytest.raises(discordpy.PrivilegedIntentsRequired):
            await running.task
        await running.bot.close()
