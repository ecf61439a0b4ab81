"""Our own list and watch: what it does when a stream lies, breaks, is refused or falls silent.

The streams are played in virtual time, so that minutes of back-off cost nothing; the same client
and the same faults on a real API server are in ``test_faults.py``.
"""

import asyncio
import collections
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from vertice_operator.cluster import errors
from vertice_operator.cluster.cache import LiveCache
from vertice_operator.cluster.kinds import Kind, KindRef
from vertice_operator.runtime.listwatch import ListWatcher

CONFIG_MAP = KindRef("", "v1", "ConfigMap", "configmaps")
SERVICE = KindRef("", "v1", "Service", "services")
Step = tuple[str, dict[str, Any]] | Exception | float
Run = Callable[[Any], Any]


def thing(name: str, version: int, bot: str = "my-bot") -> dict[str, Any]:
    return {
        "metadata": {
            "name": name, "namespace": "demo", "uid": f"u-{name}", "resourceVersion": str(version),
            "labels": {"vertice.dev/bot": bot},
        },
    }  # fmt: skip


def bookmark(version: int) -> Step:
    return "BOOKMARK", {"metadata": {"resourceVersion": str(version)}}


class Server:
    """Plays lists and streams for each kind; a float in a stream is a pause, the end hangs."""

    def __init__(self) -> None:
        self.lists: dict[str, list[Any]] = collections.defaultdict(list)
        self.streams: dict[str, list[list[Step]]] = collections.defaultdict(list)
        self.asked: list[tuple[str, str, float]] = []

    async def pages(self, kind: Kind, namespace: str | None, selector: str) -> AsyncIterator[Any]:
        assert selector == "vertice.dev/bot", "filtered by the server"
        self.asked.append((kind.plural, "list", asyncio.get_running_loop().time()))
        found = self.lists[kind.plural].pop(0) if self.lists[kind.plural] else ("1", [])
        if isinstance(found, Exception):
            raise found
        yield found

    async def watch(
        self, kind: Kind, namespace: str | None, selector: str, version: str, **_: Any
    ) -> AsyncIterator[Any]:
        assert selector == "vertice.dev/bot", "filtered by the server"
        self.asked.append((kind.plural, version, asyncio.get_running_loop().time()))
        if not self.streams[kind.plural]:
            await asyncio.Event().wait()
        for step in self.streams[kind.plural].pop(0):
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield step

    def of(self, kind: Kind) -> list[str]:
        return [what for plural, what, _ in self.asked if plural == kind.plural]


class Here:
    def __init__(self, server: Server, kinds: tuple[Kind, ...] = (CONFIG_MAP,)) -> None:
        self.cache, self.seen, self.lost = LiveCache(), [], set()  # type: ignore[var-annotated]
        self.restarts: collections.Counter[str] = collections.Counter()
        self.watcher = ListWatcher(
            server, self.cache, self.take, self.lost.update, kinds, (), self.restarts,  # type: ignore[arg-type]
        )  # fmt: skip

    def take(self, kind: Kind, event: str | None, document: dict[str, Any]) -> None:
        self.seen.append((event, document["metadata"]["name"]))
        self.cache.store(kind, document)

    async def during(self, seconds: float) -> None:
        running = asyncio.create_task(self.watcher.run())
        await asyncio.sleep(seconds)
        self.watcher.close()
        await running


def test_a_list_then_its_changes(virtual: Run) -> None:
    server = Server()
    server.lists["configmaps"] = [("7", [thing("a", 5)])]
    server.streams["configmaps"] = [[("ADDED", thing("b", 8)), ("DELETED", thing("a", 9)), 1e6]]

    async def main() -> None:
        here = Here(server)
        await here.during(5)
        assert here.seen == [(None, "a"), ("ADDED", "b"), ("DELETED", "a")]
        assert server.of(CONFIG_MAP) == ["list", "7"]
        assert here.restarts == {}

    virtual(main())


def test_the_end_in_good_order_goes_on_without_a_list_and_without_a_pause(virtual: Run) -> None:
    server = Server()
    server.lists["configmaps"] = [("7", [])]
    server.streams["configmaps"] = [[60.0, bookmark(20), 200.0]]

    async def main() -> None:
        here = Here(server)
        await here.during(300)
        assert server.of(CONFIG_MAP) == ["list", "7", "20"], "from the bookmark on"
        assert server.asked[-1][2] == pytest.approx(260, abs=0.1)
        assert here.restarts == {}

    virtual(main())


def test_a_broken_stream_goes_on_where_it_was(virtual: Run) -> None:
    """Also one that fell silent: the client ends it with the same error."""
    server = Server()
    server.lists["configmaps"] = [("7", [])]
    broken = errors.TransportError("connection reset")
    server.streams["configmaps"] = [[("ADDED", thing("a", 8)), broken]]

    async def main() -> None:
        here = Here(server)
        await here.during(5)
        assert server.of(CONFIG_MAP) == ["list", "7", "8"]
        assert here.restarts == {"TransportError": 1}

    virtual(main())


def test_what_is_too_old_is_listed_again_and_deletions_in_the_gap_are_found(virtual: Run) -> None:
    server = Server()
    server.lists["configmaps"] = [
        ("7", [thing("a", 5, bot="one"), thing("b", 6, bot="two")]),
        ("30", [thing("b", 6, bot="two")]),
    ]
    server.streams["configmaps"] = [[1.0, errors.ExpiredError("too old")]]

    async def main() -> None:
        here = Here(server)
        await here.during(5)
        assert server.of(CONFIG_MAP) == ["list", "7", "list", "30"]
        assert here.lost == {("demo", "one")}
        assert here.cache.children(("demo", "one")) == {}
        assert here.restarts == {"ExpiredError": 1}

    virtual(main())


@pytest.mark.parametrize(
    "refusal", [errors.ForbiddenError("no"), errors.NotFoundError("no"), errors.TransportError("5")]
)
def test_one_kind_that_fails_for_long_holds_up_no_other(virtual: Run, refusal: Exception) -> None:
    server = Server()
    server.lists["configmaps"] = [refusal] * 20
    server.streams["services"] = [[100.0, ("ADDED", thing("s", 9)), 1e6]]

    async def main() -> None:
        here = Here(server, (CONFIG_MAP, SERVICE))
        await here.during(400)
        assert ("ADDED", "s") in here.seen
        assert server.of(SERVICE) == ["list", "1"]
        tries = [at for plural, what, at in server.asked if plural == "configmaps"]
        pauses = [after - before for before, after in itertools.pairwise(tries)]
        assert max(pauses) <= 12, "tried again at least every 10 s, give or take 20 %"
        assert sum(pause < 1 for pause in pauses[:-1]) <= 2, "and not without a pause"
        assert server.of(CONFIG_MAP)[-1] == "1", "and watched once it can be"

    virtual(main())


def test_a_server_that_ends_every_stream_at_once_is_not_run_down(virtual: Run) -> None:
    server = Server()
    server.streams["configmaps"] = [[] for _ in range(1000)]

    async def main() -> None:
        await Here(server).during(100)
        assert len(server.asked) < 20

    virtual(main())


def test_an_event_that_breaks_its_reader_ends_nothing_else(virtual: Run) -> None:
    server = Server()
    server.streams["configmaps"] = [[("ADDED", {"metadata": {"resourceVersion": "3"}})]]

    async def main() -> None:
        here = Here(server)
        await here.during(5)
        assert server.of(CONFIG_MAP) == ["list", "1", "list", "1"]
        assert here.restarts == {"KeyError": 1}

    virtual(main())


def test_a_restart_lists_everything_again(virtual: Run) -> None:
    server = Server()

    async def main() -> None:
        here = Here(server, (CONFIG_MAP, SERVICE))
        running = asyncio.create_task(here.watcher.run())
        await asyncio.sleep(5)
        here.watcher.restart("blind")
        await asyncio.sleep(5)
        here.watcher.close()
        await running
        assert server.of(CONFIG_MAP) == server.of(SERVICE) == ["list", "1", "list", "1"]
        assert here.restarts == {"blind": 1}

    virtual(main())


def test_a_stream_that_lags_behind_a_list_is_known_as_such(virtual: Run) -> None:
    server = Server()
    server.lists["configmaps"] = [("7", [])]
    server.streams["configmaps"] = [[("ADDED", thing("a", 10)), 100.0, bookmark(20), 1e6]]

    async def main() -> None:
        here = Here(server)
        assert not here.watcher.behind("configmaps", "9"), "one that is not open yet lists first"
        running = asyncio.create_task(here.watcher.run())
        await asyncio.sleep(5)
        assert not here.watcher.behind("configmaps", "10")
        assert here.watcher.behind("configmaps", "15")
        assert not here.watcher.behind("services", "15")
        await asyncio.sleep(100)
        assert not here.watcher.behind("configmaps", "15"), "a bookmark is progress"
        here.watcher.close()
        await running

    virtual(main())
