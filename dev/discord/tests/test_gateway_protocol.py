"""The gateway's protocol, by a client that does exactly what it is told."""

from dataclasses import replace

import aiohttp
import pytest

from dev.discord.gateway.intents import Intents
from dev.discord.gateway.opcodes import Op
from dev.discord.raw import DEFAULT_INTENTS, Closed, RawGateway
from dev.discord.server import Options
from dev.discord.settings import GatewaySettings, Settings
from dev.discord.thread import DiscordThread
from dev.discord.wire import Json
from dev.testing.discord import StartDiscord

QUICK = GatewaySettings(identify_window=0.0, invalid_session_delay=(0.01, 0.02))


def options(**changes: object) -> Options:
    return Options(settings=Settings(gateway=replace(QUICK, **changes)))  # type: ignore[arg-type]


async def say(server: DiscordThread, text: str = "hello", count: int = 1) -> list[str]:
    home = await server.script.home()
    sent = await server.script.send(home.channel("general"), home.user("nina"), text, count=count)
    return list(sent["ids"])


@pytest.fixture
async def server(start_discord: StartDiscord) -> DiscordThread:
    return await start_discord(options())


def client(server: DiscordThread, **options: str) -> RawGateway:
    return RawGateway(server.gateway_url, **options)


# ---------------------------------------------------------------------- the good path


async def test_hello_ready_guild_create(server: DiscordThread) -> None:
    async with client(server) as raw:
        ready = await raw.identify(server.token)
        assert ready["resume_gateway_url"].startswith(server.gateway_url)
        assert ready["guilds"][0]["unavailable"] is True
        (created,) = await raw.until("GUILD_CREATE")
        assert created["s"] == 2
        # Without GUILD_PRESENCES only the bot itself is in the member list.
        assert [m["user"]["bot"] for m in created["d"]["members"]] == [True]
        assert created["d"]["member_count"] == 4


@pytest.mark.parametrize("compress", [None, "zlib-stream", "zstd-stream"])
async def test_every_codec_carries_the_same_stream(
    server: DiscordThread, compress: str | None
) -> None:
    async with RawGateway(server.gateway_url, compress=compress) as raw:
        await raw.identify(server.token)
        sent = await say(server, "áé" * 400, count=20)
        got = [await raw.until("MESSAGE_CREATE") for _ in sent]
        assert [items[-1]["d"]["id"] for items in got] == sent


async def test_heartbeats_are_answered_and_asked_for(server: DiscordThread) -> None:
    async with client(server) as raw:
        await raw.identify(server.token)
        await raw.send(Op.HEARTBEAT, raw.seq)
        await raw.op(Op.HEARTBEAT_ACK)
        assert await server.script.ask_heartbeat() == 1
        await raw.op(Op.HEARTBEAT)


async def test_a_withheld_ack_makes_a_zombie(server: DiscordThread) -> None:
    async with client(server) as raw:
        await raw.identify(server.token)
        await server.script.faults(withhold_acks=True)
        await raw.send(Op.HEARTBEAT, raw.seq)
        sent = await say(server)
        items = await raw.until("MESSAGE_CREATE")
        assert items[-1]["d"]["id"] == sent[0]
        assert Op.HEARTBEAT_ACK not in [item["op"] for item in items]


async def test_no_heartbeat_closes_with_4009_and_keeps_the_session(
    start_discord: StartDiscord,
) -> None:
    server = await start_discord(options(heartbeat_interval=0.1))
    async with client(server) as raw:
        await raw.identify(server.token)
        assert await raw.closed() == 4009
        (session,) = await server.script.sessions()
        assert not session["connected"]


async def test_request_guild_members(server: DiscordThread) -> None:
    home = await server.script.home()
    async with client(server) as raw:
        await raw.identify(server.token)
        asked = {"guild_id": home.guild_id, "query": "", "limit": 0, "nonce": "n1"}
        await raw.send(Op.REQUEST_GUILD_MEMBERS, asked)
        chunk = (await raw.until("GUILD_MEMBERS_CHUNK"))[-1]["d"]
        assert chunk["nonce"] == "n1"
        assert {m["user"]["username"] for m in chunk["members"]} == {
            "olivia",
            "marco",
            "nina",
            "vertice",
        }


# ---------------------------------------------------------------------- RESUME


async def dropped(server: DiscordThread, code: int = 4000) -> RawGateway:
    """Return a client that had a session and closed it with ``code``."""
    raw = client(server)
    async with raw:
        await raw.identify(server.token)
        await raw.until("GUILD_CREATE")
        await raw.close(code)

    async def noticed() -> bool:
        return not any(item["connected"] for item in await server.script.sessions())

    await server.script.until(noticed, "the server to notice")
    return raw


async def test_replay_is_exact_and_ends_in_resumed(server: DiscordThread) -> None:
    old = await dropped(server)
    sent = await say(server, count=7)
    async with RawGateway(old.resume_url) as raw:
        await raw.resume(server.token, old.session_id, old.seq)
        items = await raw.until("RESUMED")
        assert [item["d"]["id"] for item in items[:-1]] == sent
        assert [item["s"] for item in items] == list(range(old.seq + 1, old.seq + 9))
        written = await server.script.ledger("write", session=old.session_id, replay=True)
        assert [item["seq"] for item in written] == list(range(old.seq + 1, old.seq + 8))
        # The session's own sequence goes on.
        await say(server)
        assert (await raw.until("MESSAGE_CREATE"))[-1]["s"] == old.seq + 9


async def test_a_second_resume_from_the_same_place_replays_the_same(server: DiscordThread) -> None:
    old = await dropped(server)
    sent = await say(server, count=3)
    for _ in range(2):
        async with client(server) as raw:
            await raw.resume(server.token, old.session_id, old.seq)
            items = await raw.until("RESUMED")
            assert [item["d"]["id"] for item in items[:-1]] == sent


@pytest.mark.parametrize("code", [1000, 1001])
async def test_a_goodbye_ends_the_session(server: DiscordThread, code: int) -> None:
    old = await dropped(server, code)
    assert (await server.script.sessions(dead=True))[0]["dead"] == f"closed_{code}"
    async with client(server) as raw:
        await raw.resume(server.token, old.session_id, old.seq)
        assert (await raw.op(Op.INVALID_SESSION))["d"] is False
        # The client may identify on the same socket.
        await raw.send_identify(server.token)
        await raw.until("READY")


@pytest.mark.parametrize(
    ("session", "seq", "outcome"),
    [("wrong", 1, "op 9"), (None, 99, 4007), (None, -1, 4007)],
)
async def test_a_hopeless_resume(
    server: DiscordThread, session: str | None, seq: int, outcome: object
) -> None:
    old = await dropped(server)
    async with client(server) as raw:
        await raw.resume(server.token, session or old.session_id, seq)
        if outcome == "op 9":
            assert (await raw.op(Op.INVALID_SESSION))["d"] is False
        else:
            assert await raw.closed() == outcome


async def test_resume_with_the_token_of_another_bot(server: DiscordThread) -> None:
    old = await dropped(server)
    await server.script.create_bot("other", "other-token")
    async with client(server) as raw:
        await raw.resume("other-token", old.session_id, old.seq)
        assert (await raw.op(Op.INVALID_SESSION))["d"] is False
    async with client(server) as raw:
        await raw.resume("no-token", old.session_id, old.seq)
        assert await raw.closed() == 4004


async def test_a_forgotten_event_makes_the_session_invalid(start_discord: StartDiscord) -> None:
    server = await start_discord(options(buffer_events=5))
    old = await dropped(server)
    await say(server, count=6)
    async with client(server) as raw:
        await raw.resume(server.token, old.session_id, old.seq)
        assert (await raw.op(Op.INVALID_SESSION))["d"] is False
    (refused,) = await server.script.ledger("resume", accepted=False)
    assert refused["reason"] == "forgotten"


async def test_a_session_without_a_socket_expires(start_discord: StartDiscord) -> None:
    server = await start_discord(options(session_ttl=(0.05, 0.1)))
    old = await dropped(server)

    async def gone() -> bool:
        return not await server.script.sessions()

    await server.script.until(gone, "expiry")
    (dead,) = await server.script.sessions(dead=True)
    assert (dead["id"], dead["dead"]) == (old.session_id, "expired")


async def test_resume_takes_over_from_an_open_socket(server: DiscordThread) -> None:
    async with client(server) as old, client(server) as new:
        await old.identify(server.token)
        await old.until("GUILD_CREATE")
        await new.resume(server.token, old.session_id, old.seq)
        await new.until("RESUMED")
        assert await old.closed() == 4000
        sent = await say(server)
        assert (await new.until("MESSAGE_CREATE"))[-1]["d"]["id"] == sent[0]
        (session,) = await server.script.sessions()
        assert session["connected"]


@pytest.mark.parametrize(("mode", "resumable"), [("refuse", False), ("refuse_resumable", True)])
async def test_resume_is_refused_while_the_old_socket_is_open(
    start_discord: StartDiscord, mode: str, resumable: bool
) -> None:
    server = await start_discord(options(on_open_socket=mode))
    async with client(server) as old, client(server) as new:
        await old.identify(server.token)
        await new.resume(server.token, old.session_id, old.seq)
        assert (await new.op(Op.INVALID_SESSION))["d"] is resumable


async def test_a_changed_codec_is_refused_when_pinned(start_discord: StartDiscord) -> None:
    server = await start_discord(options(pin_codec=True))
    old = await dropped(server)
    async with RawGateway(server.gateway_url, compress="zlib-stream") as raw:
        await raw.resume(server.token, old.session_id, old.seq)
        assert (await raw.op(Op.INVALID_SESSION))["d"] is False


async def test_resume_host_faults(server: DiscordThread) -> None:
    old = await dropped(server)
    await server.script.faults(resume_unavailable=1, abort_on_resume=1)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        async with RawGateway(old.resume_url):
            pass
    assert refusal.value.status == 503
    async with RawGateway(old.resume_url) as raw:
        await raw.resume(server.token, old.session_id, old.seq)
        with pytest.raises((Closed, ConnectionError)):
            await raw.receive()
    async with RawGateway(old.resume_url) as raw:
        await raw.resume(server.token, old.session_id, old.seq)
        await raw.until("RESUMED")


async def test_a_cut_in_the_middle_of_a_frame_keeps_the_session(server: DiscordThread) -> None:
    async with client(server) as raw:
        await raw.identify(server.token)
        await raw.until("GUILD_CREATE")
        assert await server.script.cut(mid_frame=True) == [raw.session_id]
        assert await raw.closed() == 1006
    (session,) = await server.script.sessions()
    assert session["dead"] is None
    (closed,) = await server.script.ledger("close")
    assert (closed["code"], closed["by"]) == (1006, "server")


# ---------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("not json", 4002),
        ("[]", 4002),
        ('{"d": 1}', 4002),
        ('{"op": 99, "d": null}', 4001),
        ('{"op": 3, "d": {}}', 4003),
        ('{"op": 8, "d": {}}', 4003),
        ('{"op": 2, "d": {}}', 4002),
        ('{"op": 1, "d": "%s"}' % ("x" * 4096), 4002),
    ],
)
async def test_close_codes_before_identify(server: DiscordThread, payload: str, code: int) -> None:
    async with client(server) as raw:
        await raw.op(Op.HELLO)
        await raw.ws.send_str(payload)
        assert await raw.closed() == code


@pytest.mark.parametrize(
    ("identify", "code"),
    [
        ({"token": "wrong"}, 4004),
        ({"intents": 1 << 40}, 4013),
        ({"shard": [2, 2]}, 4010),
    ],
)
async def test_close_codes_of_identify(server: DiscordThread, identify: Json, code: int) -> None:
    good = {"token": server.token, "intents": 1, "properties": {}}
    async with client(server) as raw:
        await raw.op(Op.HELLO)
        await raw.send(Op.IDENTIFY, {**good, **identify})
        assert await raw.closed() == code


async def test_identify_twice_is_4005(server: DiscordThread) -> None:
    async with client(server) as raw:
        await raw.identify(server.token)
        await raw.send_identify(server.token)
        assert await raw.closed() == 4005


async def test_a_privileged_intent_that_is_off_is_4014(server: DiscordThread) -> None:
    home = await server.script.home()
    await server.script.edit_bot(home.bot(), privileged=int(Intents.MESSAGE_CONTENT))
    async with client(server) as raw:
        await raw.op(Op.HELLO)
        await raw.send_identify(server.token, intents=DEFAULT_INTENTS | Intents.GUILD_MEMBERS)
        assert await raw.closed() == 4014


async def test_too_many_guilds_for_one_shard_is_4011(start_discord: StartDiscord) -> None:
    server = await start_discord(options(max_guilds_per_shard=1))
    await server.script.create_guild("second")
    async with client(server) as raw:
        await raw.op(Op.HELLO)
        await raw.send_identify(server.token)
        assert await raw.closed() == 4011


async def test_an_old_api_version_is_4012(server: DiscordThread) -> None:
    async with client(server, version="6") as raw:
        assert await raw.closed() == 4012


async def test_more_than_120_payloads_a_minute_is_4008(server: DiscordThread) -> None:
    async with client(server) as raw:
        await raw.identify(server.token)
        for _ in range(119):
            await raw.send(Op.HEARTBEAT, None)
        sent = await say(server)
        assert (await raw.until("MESSAGE_CREATE"))[-1]["d"]["id"] == sent[0]
        await raw.send(Op.HEARTBEAT, None)
        assert await raw.closed() == 4008
    (session,) = await server.script.sessions()
    assert session["dead"] is None


async def test_a_second_identify_in_the_window_is_op_9(start_discord: StartDiscord) -> None:
    server = await start_discord(options(identify_window=60.0))
    async with client(server) as first, client(server) as second:
        await first.identify(server.token)
        await second.op(Op.HELLO)
        await second.send_identify(server.token)
        assert (await second.op(Op.INVALID_SESSION))["d"] is False
    accepted = [item["accepted"] for item in await server.script.ledger("identify")]
    assert accepted == [True, False]


async def test_an_overdrawn_budget_resets_the_token(start_discord: StartDiscord) -> None:
    server = await start_discord(options(identify_budget=1))
    async with client(server) as first, client(server) as second:
        await first.identify(server.token)
        await second.op(Op.HELLO)
        await second.send_identify(server.token)
        assert await second.closed() == 4004
        assert await first.closed() == 4004
    assert await server.script.sessions() == []
    async with aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Bot {server.token}"}
        async with http.get(server.api_base + "/users/@me", headers=headers) as response:
            assert response.status == 401


@pytest.mark.parametrize("query", ["encoding=etf", "encoding=json&compress=brotli"])
async def test_an_unspoken_encoding_is_refused_at_once(server: DiscordThread, query: str) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await http.ws_connect(f"{server.gateway_url}/?v=10&{query}")
    assert refusal.value.status == 400


async def test_hello_faults(server: DiscordThread) -> None:
    await server.script.faults(reconnect_before_hello=1)
    async with client(server) as raw:
        assert (await raw.receive())["op"] == Op.RECONNECT
    await server.script.faults(no_hello=1)
    async with client(server) as raw:
        await raw.send(Op.HEARTBEAT, None)
        assert (await raw.receive())["op"] == Op.HEARTBEAT_ACK


# ---------------------------------------------------------------------- who gets what


async def test_every_session_of_a_shard_is_fed(server: DiscordThread) -> None:
    async with client(server) as one, client(server) as other:
        await one.identify(server.token)
        await other.identify(server.token)
        (sent,) = await say(server)
        for raw in (one, other):
            assert (await raw.until("MESSAGE_CREATE"))[-1]["d"]["id"] == sent


async def test_a_guild_belongs_to_one_shard_and_a_direct_message_to_shard_0(
    server: DiscordThread,
) -> None:
    home = await server.script.home()
    wanted = DEFAULT_INTENTS | Intents.DIRECT_MESSAGES
    owner = (int(home.guild_id) >> 22) % 2
    async with client(server) as zero, client(server) as one:
        await zero.identify(server.token, shard=(0, 2), intents=wanted)
        await one.identify(server.token, shard=(1, 2), intents=wanted)
        await say(server)
        direct = await server.script.open_direct(home.user("nina"), home.bot())
        await server.script.send(direct, home.user("nina"), "psst")

        async def told() -> list[Json] | None:
            found = await server.script.ledger("dispatch", event="MESSAGE_CREATE")
            return found if len(found) >= 2 else None

        found = await server.script.until(told, "both messages")
        assert [item["shard"] for item in found] == [owner, 0]


async def test_intents_gate_events_and_content(server: DiscordThread) -> None:
    home = await server.script.home()
    bot = home.bot()
    without = int(Intents.GUILDS | Intents.GUILD_MESSAGES)
    async with client(server) as raw, client(server) as deaf:
        await raw.identify(server.token, intents=without)
        await deaf.identify(server.token, intents=int(Intents.GUILDS))
        await say(server, "nobody reads this")
        await say(server, f"<@{bot}> but this")
        first = (await raw.until("MESSAGE_CREATE"))[-1]["d"]
        second = (await raw.until("MESSAGE_CREATE"))[-1]["d"]
        assert (first["content"], second["content"]) == ("", f"<@{bot}> but this")
        await server.script.create_channel(home.guild_id, "news")
        events = [item["t"] for item in await deaf.until("CHANNEL_CREATE")]
        assert "MESSAGE_CREATE" not in events


async def test_a_channel_the_bot_cannot_see_stays_silent(server: DiscordThread) -> None:
    home = await server.script.home()
    await server.script.edit_bot(home.bot(), permissions=0, guild_id=home.guild_id)
    hidden = await server.script.create_channel(
        home.guild_id,
        "staff",
        overwrites=[{"id": home.guild_id, "type": 0, "allow": 0, "deny": 1 << 10}],
    )
    async with client(server) as raw:
        await raw.identify(server.token)
        await server.script.send(hidden["id"], home.owner_id, "quiet")
        (sent,) = await say(server)
        got = [item["d"]["id"] for item in await raw.until("MESSAGE_CREATE") if item["op"] == 0]
        assert got[-1] == sent
        assert len(await server.script.ledger("dispatch", event="MESSAGE_CREATE")) == 1


async def test_joining_leaving_and_outages_of_guilds(server: DiscordThread) -> None:
    async with client(server) as raw:
        await raw.identify(server.token)
        await raw.until("GUILD_CREATE")
        made = await server.script.create_guild("new")
        assert (await raw.until("GUILD_CREATE"))[-1]["d"]["id"] == made["id"]
        await server.script.set_available(made["id"], available=False)
        gone = (await raw.until("GUILD_DELETE"))[-1]["d"]
        assert gone == {"id": made["id"], "unavailable": True}
        await server.script.set_available(made["id"], available=True)
        assert (await raw.until("GUILD_CREATE"))[-1]["d"]["id"] == made["id"]
        home = await server.script.home()
        await server.script.leave(made["id"], home.bot())
        assert (await raw.until("GUILD_DELETE"))[-1]["d"] == {"id": made["id"]}


async def test_latency_delays_but_never_reorders(server: DiscordThread) -> None:
    await server.script.faults(latency=0.02, jitter=0.05)
    async with client(server) as raw:
        await raw.identify(server.token)
        sent = await say(server, count=30)
        got = [(await raw.until("MESSAGE_CREATE"))[-1]["d"]["id"] for _ in sent]
        assert got == sent


async def test_scripted_dispatches(server: DiscordThread) -> None:
    async with client(server) as raw:
        await raw.identify(server.token)
        await server.script.faults(duplicate_next=1)
        (sent,) = await say(server)
        first = (await raw.until("MESSAGE_CREATE"))[-1]
        second = (await raw.until("MESSAGE_CREATE"))[-1]
        assert first["d"]["id"] == second["d"]["id"] == sent
        assert second["s"] == first["s"] + 1
        (seq,) = await server.script.inject("GUILD_MEMBER_ADD", {"broken": True})
        assert (await raw.until("GUILD_MEMBER_ADD"))[-1]["s"] == seq


async def test_a_slow_reader_is_cut_off_with_its_session_kept(start_discord: StartDiscord) -> None:
    server = await start_discord(options(outbox_frames=10))
    async with client(server) as raw:
        await raw.identify(server.token)
        await server.script.faults(latency=0.2)
        await say(server, count=20)
        assert await raw.closed() == 4000
    (session,) = await server.script.sessions()
    assert session["dead"] is None
