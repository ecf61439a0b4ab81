"""Wiring of the watch layer against kmock: what is asked for, what arrives, what is left behind.

kmock knows no label selectors, no resource versions and no server-side apply, so nothing is
tested with it but the wiring; faults are tested on a real API server (``test_faults.py``).
"""

import asyncio
import collections
import logging
import threading
from typing import Any

import kmock as km
import kopf
import pytest

from vertice_operator.cluster.kinds import Kind
from vertice_operator.runtime.watcher import KopfWatcher, configure, login

VERBS = {"list", "watch", "get", "patch", "update", "create", "delete"}


def declare(server: Any, path: str, kind: str, *, namespaced: bool = True) -> None:
    server.resources[path] = km.ResourceInfo(
        kind=kind, singular=kind.lower(), namespaced=namespaced, verbs=VERBS,
        categories=set(), shortnames=set(),
    )  # fmt: skip


@pytest.fixture
def server(kmock: Any) -> Any:
    # kopf waits for its own resources without a word where they are missing.
    declare(kmock, "v1/namespaces", "Namespace", namespaced=False)
    declare(kmock, "v1/events", "Event")
    crds = "apiextensions.k8s.io/v1/customresourcedefinitions"
    declare(kmock, crds, "CustomResourceDefinition", namespaced=False)
    declare(kmock, "vertice.dev/v1alpha1/discordbots", "DiscordBot")
    return kmock


def add(server: Any, path: str, name: str, **metadata: Any) -> None:
    server.objects[path, "demo", name] = {
        "metadata": {"name": name, "namespace": "demo", "uid": f"u-{name}", "generation": 1,
                     "resourceVersion": "1", **metadata},
        "spec": {},
    }  # fmt: skip


class Recorder:
    def __init__(self, server: Any) -> None:
        self.seen: list[tuple[str, str | None, str]] = []
        self.threads: set[int] = set()
        self.restarts: collections.Counter[str] = collections.Counter()
        self.something = asyncio.Event()
        url = str(server.url).rstrip("/")

        async def log_in(**_: Any) -> kopf.ConnectionInfo:
            return kopf.ConnectionInfo(server=url)

        self.watcher = KopfWatcher(
            self.take, restarts=self.restarts, tune=self.tune, login=log_in, base=0.1, cap=0.2
        )

    def tune(self, settings: kopf.OperatorSettings) -> None:
        settings.scanning.disabled = True  # keeps the CRD watch out of the list of requests

    def take(self, kind: Kind, event: str | None, document: dict[str, Any]) -> None:
        self.seen.append((kind.kind, event, document["metadata"]["name"]))
        self.threads.add(threading.get_ident())
        self.something.set()

    async def until(self, *kinds: str) -> None:
        async with asyncio.timeout(20):
            while not {kind for kind, _, _ in self.seen} >= set(kinds):
                self.something.clear()
                await self.something.wait()


async def test_events_arrive_in_our_loop_and_leave_no_trace(server: Any) -> None:
    add(server, "vertice.dev/v1alpha1/discordbots", "my-bot")
    recorder = Recorder(server)
    running = asyncio.create_task(recorder.watcher.run())
    await recorder.until("DiscordBot")
    recorder.watcher.close()
    async with asyncio.timeout(10):
        await running
    assert recorder.threads == {threading.get_ident()}, "nothing else crosses the border"
    requests = [request for request in list(server) if request.method]
    methods = {str(getattr(each.method, "value", each.method)).upper() for each in requests}
    assert methods <= {"GET"}, "no finalizer, no annotation, no event, no peering"
    assert recorder.watcher.restarts == {}


async def test_it_starts_again_after_any_end(server: Any) -> None:
    add(server, "vertice.dev/v1alpha1/discordbots", "my-bot")
    recorder = Recorder(server)
    running = asyncio.create_task(recorder.watcher.run())
    await recorder.until("DiscordBot")
    first = len(recorder.seen)
    recorder.watcher.restart("a test asks for it")
    async with asyncio.timeout(30):
        while len(recorder.seen) == first:
            recorder.something.clear()
            await recorder.something.wait()
    assert recorder.watcher.restarts["a test asks for it"] == 1
    recorder.watcher.close()
    await running


async def test_it_starts_again_after_a_failed_login() -> None:
    failures = asyncio.Queue[int]()
    loop = asyncio.get_running_loop()

    async def refuse(**_: Any) -> kopf.ConnectionInfo:
        loop.call_soon_threadsafe(failures.put_nowait, 1)
        raise kopf.LoginError("no")

    watcher = KopfWatcher(lambda *_: None, login=refuse, base=0.05, cap=0.1)
    running = asyncio.create_task(watcher.run())
    async with asyncio.timeout(60):
        for _ in range(2):
            await failures.get()
    watcher.close()
    async with asyncio.timeout(20):
        await running


def test_settings_that_keep_the_process_alive() -> None:
    settings = kopf.OperatorSettings()
    configure(settings, namespaced=True)
    assert settings.peering.standalone
    assert not settings.posting.enabled
    assert settings.process.ultimate_exiting_timeout is None, "kopf would SIGKILL us"
    assert settings.watching.server_timeout == 270
    assert settings.watching.inactivity_timeout == 70
    assert settings.scanning.disabled


async def test_no_two_logins_are_equal(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """kopf ends when a 401 meets the credentials it already had."""
    path = tmp_path / "config"
    path.write_text(
        '{"clusters":[{"name":"c","cluster":{"server":"https://h"}}],"users":[{"name":"u","user":'
        '{"token":"t"}}],"contexts":[{"name":"x","context":{"cluster":"c","user":"u"}}],'
        '"current-context":"x"}'
    )
    monkeypatch.setenv("KUBECONFIG", str(path))
    given = {"logger": logging.getLogger(), "settings": kopf.OperatorSettings()}
    first, second = [await login(**given) for _ in range(2)]
    assert (first.server, first.token) == (second.server, second.token) == ("https://h", "t")
    assert first != second
