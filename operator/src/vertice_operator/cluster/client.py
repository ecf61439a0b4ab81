"""The port to the API server: get, list, apply, delete, and few more, over ``kubernetes.aio``.

``kubernetes.aio`` brings configuration (kubeconfig, service account, exec plug-ins, rotated
tokens), TLS and the connection pool. Bodies are serialised here, for two measured reasons: its
apply escapes non-ASCII text in a way that the server, which reads apply bodies as YAML, refuses
(one emoji in an annotation breaks the object), and its dynamic client wraps each answer at three
times the cost of the request itself.
"""

import asyncio
import json
import os
import time
import urllib.parse
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from kubernetes.aio import config as kube_config
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from vertice_operator.api.names import FIELD_MANAGER, STATUS_MANAGER
from vertice_operator.cluster import errors
from vertice_operator.cluster.kinds import Kind, path

Object = dict[str, Any]
Page = tuple[str, list[Object]]
Observer = Callable[[str, str, int, float], None]
"""Called after each request with verb, resource, HTTP status (0 for none) and seconds."""

_APPLY = "application/apply-patch+yaml; charset=utf-8"
_OTHER = "application/yaml"
_LIST_PAGE = 50
_NEVER = "1"
"""A resourceVersion that no object has: the store counts from 1, and its first object gets 2."""


async def load_configuration(
    context: str | None = None, kubeconfig: str | None = None
) -> Configuration:
    """Read how to reach the API server: KUBECONFIG, then the pod's service account, then ~/.kube.

    KUBECONFIG comes first so that a proxy can be put between the operator and the API server. A
    context or a kubeconfig that is asked for comes before everything else.
    """
    configuration = Configuration()
    chosen = context is not None or kubeconfig is not None or "KUBECONFIG" in os.environ
    if not chosen and "KUBERNETES_SERVICE_HOST" in os.environ:
        kube_config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    else:
        await kube_config.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=kubeconfig or os.environ.get("KUBECONFIG"),
            context=context,
            client_configuration=configuration,
            persist_config=False,
        )
    return configuration


class _Answer(NamedTuple):
    """What came back, and over which connections."""

    status: int
    body: bytes
    retry_after: str | None
    by: RESTClientObject | None


class KubeClient:
    """Requests with an explicit time-out each, whose failures are :class:`errors.ClusterError`.

    Parameters
    ----------
    load
        Makes the connection settings; called again after a 401, because an exec plug-in's
        credential or a kubeconfig's token may have been replaced.
    timeout
        Seconds for one request. Well inside the leader Lease, so that a write that hangs cannot
        land after another leader took over.
    list_timeout
        Seconds for one page of a list.
    pool
        Connections kept at most.
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[Configuration]] = load_configuration,
        *,
        timeout: float = 5.0,
        list_timeout: float = 30.0,
        pool: int = 16,
    ) -> None:
        self._load, self._pool = load, pool
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._list_timeout = aiohttp.ClientTimeout(total=list_timeout)
        self._configuration: Configuration | None = None
        self._rest: RESTClientObject | None = None
        self._retired: RESTClientObject | None = None
        self._opening = asyncio.Lock()
        self._streams: dict[RESTClientObject, set[aiohttp.StreamReader]] = {}
        self.observers: list[Observer] = []
        self.guard: Callable[[], None] = lambda: None
        """Called before each write of a child, status or Event; raises when not the leader."""

    async def close(self) -> None:
        """Close the connections."""
        for rest in (self._rest, self._retired):
            if rest is not None:
                await self._shut(rest)
        self._rest = self._retired = None

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """Read one object from the API server, never from a cache."""
        return await self._object("GET", kind.plural, path(kind, namespace, name))

    async def get_path(self, url_path: str) -> Object:
        """Read a document that is no object, such as ``/version``."""
        return await self._object("GET", url_path.strip("/").split("/")[0], url_path)

    async def list(
        self, kind: Kind, namespace: str | None = None, label_selector: str | None = None
    ) -> AsyncIterator[Object]:
        """Yield all objects of a kind, page by page so that no list is ever held as a whole."""
        async for _, items in self.pages(kind, namespace, label_selector):
            for item in items:
                yield item

    async def pages(
        self,
        kind: Kind,
        namespace: str | None = None,
        label_selector: str | None = None,
        *,
        field_selector: str | None = None,
    ) -> AsyncIterator[Page]:
        """Yield the pages of a list, each with the resourceVersion of the list as a whole."""
        query = {"limit": str(_LIST_PAGE)}
        if field_selector:
            query["fieldSelector"] = field_selector
        if label_selector:
            query["labelSelector"] = label_selector
        while True:
            page = await self._object(
                "GET", kind.plural, path(kind, namespace), query, limit=self._list_timeout
            )
            meta = page.get("metadata") or {}
            yield str(meta.get("resourceVersion") or ""), page.get("items") or []
            if not meta.get("continue"):
                return
            query["continue"] = meta["continue"]

    async def watch(
        self,
        kind: Kind,
        namespace: str | None,
        label_selector: str | None,
        version: str,
        *,
        lasting: float,
        silence: float,
        field_selector: str | None = None,
    ) -> AsyncGenerator[tuple[str, Object], None]:
        """Yield type and object of each change after ``version``, bookmarks included.

        Parameters
        ----------
        lasting
            Seconds after which the server shall end the watch; the iteration then just ends.
        silence
            Seconds without a byte after which the connection is taken for dead. The server sends a
            bookmark every minute.

        Raises
        ------
        errors.ExpiredError
            ``version`` is too old: list again.
        errors.ClusterError
            Any other fault, also one that the stream itself tells.
        """
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(max(1, round(lasting))),
            **({"labelSelector": label_selector} if label_selector else {}),
            **({"fieldSelector": field_selector} if field_selector else {}),
        }
        url = f"{path(kind, namespace)}?{urllib.parse.urlencode(query)}"
        limit = aiohttp.ClientTimeout(total=None, connect=self._timeout.total, sock_read=silence)
        started = time.monotonic()
        with _transport():
            response, used = await self._request("GET", url, None, _OTHER, limit)
            self._streams.setdefault(used, set()).add(response.content)
            try:
                for observe in self.observers:
                    observe("GET", kind.plural, response.status, time.monotonic() - started)
                if response.status >= 400:
                    if response.status == 401:
                        await self._reopen(used)
                    after = response.headers.get("Retry-After")
                    raise errors.from_response(response.status, await response.read(), after)
                async for line in _lines(response.content, silence):
                    yield _event(line)
            finally:
                self._streams.get(used, set()).discard(response.content)
                response.close()

    async def apply(
        self,
        kind: Kind,
        body: Object,
        *,
        uid: str | None = None,
        absent: bool = False,
        manager: str = FIELD_MANAGER,
        dry_run: bool = False,
    ) -> Object:
        """Server-side apply one object and return what the server made of it.

        ``uid`` makes the server refuse (409) when the object was replaced by another one of the
        same name since it was looked at. Fields are taken by force: the caller has made sure
        that the object is its own. With ``dry_run`` nothing is stored.

        With ``absent`` the server refuses (409) when there is any object of this name: a creation
        that keeps the ownership of fields of an apply, and needs no look beforehand.
        """
        guards = {"uid": uid} if uid is not None else {}
        if absent:
            guards["resourceVersion"] = _NEVER
        if guards:
            body = {**body, "metadata": {**body["metadata"], **guards}}
        meta = body["metadata"]
        return await self._apply(
            kind, path(kind, meta.get("namespace"), meta["name"]), body, manager, dry_run
        )

    async def apply_status(self, kind: Kind, body: Object) -> Object:
        """Server-side apply the status of an object through its ``/status`` subresource."""
        meta = body["metadata"]
        url = f"{path(kind, meta.get('namespace'), meta['name'])}/status"
        return await self._apply(kind, url, body, STATUS_MANAGER)

    async def delete(
        self, kind: Kind, namespace: str, name: str, *, uid: str, resource_version: str
    ) -> None:
        """Delete exactly the object that was read: same uid, same version."""
        body = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
            "preconditions": {"uid": uid, "resourceVersion": resource_version},
        }
        self.guard()
        await self._object("DELETE", kind.plural, path(kind, namespace, name), body=body)

    async def create(self, kind: Kind, body: Object, *, guarded: bool = True) -> Object:
        """Create an object; :class:`errors.ConflictError` when it exists."""
        if guarded:
            self.guard()
        url = path(kind, body["metadata"].get("namespace"))
        return await self._object("POST", kind.plural, url, {"fieldManager": FIELD_MANAGER}, body)

    async def replace(
        self, kind: Kind, body: Object, *, guarded: bool = True, manager: str = FIELD_MANAGER
    ) -> Object:
        """Replace an object under the resourceVersion that ``body`` carries."""
        if guarded:
            self.guard()
        meta = body["metadata"]
        url = path(kind, meta.get("namespace"), meta["name"])
        return await self._object("PUT", kind.plural, url, {"fieldManager": manager}, body)

    @asynccontextmanager
    async def stream(
        self, url_path: str, query: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """Open an answer of unknown length, such as a log that is followed; no time limit.

        Raises :class:`errors.ClusterError`, also when the connection breaks while it is read.
        """
        url = f"{url_path}?{urllib.parse.urlencode(query)}" if query else url_path
        unlimited = aiohttp.ClientTimeout(total=None, sock_connect=self._timeout.total)
        with _transport():
            response, _ = await self._request("GET", url, None, _OTHER, unlimited)
            try:
                if response.status >= 400:
                    raise errors.from_response(response.status, await response.read())
                yield response.content
            finally:
                response.close()

    async def _apply(
        self, kind: Kind, url: str, body: Object, manager: str, dry_run: bool = False
    ) -> Object:
        self.guard()
        query = {"fieldManager": manager, "force": "true", "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        return await self._object("PATCH", kind.plural, url, query, body, content_type=_APPLY)

    async def _object(
        self,
        method: str,
        resource: str,
        url_path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        *,
        content_type: str = _OTHER,
        limit: aiohttp.ClientTimeout | None = None,
    ) -> Object:
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        url = f"{url_path}?{urllib.parse.urlencode(query)}" if query else url_path
        started, answer = time.monotonic(), _Answer(0, b"", None, None)
        try:
            answer = await self._send(method, url, data, content_type, limit)
            if answer.status == 401:
                await self._reopen(answer.by)
                answer = await self._send(method, url, data, content_type, limit)
        finally:
            for observe in self.observers:
                observe(method, resource, answer.status, time.monotonic() - started)
        if answer.status >= 400:
            raise errors.from_response(answer.status, answer.body, answer.retry_after)
        document: Object = json.loads(answer.body)
        return document

    async def _send(
        self,
        method: str,
        url: str,
        data: bytes | None,
        content_type: str,
        limit: aiohttp.ClientTimeout | None,
    ) -> "_Answer":
        with _transport():
            response, used = await self._request(
                method, url, data, content_type, limit or self._timeout
            )
            body, after = await response.read(), response.headers.get("Retry-After")
            return _Answer(response.status, body, after, used)

    async def _request(
        self,
        method: str,
        url: str,
        data: bytes | None,
        content_type: str,
        limit: aiohttp.ClientTimeout,
    ) -> tuple[aiohttp.ClientResponse, RESTClientObject]:
        """Send a request and return the answer, of which only the head has arrived."""
        rest, headers = await self._open()
        # JSON is YAML as well, and under these names RESTClientObject leaves bytes alone.
        headers["Accept"] = "application/json"
        # Compressing lists costs both sides more than the few hops inside a cluster.
        headers["Accept-Encoding"] = "identity"
        if data is not None:
            headers["Content-Type"] = content_type
        response = await rest.request(  # type: ignore[no-untyped-call]
            method,
            self._host + url,
            headers=headers,
            body=data,
            _request_timeout=limit,
        )
        return response.response, rest

    async def _open(self) -> tuple[RESTClientObject, dict[str, str]]:
        async with self._opening:
            if self._rest is None:
                self._configuration = await self._load()
                self._configuration.connection_pool_maxsize = self._pool
                # One attempt. False would become 0, which a 5xx never reaches: asked for ever.
                self._configuration.retries = 1
                # Looking for proxies in the environment costs two threads' turns a request.
                self._configuration.client_session_kwargs = {
                    "trust_env": bool(urllib.request.getproxies())
                }
                self._rest = RESTClientObject(self._configuration)
        assert self._configuration is not None
        settings: dict[str, Any] = dict(await self._configuration.auth_settings())
        headers = {
            entry["key"]: entry["value"]
            for entry in settings.values()
            if entry["in"] == "header" and entry["value"]
        }
        return self._rest, headers

    async def _reopen(self, used: RESTClientObject | None) -> None:
        """Make the next request read the credentials again.

        Other requests may still run on the old connections, so these are closed one renewal
        later. Of several requests that met the 401 together only the first renews.
        """
        async with self._opening:
            if self._rest is None or used is not self._rest:
                return
            stale, self._retired = self._retired, self._rest
            self._rest = None
        if stale is not None:
            await self._shut(stale)

    async def _shut(self, rest: RESTClientObject) -> None:
        """Close connections, and end the watches on them: aiohttp would let them wait for ever."""
        for stream in self._streams.pop(rest, ()):
            stream.set_exception(aiohttp.ClientConnectionError("the connection was replaced"))
        await rest.close()

    @property
    def _host(self) -> str:
        assert self._configuration is not None
        return str(self._configuration.host).rstrip("/")


@contextmanager
def _transport() -> Iterator[None]:
    """Translate what may go wrong on the way."""
    try:
        yield
    except (TimeoutError, OSError, aiohttp.ClientError) as error:
        text = str(error) or type(error).__name__
        raise errors.TransportError(f"no answer from the API server: {text}") from error


async def _lines(content: aiohttp.StreamReader, silence: float) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; aiohttp's own reader refuses those of large objects."""
    rest = b""
    while True:
        # A second belt: aiohttp's own limit goes with the connection when that is closed.
        async with asyncio.timeout(silence + 1):
            chunk = await content.readany()
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line


def _event(line: bytes) -> tuple[str, Object]:
    try:
        event = json.loads(line)
        kind, found = str(event["type"]), event["object"]
    except (ValueError, KeyError, TypeError) as error:
        raise errors.TransportError("the watch brought something that is no event") from error
    if kind == "ERROR":
        code = found.get("code") if isinstance(found, dict) else None
        raise errors.from_response(int(code or 500), json.dumps(found).encode())
    return kind, found


def pod_namespace(default: str) -> str:
    """Return the namespace that the operator's own pod runs in, or ``default`` outside of one."""
    mounted = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    return mounted.read_text().strip() if mounted.is_file() else default
