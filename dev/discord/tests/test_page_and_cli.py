"""The page's routes, the scripting API's own manners, and the command line."""

import asyncio
import sys
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from dev.discord import cli
from dev.discord.clock import SystemClock
from dev.discord.page.statusz import StatusPoller
from dev.discord.raw import RawGateway
from dev.discord.server import Options
from dev.discord.settings import Settings
from dev.discord.thread import DiscordThread
from dev.discord.wire import Json, dumps, loads
from dev.discord.world.applications import id_in_token
from dev.discord.world.seed import DEFAULT_TOKEN

pytestmark = pytest.mark.processes

STATIC = Path(__file__).parents[1] / "page" / "static"


@pytest.mark.parametrize("name", sorted(item.name for item in STATIC.iterdir()))
async def test_static_files_have_a_type_and_a_policy(discord: DiscordThread, name: str) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{discord.page_url}_page/{name}") as response,
    ):
        assert response.status == 200
        assert response.content_type in {
            "text/html",
            "text/javascript",
            "text/css",
            "image/svg+xml",
        }
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]


def test_the_page_loads_nothing_from_elsewhere() -> None:
    for item in STATIC.iterdir():
        text = item.read_text()
        for line in text.splitlines():
            if "src=" in line or "href=" in line or "@import" in line or ' from "' in line:
                assert "http" not in line.replace("http://www.w3.org", ""), f"{item.name}: {line}"


async def test_unknown_files_and_paths_outside_are_404(discord: DiscordThread) -> None:
    async with aiohttp.ClientSession() as http:
        for name in ("nothing.js", "..%2Ftable.py", "table.py"):
            async with http.get(f"{discord.page_url}_page/{name}") as response:
                assert response.status == 404
        async with http.get(discord.page_url + "healthz") as response:
            assert await response.text() == "ok\n"


async def test_the_snapshot_has_what_the_page_shows(discord: DiscordThread) -> None:
    async with RawGateway(discord.gateway_url) as raw:
        await raw.identify(discord.token)
        async with (
            aiohttp.ClientSession() as http,
            http.get(discord.page_url + "_page/state") as response,
        ):
            text = await response.text()
    state: Json = loads(text)
    assert discord.token not in text
    assert [item["name"] for item in state["guilds"]] == ["Vértice HQ"]
    (session,) = state["sessions"]
    assert (session["shard"], session["connected"], session["library"]) == (0, True, "raw")
    assert state["history"][0]["kind"] == "identify"


async def test_the_stream_tells_what_happens_but_no_tokens(discord: DiscordThread) -> None:
    home = await discord.script.home()
    async with aiohttp.ClientSession() as http:
        headers = {"Authorization": f"Bot {discord.token}"}
        url = f"{discord.api_base}/applications/{home.bot()}/commands"
        commands = [{"name": "ping", "description": "x"}]
        async with http.put(url, json=commands, headers=headers) as answer:
            assert answer.status == 200
        async with http.get(discord.page_url + "_page/stream") as stream:
            assert stream.content_type == "text/event-stream"
            first = await stream.content.readuntil(b"\n\n")
            assert first.startswith(b"event: gateway\n")
            await discord.script.run_command(
                home.channel("general"), home.user("nina"), "ping", wait=0
            )
            await discord.script.send(home.channel("general"), home.user("nina"), "the end")
            seen = b""
            while b"the end" not in seen:
                seen += await asyncio.wait_for(stream.content.readuntil(b"\n\n"), 5)
    assert b'"_INTERACTION"' in seen
    assert b"aW50ZXJhY3Rpb246" not in seen


async def test_replicas_are_found_behind_a_status_address() -> None:
    async def statusz(_: web.Request) -> web.Response:
        return web.json_response({"replica": "bot-a", "role": "active", "shards": []})

    app = web.Application()
    app.router.add_get("/statusz", statusz)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    poller = StatusPoller((f"http://localhost:{port}/statusz",), SystemClock())
    await poller.start()
    try:
        for _ in range(200):
            if poller.replicas and poller.replicas[0]["ok"]:
                break
            await asyncio.sleep(0.02)
        assert [item["replica"] for item in poller.replicas if item["ok"]] == ["bot-a"]
        assert poller.name_of("127.0.0.1:5") == "bot-a"
        assert poller.name_of("10.0.0.1:5") is None
    finally:
        await poller.stop()
        await runner.cleanup()


# ---------------------------------------------------------------------- scripting API


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/messages", {"user_id": "1"}, 400, "channel_id is missing"),
        ("/messages", {"channel_id": "1", "user_id": "1", "content": "x"}, 404, "Unknown Channel"),
        ("/guilds", {}, 400, "name is missing"),
        ("/gateway/close", {"code": "x"}, 400, ""),
    ],
)
async def test_mistakes_in_scripts_are_explained(
    discord: DiscordThread, path: str, body: Json, status: int, text: str
) -> None:
    async with RawGateway(discord.gateway_url) as raw:
        await raw.identify(discord.token)
        async with (
            aiohttp.ClientSession() as http,
            http.post(discord.addresses.admin + path, json=body) as response,
        ):
            assert response.status == status
            assert text in loads(await response.read())["error"]


async def test_an_unknown_fault_names_the_known_ones(discord: DiscordThread) -> None:
    with pytest.raises(RuntimeError, match="withhold_acks"):
        await discord.script.faults(gremlins=True)


async def test_another_sites_form_cannot_script(discord: DiscordThread) -> None:
    """A foreign page may post text/plain without asking first, whatever is in it."""
    home = await discord.script.home()
    body = {"channel_id": home.channel("general"), "user_id": home.owner_id, "content": "x"}
    url, headers = discord.addresses.admin + "/messages", {"Content-Type": "text/plain"}
    async with (
        aiohttp.ClientSession() as http,
        http.post(url, data=dumps(body), headers=headers) as response,
    ):
        assert response.status == 400
    assert await discord.script.messages(home.channel("general")) == []


async def test_a_ledger_with_holes_gives_no_verdict() -> None:
    async with DiscordThread(Options(settings=Settings(ledger_limit=5))) as server:
        home = await server.script.home()
        await server.script.send(home.channel("general"), home.owner_id, "x", count=10)
        with pytest.raises(RuntimeError, match="forgotten"):
            await server.script.ledger("event")


async def test_the_ledger_as_json_lines(discord: DiscordThread) -> None:
    async with (
        aiohttp.ClientSession() as http,
        http.get(discord.addresses.admin + "/ledger.jsonl") as response,
    ):
        lines = (await response.read()).splitlines()
    assert [loads(line)["n"] for line in lines] == list(range(1, len(lines) + 1))


# ---------------------------------------------------------------------- command line


async def test_serve_prints_addresses_and_stops_on_sigterm(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-token-of-mine\n")
    ledger = tmp_path / "ledger.jsonl"
    arguments = ["-m", "dev.discord", "serve", "--token-file", str(token), "--ledger", str(ledger)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert process.stdout is not None
    lines: dict[str, str] = {}
    while "ready" not in lines:
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        assert line, "the server ended early"
        lines[line.split()[0]] = line.split(maxsplit=1)[-1]
    assert "a-token-of-mine" not in str(lines)
    headers = {"Authorization": "Bot a-token-of-mine"}
    async with (
        aiohttp.ClientSession() as http,
        http.get(lines["api"] + "/users/@me", headers=headers) as response,
    ):
        assert response.status == 200
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) == 0
    written = ledger.read_bytes()
    assert b'"rest"' in written
    assert b"a-token-of-mine" not in written


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--token-file", "/nonexistent"], "cannot read --token-file"),
        (["--public-url", "discord:80"], "must begin with http"),
    ],
)
def test_bad_arguments_say_what_to_do(
    capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    assert cli.main(["serve", *arguments]) == 2
    assert text in capsys.readouterr().err


def test_an_empty_token_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "token"
    empty.touch()
    assert cli.main(["serve", "--token-file", str(empty)]) == 2
    assert "is empty" in capsys.readouterr().err


async def test_a_taken_port_is_said_so(discord: DiscordThread) -> None:
    port = discord.addresses.page.rpartition(":")[2]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "dev.discord", "serve", "--port", port),
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert "cannot listen" in errors.decode()
    assert "Traceback" not in errors.decode()


def test_the_default_token_says_what_it_is_and_whose() -> None:
    assert "not-a-secret" in DEFAULT_TOKEN
    assert id_in_token(DEFAULT_TOKEN) == 1_100_000_000_000_000_000


@pytest.mark.parametrize(
    "token", ["", "wrong", "a.b.c", "4pyT.b.c", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5"]
)
def test_a_token_without_an_id(token: str) -> None:
    assert id_in_token(token) is None
