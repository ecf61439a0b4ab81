"""A real browser for the page: Chromium, driven over its DevTools protocol."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)
_WITHIN = 20.0


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the browser's path, installed from the system's packages when there is none."""
    for _ in range(2):
        for name in _NAMES:
            if found := shutil.which(name):
                return found
        if os.geteuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "update", "-qq"], check=True)
            install = ["apt-get", "install", "-y", "-qq", "chromium"]
            subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    pytest.fail("the page is tested in a real browser: install chromium and run again")


class Page:
    """One open page."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self.problems: list[object] = []

    async def command(self, method: str, **params: object) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": params})
        while True:
            message = await asyncio.wait_for(self._socket.receive_json(), _WITHIN)
            if message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.problems.append(message["params"])
            if message.get("id") == self._number:
                assert "error" not in message, message
                found: dict[str, Any] = message["result"]
                return found

    async def evaluate(self, expression: str) -> Any:
        shown = await self.command("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in shown, shown
        return shown["result"].get("value")

    async def until(self, expression: str) -> None:
        deadline = asyncio.get_running_loop().time() + _WITHIN
        while not await self.evaluate(expression):
            late = asyncio.get_running_loop().time() > deadline
            assert not late, f"waited in vain for {expression}; problems: {self.problems}"
            await asyncio.sleep(0.02)

    async def shows(self, text: str, where: str = "body") -> None:
        place = f"(document.querySelector({json.dumps(where)}) || {{innerText: ''}})"
        await self.until(f"{place}.innerText.includes({json.dumps(text)})")

    async def type(self, text: str) -> None:
        await self.command("Input.insertText", text=text)

    async def enter(self) -> None:
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        await self.command("Input.dispatchKeyEvent", type="keyDown", **key)
        await self.command("Input.dispatchKeyEvent", type="keyUp", **key)


OpenPage = Callable[[str], Awaitable[Page]]


@pytest.fixture
async def open_page(chromium: str, tmp_path: Path) -> AsyncIterator[OpenPage]:
    """Return a function that opens an address in a browser of the test's own."""
    async with AsyncExitStack() as stack:

        async def open_(url: str) -> Page:
            process = await asyncio.create_subprocess_exec(
                chromium,
                *_FLAGS,
                f"--user-data-dir={tmp_path}/profile",
                "about:blank",
                stderr=asyncio.subprocess.PIPE,
            )
            stack.push_async_callback(_stop, process)
            port = await asyncio.wait_for(_debugging_port(process), _WITHIN)
            http = await stack.enter_async_context(aiohttp.ClientSession())
            socket = await http.ws_connect(await _page_address(http, port), max_msg_size=0)
            page = Page(socket)
            for method in ("Runtime.enable", "Log.enable", "Page.enable"):
                await page.command(method)
            await page.command("Page.navigate", url=url)
            await page.until("document.body && document.body.dataset.ready === 'yes'")
            return page

        yield open_


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    await process.communicate()


async def _debugging_port(process: asyncio.subprocess.Process) -> int:
    assert process.stderr is not None
    async for line in process.stderr:
        if found := re.search(rb"ws://127\.0\.0\.1:(\d+)/", line):
            return int(found[1])
    raise AssertionError("chromium ended before it listened")


async def _page_address(http: aiohttp.ClientSession, port: int) -> str:
    while True:
        async with http.get(f"http://127.0.0.1:{port}/json") as response:
            for target in await response.json():
                if target["type"] == "page":
                    return str(target["webSocketDebuggerUrl"])
        await asyncio.sleep(0.05)
