"""REST: what a bot may do, and how it is told that it may not."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import aiohttp
import pytest

from dev.discord.script import Home
from dev.discord.server import Options
from dev.discord.settings import RestSettings, Settings
from dev.discord.thread import DiscordThread
from dev.discord.wire import Json, dumps, loads
from dev.testing.discord import StartDiscord

FREE = RestSettings(rate_limits=False)


def options(**changes: object) -> Options:
    return Options(settings=Settings(rest=replace(FREE, **changes)))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: dict[str, str]
    text: bytes

    @property
    def body(self) -> Json:
        found: Json = loads(self.text)
        return found


class Api:
    """A bot's HTTP client without any help."""

    def __init__(self, server: DiscordThread, http: aiohttp.ClientSession) -> None:
        self.server = server
        self.http = http
        self.token = server.token

    async def __call__(
        self, method: str, path: str, body: object = None, *, reason: str | None = None
    ) -> Reply:
        headers = {"Authorization": f"Bot {self.token}"}
        if reason:
            headers["X-Audit-Log-Reason"] = reason
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = dumps(body)
        url = self.server.api_base + path
        async with self.http.request(method, url, data=data, headers=headers) as response:
            text = await response.read()
            return Reply(response.status, dict(response.headers), text)


@pytest.fixture
async def server(start_discord: StartDiscord) -> DiscordThread:
    return await start_discord(options())


@pytest.fixture
async def api(server: DiscordThread) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as http:
        yield Api(server, http)


@pytest.fixture
async def home(server: DiscordThread) -> Home:
    return await server.script.home()


# ---------------------------------------------------------------------- answers in general


async def test_the_content_type_is_exact(api: Api) -> None:
    reply = await api("GET", "/users/@me")
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.body["bot"] is True


async def test_a_wrong_token_is_401_and_counted(api: Api) -> None:
    api.token = "wrong"
    reply = await api("GET", "/users/@me")
    assert (reply.status, reply.body["code"]) == (401, 0)
    counts = await api.server.script.counts()
    assert counts["invalid_requests"] == {"127.0.0.1": 1}


async def test_an_unknown_route_is_404_and_leaves_a_trace(api: Api) -> None:
    reply = await api("GET", "/lobbies/1")
    assert (reply.status, reply.body) == (404, {"message": "404: Not Found", "code": 0})
    (entry,) = await api.server.script.ledger("rest_unknown_route")
    assert entry["path"] == "/api/v10/lobbies/1"


async def test_an_old_api_version_is_refused(api: Api) -> None:
    url = api.server.api_base.replace("v10", "v6") + "/gateway"
    async with api.http.get(url) as response:
        assert response.status == 400


async def test_the_gateway_address_is_the_one_asked_with(api: Api) -> None:
    reply = await api("GET", "/gateway/bot")
    assert reply.body["url"] == api.server.gateway_url
    assert reply.body["session_start_limit"]["remaining"] == 1000
    port = api.server.addresses.page.rpartition(":")[2]
    async with api.http.get(f"http://localhost:{port}/api/v10/gateway") as response:
        assert (await response.json())["url"] == f"ws://localhost:{port}"


async def test_a_public_url_wins(start_discord: StartDiscord) -> None:
    public = "http://discord.vertice-dev.svc:8080"
    server = await start_discord(Options(settings=Settings(public_url=public)))
    port = server.server._runner.addresses[0][1]  # type: ignore[union-attr]
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"http://127.0.0.1:{port}/api/v10/gateway") as response,
    ):
        assert (await response.json())["url"] == "ws://discord.vertice-dev.svc:8080"
    await server.script.close()
    server.script.base = f"http://127.0.0.1:{port}/_admin"


# ---------------------------------------------------------------------- rate limits


async def test_a_bucket_refuses_with_via_and_retry_after(start_discord: StartDiscord) -> None:
    server = await start_discord(options(rate_limits=True))
    home = await server.script.home()
    async with aiohttp.ClientSession() as http:
        api = Api(server, http)
        path = f"/channels/{home.channel('general')}/messages"
        replies = [await api("POST", path, {"content": str(n)}) for n in range(6)]
        assert [reply.status for reply in replies] == [200] * 5 + [429]
        assert [r.headers["X-RateLimit-Remaining"] for r in replies[:5]] == list("43210")
        refused = replies[-1]
        assert refused.headers["Via"]
        assert refused.headers["X-RateLimit-Scope"] == "user"
        assert 0 < refused.body["retry_after"] <= 5
        # Another channel is another bucket.
        other = await api("POST", f"/channels/{home.channel('mod-log')}/messages", {"content": "x"})
        assert other.status == 200
        assert other.headers["X-RateLimit-Bucket"] == replies[0].headers["X-RateLimit-Bucket"]


async def test_fifty_requests_a_second_is_the_global_limit(start_discord: StartDiscord) -> None:
    server = await start_discord(options(rate_limits=True, global_per_second=3))
    async with aiohttp.ClientSession() as http:
        api = Api(server, http)
        replies = [await api("GET", "/users/@me") for _ in range(4)]
        assert replies[-1].status == 429
        assert replies[-1].headers["X-RateLimit-Global"] == "true"
        assert replies[-1].body["global"] is True


async def test_too_many_invalid_requests_ban_the_address(start_discord: StartDiscord) -> None:
    server = await start_discord(options(invalid_limit=3))
    async with aiohttp.ClientSession() as http:
        api = Api(server, http)
        api.token = "wrong"
        for _ in range(3):
            assert (await api("GET", "/users/@me")).status == 401
        api.token = server.token
        banned = await api("GET", "/users/@me")
        assert banned.status == 429
        assert "Via" not in banned.headers


# ---------------------------------------------------------------------- messages


async def test_an_enforced_nonce_makes_one_message(api: Api, home: Home) -> None:
    path = f"/channels/{home.channel('general')}/messages"
    body = {"content": "once", "nonce": "abc", "enforce_nonce": True}
    first, second = await api("POST", path, body), await api("POST", path, body)
    assert first.body["id"] == second.body["id"]
    third = await api("POST", path, {**body, "enforce_nonce": False})
    assert third.body["id"] != first.body["id"]
    effects = await api.server.script.ledger("effect")
    assert [item["what"] for item in effects] == [
        "message_create",
        "message_deduplicated",
        "message_create",
    ]
    assert {item["nonce"] for item in effects} == {"abc"}
    assert all(item["source"].startswith("127.0.0.1:") for item in effects)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"content": ""}, 400, 50006),
        ({"content": "x" * 2001}, 400, 50035),
        ({"content": "x", "nonce": "n" * 26}, 400, 50035),
        ({"content": "x", "message_reference": {"message_id": "1"}}, 400, 50035),
        ({"content": "x", "flags": 1 << 15, "components": [{"type": 10}]}, 400, 50035),
    ],
)
async def test_messages_that_are_refused(
    api: Api, home: Home, body: Json, status: int, code: int
) -> None:
    reply = await api("POST", f"/channels/{home.channel('general')}/messages", body)
    assert (reply.status, reply.body["code"]) == (status, code)


async def test_bad_json_is_refused(api: Api, home: Home) -> None:
    url = f"{api.server.api_base}/channels/{home.channel('general')}/messages"
    headers = {"Authorization": f"Bot {api.token}", "Content-Type": "application/json"}
    async with api.http.post(url, data=b"{", headers=headers) as response:
        assert response.status == 400
        assert loads(await response.read())["code"] == 50109


async def test_a_field_of_the_wrong_type_is_refused_and_noted(api: Api, home: Home) -> None:
    path = f"/channels/{home.channel('general')}/messages"
    for reply in (
        await api("GET", f"{path}?limit=many"),
        await api("POST", path, {"content": "x", "flags": "many"}),
        await api("GET", "/channels/general"),
    ):
        assert (reply.status, reply.body["code"]) == (400, 50035)
    assert len(await api.server.script.ledger("rest_malformed")) == 2


async def test_edit_delete_react_pin(api: Api, home: Home) -> None:
    path = f"/channels/{home.channel('general')}/messages"
    made = (await api("POST", path, {"content": "one"})).body
    edited = await api("PATCH", f"{path}/{made['id']}", {"content": "two"})
    assert edited.body["content"] == "two"
    assert edited.body["edited_timestamp"]
    assert (await api("PUT", f"{path}/{made['id']}/reactions/%F0%9F%91%8D/@me")).status == 204
    assert (await api("PUT", f"{path}/pins/{made['id']}")).status == 204
    pins = await api("GET", f"{path}/pins")
    assert pins.body["items"][0]["message"]["reactions"][0]["emoji"]["name"] == "👍"
    theirs = await api.server.script.send(home.channel("general"), home.user("nina"), "mine")
    foreign = await api("PATCH", f"{path}/{theirs['id']}", {"content": "no"})
    assert (foreign.status, foreign.body["code"]) == (403, 50005)
    assert (await api("DELETE", f"{path}/{theirs['id']}")).status == 204
    gone = await api("GET", f"{path}/{theirs['id']}")
    assert (gone.status, gone.body["code"]) == (404, 10008)


async def test_history_and_bulk_delete(api: Api, home: Home) -> None:
    sent = await api.server.script.send(home.channel("general"), home.user("nina"), "spam", count=5)
    path = f"/channels/{home.channel('general')}/messages"
    ids = sent["ids"]

    async def listed(query: str) -> list[str]:
        return [item["id"] for item in loads((await api("GET", path + query)).text)]

    assert await listed("?limit=2") == [ids[4], ids[3]]
    assert await listed(f"?before={ids[2]}") == [ids[1], ids[0]]
    assert await listed(f"?after={ids[2]}") == [ids[4], ids[3]]
    assert (await api("POST", f"{path}/bulk-delete", {"messages": ids[:1]})).body["code"] == 50016
    assert (await api("POST", f"{path}/bulk-delete", {"messages": ids[:4]})).status == 204
    assert await listed("") == [ids[4]]


async def test_direct_messages(api: Api, home: Home) -> None:
    opened = await api("POST", "/users/@me/channels", {"recipient_id": home.user("nina")})
    assert opened.body["recipients"][0]["id"] == home.user("nina")
    again = await api("POST", "/users/@me/channels", {"recipient_id": home.user("nina")})
    assert again.body["id"] == opened.body["id"]
    path = f"/channels/{opened.body['id']}/messages"
    assert (await api("POST", path, {"content": "hi"})).status == 200
    unknown = await api("POST", "/users/@me/channels", {"recipient_id": "1"})
    assert (unknown.status, unknown.body["code"]) == (404, 10013)


# ---------------------------------------------------------------------- permissions


async def test_missing_access_and_missing_permissions(api: Api, home: Home) -> None:
    script = api.server.script
    await script.edit_bot(home.bot(), permissions=0, guild_id=home.guild_id)
    everyone = {"id": home.guild_id, "type": 0, "allow": 0}
    hidden = await script.create_channel(
        home.guild_id, "staff", overwrites=[{**everyone, "deny": 1 << 10}]
    )
    silent = await script.create_channel(
        home.guild_id, "rules", overwrites=[{**everyone, "deny": 1 << 11}]
    )
    body = {"content": "x"}
    codes = [
        (reply.status, reply.body["code"])
        for reply in (
            await api("POST", f"/channels/{hidden['id']}/messages", body),
            await api("POST", f"/channels/{silent['id']}/messages", body),
            await api("POST", "/channels/1/messages", body),
            await api("GET", "/guilds/1"),
            await api("PUT", f"/guilds/{home.guild_id}/bans/{home.user('nina')}", {}),
        )
    ]
    assert codes == [(403, 50001), (403, 50013), (404, 10003), (404, 10004), (403, 50013)]


async def test_nobody_moderates_above_their_rank(api: Api, home: Home) -> None:
    guild, owner = home.guild_id, home.owner_id
    for reply in (
        await api("DELETE", f"/guilds/{guild}/members/{owner}"),
        await api("PUT", f"/guilds/{guild}/bans/{owner}", {}),
        await api(
            "PATCH",
            f"/guilds/{guild}/members/{owner}",
            {"communication_disabled_until": "2030-01-01T00:00:00+00:00"},
        ),
    ):
        assert (reply.status, reply.body["code"]) == (403, 50013)


async def test_bans(api: Api, home: Home) -> None:
    path = f"/guilds/{home.guild_id}/bans"
    nina = home.user("nina")
    assert (await api("GET", f"{path}/{nina}")).body["code"] == 10026
    for _ in range(2):
        assert (await api("PUT", f"{path}/{nina}", {}, reason="spam%20links")).status == 204
    assert (await api("GET", f"{path}/{nina}")).body["reason"] == "spam links"
    assert (await api("GET", f"/guilds/{home.guild_id}/members/{nina}")).body["code"] == 10007
    assert (await api("DELETE", f"{path}/{nina}")).status == 204
    assert (await api("DELETE", f"{path}/{nina}")).body["code"] == 10026
    bans = await api.server.script.ledger("effect", what="ban")
    assert [item["again"] for item in bans] == [False, True]
    names = [item["event"] for item in await api.server.script.ledger("event")]
    assert names[-5:] == [
        "GUILD_MEMBER_REMOVE",
        "GUILD_BAN_ADD",
        "GUILD_AUDIT_LOG_ENTRY_CREATE",
        "GUILD_BAN_REMOVE",
        "GUILD_AUDIT_LOG_ENTRY_CREATE",
    ]


async def test_roles_and_members(api: Api, home: Home) -> None:
    guild, nina = home.guild_id, home.user("nina")
    role = (await api("POST", f"/guilds/{guild}/roles", {"name": "Helper"})).body
    path = f"/guilds/{guild}/members/{nina}"
    assert (await api("PUT", f"{path}/roles/{role['id']}")).status == 204
    assert role["id"] in (await api("GET", path)).body["roles"]
    assert (await api("PUT", f"{path}/roles/1")).body["code"] == 10011
    assert (await api("DELETE", f"/guilds/{guild}/roles/{role['id']}")).status == 204
    assert role["id"] not in (await api("GET", path)).body["roles"]
    found = await api("GET", f"/guilds/{guild}/members/search?query=ma&limit=5")
    assert [item["user"]["username"] for item in loads(found.text)] == ["marco"]


async def test_channels(api: Api, home: Home) -> None:
    made = await api("POST", f"/guilds/{home.guild_id}/channels", {"name": "news"})
    assert made.status == 201
    path = f"/channels/{made.body['id']}"
    edited = await api("PATCH", path, {"rate_limit_per_user": 30, "topic": "t"})
    assert (edited.body["rate_limit_per_user"], edited.body["topic"]) == (30, "t")
    lock = {"type": 0, "allow": "0", "deny": str(1 << 11)}
    assert (await api("PUT", f"{path}/permissions/{home.guild_id}", lock)).status == 204
    shown = await api("GET", path)
    assert shown.body["permission_overwrites"][0]["deny"] == str(1 << 11)
    assert (await api("DELETE", f"{path}/permissions/{home.guild_id}")).status == 204
    assert (await api("DELETE", path)).status == 200
    assert (await api("GET", path)).body["code"] == 10003
    unnamed = await api("POST", f"/guilds/{home.guild_id}/channels", {})
    assert (unnamed.status, unnamed.body["code"]) == (400, 50035)


# ---------------------------------------------------------------------- commands


async def test_bulk_overwrite_keeps_the_ids_of_known_commands(api: Api, home: Home) -> None:
    path = f"/applications/{home.bot()}/commands"
    one, two = {"name": "one", "description": "1"}, {"name": "two", "description": "2"}
    first = loads((await api("PUT", path, [one])).text)
    second = loads((await api("PUT", path, [two, one])).text)
    assert second[1]["id"] == first[0]["id"]
    assert [item["name"] for item in loads((await api("GET", path)).text)] == ["two", "one"]
    gone = await api("DELETE", f"{path}/{second[0]['id']}")
    assert gone.status == 204
    assert (await api("GET", f"{path}/{second[0]['id']}")).body["code"] == 10063


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        ([{"name": "Bad Name", "description": "x"}], 50035),
        ([{"name": "x", "description": ""}], 50035),
        ([{"name": "x", "description": "y"}] * 2, 50035),
        ([{"name": f"c{n}", "description": "y"} for n in range(101)], 30032),
        ([{"name": "x", "description": "y", "options": [{}] * 26}], 50035),
    ],
)
async def test_commands_that_are_refused(
    api: Api, home: Home, commands: list[Json], code: int
) -> None:
    reply = await api("PUT", f"/applications/{home.bot()}/commands", commands)
    assert (reply.status, reply.body["code"]) == (400, code)


async def test_only_the_own_application(api: Api, home: Home) -> None:
    other = await api.server.script.create_bot("other", "other-token")
    reply = await api("PUT", f"/applications/{other['id']}/commands", [])
    assert (reply.status, reply.body["code"]) == (403, 20012)


async def test_permissions_and_places_of_commands(api: Api, home: Home) -> None:
    path = f"/applications/{home.bot()}/commands"
    kick = {
        "name": "kick",
        "description": "x",
        "default_member_permissions": str(1 << 1),
        "contexts": [0],
    }
    await api("PUT", path, [kick])
    script = api.server.script
    channel = home.channel("general")
    with pytest.raises(RuntimeError, match="permissions"):
        await script.run_command(channel, home.user("nina"), "kick", wait=0)
    allowed = await script.run_command(channel, home.user("marco"), "kick", wait=0)
    assert allowed.state == "waiting"
    direct = await script.open_direct(home.user("marco"), home.bot())
    with pytest.raises(RuntimeError, match="not offered here"):
        await script.run_command(direct, home.user("marco"), "kick", wait=0)
    with pytest.raises(RuntimeError, match="no bot here"):
        await script.run_command(channel, home.user("marco"), "unknown", wait=0)


# ---------------------------------------------------------------------- interactions


async def waiting(api: Api, home: Home) -> tuple[str, str]:
    """Return id and token of an interaction that nobody has answered."""
    path = f"/applications/{home.bot()}/commands"
    await api("PUT", path, [{"name": "ping", "description": "x"}])
    answer = await api.server.script.run_command(
        home.channel("general"), home.user("nina"), "ping", wait=0
    )
    interaction = api.server.server.core.interactions.get(int(answer.id))
    assert interaction is not None
    return answer.id, interaction.token


def callback(interaction: tuple[str, str]) -> str:
    return f"/interactions/{interaction[0]}/{interaction[1]}/callback"


async def test_an_interaction_is_answered_once(api: Api, home: Home) -> None:
    made = await waiting(api, home)
    early = await api("GET", f"/webhooks/{home.bot()}/{made[1]}/messages/@original")
    assert (early.status, early.body["code"]) == (404, 10015)
    body = {"type": 4, "data": {"content": "pong"}}
    first = await api("POST", callback(made) + "?with_response=true", body)
    assert first.body["resource"]["message"]["content"] == "pong"
    second = await api("POST", callback(made), body)
    assert (second.status, second.body["code"]) == (400, 40060)
    assert (await api("POST", callback((made[0], "x")), body)).body["code"] == 10062
    webhook = f"/webhooks/{home.bot()}/{made[1]}"
    follow = await api("POST", webhook, {"content": "more"})
    edited = await api("PATCH", f"{webhook}/messages/{follow.body['id']}", {"content": "less"})
    assert edited.body["content"] == "less"
    assert (await api("DELETE", f"{webhook}/messages/@original")).status == 204
    assert (await api("GET", f"{webhook}/messages/@original")).body["code"] == 10008


async def test_a_deferral_is_fulfilled_by_the_first_follow_up(api: Api, home: Home) -> None:
    made = await waiting(api, home)
    await api("POST", callback(made), {"type": 5, "data": {"flags": 64}})
    thinking = (await api.server.script.interaction(made[0])).message
    assert thinking is not None
    assert thinking["flags"] == 64 | 128
    webhook = f"/webhooks/{home.bot()}/{made[1]}"
    follow = await api("POST", webhook, {"content": "done"})
    assert follow.body["id"] == thinking["id"]
    assert follow.body["flags"] == 64
    answer = await api.server.script.interaction(made[0])
    assert (answer.state, answer.content, answer.ephemeral) == ("answered", "done", True)
    # Ephemeral: no gateway event, and REST does not find it.
    shown = await api("GET", f"/channels/{home.channel('general')}/messages/{thinking['id']}")
    assert shown.body["code"] == 10008


async def test_a_token_ends(start_discord: StartDiscord) -> None:
    server = await start_discord(options(interaction_token_ttl=0.0))
    async with aiohttp.ClientSession() as http:
        api = Api(server, http)
        home = await server.script.home()
        made = await waiting(api, home)
        await api("POST", callback(made), {"type": 4, "data": {"content": "x"}})
        late = await api("POST", f"/webhooks/{home.bot()}/{made[1]}", {"content": "late"})
        assert (late.status, late.body["code"]) == (401, 50027)


async def test_buttons_menus_and_forms(api: Api, home: Home) -> None:
    script, nina = api.server.script, home.user("nina")
    made = await waiting(api, home)
    row = {
        "type": 1,
        "components": [
            {"type": 2, "style": 1, "label": "Go", "custom_id": "go"},
            {"type": 2, "style": 1, "label": "No", "custom_id": "no", "disabled": True},
        ],
    }
    body = {"type": 4, "data": {"content": "choose", "components": [row]}}
    await api("POST", callback(made), body)
    message = (await script.interaction(made[0])).message
    assert message is not None
    channel = home.channel("general")
    with pytest.raises(RuntimeError, match="disabled"):
        await script.click(channel, message["id"], nina, "no")
    with pytest.raises(RuntimeError, match="no component"):
        await script.click(channel, message["id"], nina, "other")
    clicked = await script.click(channel, message["id"], nina, "go", wait=0)
    found = api.server.server.core.interactions.get(int(clicked.id))
    assert found is not None
    field = {"type": 4, "custom_id": "why", "style": 1, "label": "Why"}
    form = {
        "custom_id": "form",
        "title": "Form",
        "components": [{"type": 1, "components": [field]}],
    }
    await api("POST", callback((clicked.id, found.token)), {"type": 9, "data": form})
    asked = await script.interaction(clicked.id)
    assert asked.modal is not None
    with pytest.raises(RuntimeError, match="field why is required"):
        await script.submit(asked, {})
    sent = await script.submit(asked, {"why": "because"}, wait=0)
    submitted = api.server.server.core.interactions.get(int(sent.id))
    assert submitted is not None
    assert submitted.data["components"][0]["components"][0]["value"] == "because"
    update = {"type": 7, "data": {"content": "changed", "components": []}}
    await api("POST", callback((sent.id, submitted.token)), update)
    shown = await script.messages(channel)
    assert [item["content"] for item in shown if item["id"] == message["id"]] == ["changed"]
