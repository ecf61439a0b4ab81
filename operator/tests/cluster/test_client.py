"""The client against a real API server: what it sends is what a server accepts."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration

from vertice_operator.cluster import errors
from vertice_operator.cluster.client import KubeClient, load_configuration
from vertice_operator.cluster.kinds import KindRef
from vertice_operator.cluster.lease import LeaseStore

pytestmark = pytest.mark.apiserver
CONFIG_MAP = KindRef("", "v1", "ConfigMap", "configmaps")
ABSENT = KindRef("nobody.example", "v1", "Nothing", "nothings")


@pytest.fixture
async def client(apiserver: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KubeClient]:
    monkeypatch.setenv("KUBECONFIG", str(apiserver.kubeconfig))
    found = KubeClient()
    yield found
    await found.close()


@pytest.fixture
async def namespace(apiserver: Any) -> str:
    name = f"c-{uuid.uuid4().hex[:8]}"
    await asyncio.to_thread(apiserver.make_namespace, name)
    return name


def config_map(namespace: str, name: str = "x", **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"vertice.dev/bot": "b"}},
        "data": data,
    }


async def test_apply_keeps_every_letter_and_its_name(client: KubeClient, namespace: str) -> None:
    text = "🎉 crème — \u200f \U0001f3f3\ufe0f\u200d\U0001f308"
    made = await client.apply(CONFIG_MAP, config_map(namespace, greeting=text))
    assert made["data"]["greeting"] == text
    assert [(f["manager"], f["operation"]) for f in made["metadata"]["managedFields"]] == [
        ("vertice-operator", "Apply")
    ]
    again = await client.apply(CONFIG_MAP, config_map(namespace, greeting=text))
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_an_unknown_field_is_refused_with_its_name(
    client: KubeClient, namespace: str
) -> None:
    body = config_map(namespace) | {"dta": {}}
    with pytest.raises(errors.InvalidError, match="dta"):
        await client.apply(CONFIG_MAP, body)


async def test_a_uid_guards_a_write_and_a_version_a_deletion(
    client: KubeClient, namespace: str
) -> None:
    made = (await client.apply(CONFIG_MAP, config_map(namespace, a="1")))["metadata"]
    changed = await client.apply(CONFIG_MAP, config_map(namespace, a="2"), uid=made["uid"])
    with pytest.raises(errors.ConflictError):
        await client.apply(CONFIG_MAP, config_map(namespace, a="3"), uid=str(uuid.uuid4()))
    old = {"uid": made["uid"], "resource_version": made["resourceVersion"]}
    with pytest.raises(errors.ConflictError):
        await client.delete(CONFIG_MAP, namespace, "x", **old)
    new = old | {"resource_version": changed["metadata"]["resourceVersion"]}
    await client.delete(CONFIG_MAP, namespace, "x", **new)
    with pytest.raises(errors.NotFoundError) as gone:
        await client.get(CONFIG_MAP, namespace, "x")
    assert not isinstance(gone.value, errors.KindMissingError)


async def test_a_creation_by_apply_meets_nothing_or_is_refused(
    client: KubeClient, namespace: str
) -> None:
    """It must neither take over what somebody else made nor need a look beforehand."""
    made = await client.apply(CONFIG_MAP, config_map(namespace, a="1"), absent=True)
    assert [(f["manager"], f["operation"]) for f in made["metadata"]["managedFields"]] == [
        ("vertice-operator", "Apply")
    ]
    for data in ({"a": "1"}, {"b": "2"}):
        with pytest.raises(errors.ConflictError):
            await client.apply(CONFIG_MAP, config_map(namespace, **data), absent=True)
    assert await client.get(CONFIG_MAP, namespace, "x") == made, "untouched"


async def test_a_watch_goes_on_from_where_a_list_was(client: KubeClient, namespace: str) -> None:
    first = await client.apply(CONFIG_MAP, config_map(namespace, "first"))
    [(version, items)] = [
        page async for page in client.pages(CONFIG_MAP, namespace, "vertice.dev/bot")
    ]
    assert [item["metadata"]["name"] for item in items] == ["first"]
    stream = client.watch(CONFIG_MAP, namespace, "vertice.dev/bot", version, lasting=60, silence=30)
    async with asyncio.timeout(30), contextlib.aclosing(stream):
        unlabelled = config_map(namespace, "unlabelled")
        del unlabelled["metadata"]["labels"]
        await client.apply(CONFIG_MAP, unlabelled)
        await client.apply(CONFIG_MAP, config_map(namespace, "second", big="x" * 300_000))
        meta = first["metadata"]
        await client.delete(
            CONFIG_MAP,
            namespace,
            "first",
            uid=meta["uid"],
            resource_version=meta["resourceVersion"],
        )
        seen = [(kind, found["metadata"]["name"]) async for kind, found in _first(2, stream)]
    assert seen == [("ADDED", "second"), ("DELETED", "first")]


async def _first(count: int, stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for each in stream:
        yield each
        count -= 1
        if not count:
            return


async def test_a_watch_ends_when_the_server_was_asked_to_end_it(
    client: KubeClient, namespace: str
) -> None:
    async with asyncio.timeout(30):
        stream = client.watch(CONFIG_MAP, namespace, "vertice.dev/bot", "", lasting=1, silence=30)
        assert [kind async for kind, _ in stream if kind != "BOOKMARK"] == []


async def test_a_silent_watch_is_given_up(client: KubeClient, namespace: str) -> None:
    stream = client.watch(CONFIG_MAP, namespace, "vertice.dev/bot", "", lasting=60, silence=0.3)
    with pytest.raises(errors.TransportError, match="no answer"):
        assert [kind async for kind, _ in stream if kind != "BOOKMARK"] == []


async def test_a_list_is_read_page_by_page(
    client: KubeClient, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vertice_operator.cluster.client._LIST_PAGE", 3)
    for number in range(7):
        await client.apply(CONFIG_MAP, config_map(namespace, f"x{number}"))
    pages: list[int] = []
    client.observers.append(lambda verb, kind, status, seconds: pages.append(status))
    found = [
        item["metadata"]["name"]
        async for item in client.list(CONFIG_MAP, namespace, "vertice.dev/bot=b")
    ]
    assert sorted(found) == [f"x{number}" for number in range(7)]
    assert pages == [200, 200, 200]


async def test_a_kind_that_does_not_exist(client: KubeClient, namespace: str) -> None:
    with pytest.raises(errors.KindMissingError):
        await client.get(ABSENT, namespace, "x")
    with pytest.raises(errors.KindMissingError):
        await client.apply(ABSENT, {"metadata": {"name": "x", "namespace": namespace}})


async def test_the_guard_stands_before_every_write(client: KubeClient, namespace: str) -> None:
    def refuse() -> None:
        raise errors.NotLeaderError("no")

    client.guard = refuse
    sent: list[str] = []
    client.observers.append(lambda verb, *_: sent.append(verb))
    for write in (
        client.apply(CONFIG_MAP, config_map(namespace)),
        client.apply_status(CONFIG_MAP, config_map(namespace)),
        client.create(CONFIG_MAP, config_map(namespace)),
        client.replace(CONFIG_MAP, config_map(namespace)),
        client.delete(CONFIG_MAP, namespace, "x", uid="u", resource_version="1"),
    ):
        with pytest.raises(errors.NotLeaderError):
            await write
    assert sent == []


async def test_after_a_401_the_credentials_are_read_again(
    client: KubeClient, namespace: str
) -> None:
    loads = 0

    async def load() -> Configuration:
        nonlocal loads
        loads += 1
        configuration = await load_configuration()
        if loads == 1:
            configuration.cert_file = configuration.key_file = None
            configuration.api_key = {"BearerToken": "Bearer stale"}
        return configuration

    renewed = KubeClient(load)
    # Many at once meet the 401: one renewal serves all, and none of the others is cut off.
    await asyncio.gather(
        *(renewed.get(CONFIG_MAP, namespace, "kube-root-ca.crt") for _ in range(8))
    )
    assert loads == 2
    await renewed.close()


async def test_a_watch_over_replaced_connections_ends_and_does_not_hang(
    client: KubeClient, namespace: str
) -> None:
    stream = client.watch(CONFIG_MAP, namespace, "vertice.dev/bot", "", lasting=60, silence=50)
    seen: list[str] = []

    async def follow() -> None:
        async for kind, _ in stream:
            seen.append(kind)

    waiting = asyncio.create_task(follow())
    await client.get(CONFIG_MAP, namespace, "kube-root-ca.crt")
    while not client._streams:  # noqa: ASYNC110 - nothing tells when a watch is open
        await asyncio.sleep(0.01)
    for _ in range(2):  # connections are kept for one renewal and closed with the next
        await client._reopen(client._rest)
        await client.get(CONFIG_MAP, namespace, "kube-root-ca.crt")
    async with asyncio.timeout(10):
        with pytest.raises(errors.TransportError, match="replaced"):
            await waiting
    assert set(seen) <= {"BOOKMARK"}


async def test_nobody_answers() -> None:
    async def load() -> Configuration:
        configuration = Configuration()
        configuration.host = "http://127.0.0.1:1"
        return configuration

    lonely = KubeClient(load)
    with pytest.raises(errors.TransportError, match="no answer from the API server"):
        await lonely.get(CONFIG_MAP, "default", "x")
    await lonely.close()


async def test_a_lease_is_written_only_over_what_was_read(
    client: KubeClient, namespace: str
) -> None:
    store, now = LeaseStore(client, namespace, "leader"), "2026-01-01T00:00:00.000000Z"
    assert await store.read() is None
    first = await store.write(None, "a", 15, now)
    assert await store.read() == first
    with pytest.raises(errors.ConflictError):
        await store.write(None, "b", 15, now)
    second = await store.write(first, "b", 15, now)
    assert (second.holder, second.transitions) == ("b", 2)
    with pytest.raises(errors.ConflictError):
        await store.write(first, "a", 15, now)
    released = await store.write(second, "", 15, now)
    assert released.holder == ""


async def test_an_answer_of_5xx_is_given_at_once_and_asked_for_once() -> None:
    """A retry in the library would hide the fault from the back-off and from the metrics."""
    asked: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        asked.append(request.method)
        return web.Response(status=503, text="not now")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()

    async def load() -> Configuration:
        configuration = Configuration()
        configuration.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return configuration

    client = KubeClient(load)
    body = config_map("default") | {"kind": "ConfigMap", "apiVersion": "v1"}
    for send in (client.get(CONFIG_MAP, "default", "x"), client.replace(CONFIG_MAP, body)):
        async with asyncio.timeout(5):
            with pytest.raises(errors.TransportError, match="503"):
                await send
    await client.close()
    await runner.cleanup()
    assert asked == ["GET", "PUT"]
