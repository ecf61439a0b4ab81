"""kopf as the watch layer, in a thread and an event loop of its own, under a supervisor.

kopf ends on faults that a cluster produces in a normal month (a long 5xx, an expired list token,
a refused watch of one kind), so it is started again with back-off. It must not share the main
loop: when it ends it cancels every task made since it started, may schedule a SIGKILL of the
process that lives on, and in the main thread replaces the signal handlers. In a thread all that
stays inside. Only ``on.event`` is used, so that kopf writes nothing on anybody's objects; its
handlers pass the raw event on to the main loop and return None.

This module is the only one that imports kopf.
"""

import asyncio
import collections
import concurrent.futures
import contextlib
import dataclasses
import datetime
import logging
import os
import random
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import kopf

from vertice_operator.cluster.kinds import BOT, Kind

log = logging.getLogger(__name__)
_GRACE = 4.0
"""Seconds for kopf to end in good order when it is asked to."""

Sink = Callable[[Kind, str | None, dict[str, Any]], None]
"""Takes the kind, the event type (None for the first listing) and the object."""


class Watcher(Protocol):
    """What the rest of the operator knows of the watch layer."""

    restarts: collections.Counter[str]

    async def run(self) -> None:
        """Watch until closed."""

    def restart(self, reason: str) -> None:
        """Start the watches anew, because they seem blind."""

    def close(self) -> None:
        """Make :meth:`run` return."""


def configure(settings: kopf.OperatorSettings, namespaced: bool) -> None:
    """Set kopf up as measured for a watch layer that must notice a dead connection."""
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.networking.request_timeout, settings.networking.connect_timeout = 30, 10
    settings.networking.error_backoffs = [1, 2, 4, 8, 16]
    # inactivity_timeout stays at its 70 s: bookmarks come every 60 s.
    settings.watching.server_timeout, settings.watching.connect_timeout = 270, 10
    settings.watching.reconnect_backoff = 1.0
    # Whole lists in memory at once would be most of the process. A token that expires between two
    # pages ends kopf, and the supervisor starts it again.
    settings.watching.chunk_size = 50
    # Never let kopf SIGKILL the process that it is only a part of.
    settings.process.ultimate_exiting_timeout = None
    # Without the right to list namespaces kopf would burn 31 s before the first watch.
    settings.scanning.disabled = namespaced


async def login(**kwargs: Any) -> kopf.ConnectionInfo:
    """Log in with the service account or a kubeconfig; every login differs from the last one.

    kopf compares credentials for equality and gives up when a 401 meets the same ones again; the
    moving expiry makes it read the token file again instead.
    """
    info = None if "KUBECONFIG" in os.environ else _service_account(**kwargs)
    info = info or kopf.login_with_kubeconfig(**kwargs)
    if info is None or not (info.token or info.certificate_path or info.certificate_data):
        info = kopf.login_via_client(**kwargs) or info  # knows exec plug-ins
    if info is None:
        raise kopf.LoginError("no kubeconfig and no service account found")
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=10)
    return dataclasses.replace(info, expiration=expires)


def _service_account(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Log in as the pod; by the address that the kubelet gave us, so that no DNS is needed."""
    info = kopf.login_with_service_account(**kwargs)
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{part}") for part in ("HOST", "PORT"))
    if info is None or not host or not port:
        return info
    address = f"[{host}]" if ":" in host else host
    return dataclasses.replace(info, server=f"https://{address}:{port}")


def _run_and_abandon(main: Coroutine[Any, Any, None], patience: float = 2.0) -> None:
    """Run ``main`` in a loop of its own and leave behind whatever does not end in time."""
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(main)
    finally:
        rest = asyncio.all_tasks(loop)
        for task in rest:
            task.cancel()
        if rest:
            loop.run_until_complete(asyncio.wait(rest, timeout=patience))
        # What is left is dropped with the loop; that is no news for the log.
        loop.set_exception_handler(lambda loop, context: None)
        for task in rest:
            _drop(task.get_coro())
        loop.close()


def _drop(coroutine: Any, attempts: int = 20) -> None:
    """End a coroutine that does not want to: each attempt gets it past one more ``await``."""
    for _ in range(attempts):
        try:
            coroutine.close()
        except BaseException:  # noqa: BLE001, S112 - the last words of what is thrown away
            continue
        return


class KopfWatcher:
    """Watches DiscordBots and hands every event to ``sink``.

    Parameters
    ----------
    sink
        Called in the loop that made this object, one event at a time.
    namespaces
        Exact names, or empty for the whole cluster.
    restarts
        Counts the ends of kopf, by reason.
    tune
        Last word on kopf's settings, for tests.
    base, cap
        Back-off of the supervisor in seconds; it starts over after two healthy minutes.
    """

    def __init__(
        self,
        sink: Sink,
        namespaces: tuple[str, ...] = (),
        restarts: collections.Counter[str] | None = None,
        *,
        tune: Callable[[kopf.OperatorSettings], None] = lambda settings: None,
        login: Callable[..., Any] = login,
        base: float = 0.5,
        cap: float = 30.0,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._sink, self._namespaces = sink, namespaces
        self._tune, self._login, self._base, self._cap = tune, login, base, cap
        self._closing, self._wake = False, asyncio.Event()
        self._stop_kopf: Callable[[], object] = lambda: None
        self.restarts = collections.Counter() if restarts is None else restarts

    async def run(self) -> None:
        """Run kopf, again and again, until :meth:`close`."""
        delay = self._base
        while not self._closing:
            started = self._loop.time()
            try:
                await self._spawn()
                reason = "stopped"
            except Exception as error:  # noqa: BLE001 - whatever ended kopf, it starts again
                reason = type(error).__name__
                log.warning("the watch layer ended and is started again: %s: %s", reason, error)
            if self._closing:
                return
            self.restarts[reason] += 1
            if self._loop.time() - started > 120:
                delay = self._base
            try:
                async with asyncio.timeout(delay * random.uniform(0.8, 1.2)):  # noqa: S311
                    await self._wake.wait()
            except TimeoutError:
                delay = min(2 * delay, self._cap)

    def restart(self, reason: str) -> None:
        """Stop the kopf of now; the supervisor starts another one."""
        log.warning("restarting the watch layer: %s", reason)
        self.restarts[reason] += 1
        self._stop_kopf()

    def close(self) -> None:
        """Stop kopf for good."""
        self._closing = True
        self._wake.set()
        self._stop_kopf()

    def _spawn(self) -> "asyncio.Future[None]":
        done: concurrent.futures.Future[None] = concurrent.futures.Future()

        def body() -> None:
            try:
                _run_and_abandon(self._kopf())
                done.set_result(None)
            except Exception as error:  # noqa: BLE001 - handed over to the supervisor
                done.set_exception(error)
            except BaseException as error:  # noqa: BLE001 - a CancelledError would end run()
                done.set_exception(RuntimeError(repr(error)))

        # A daemon thread: a stuck kopf cannot keep the process from exiting.
        threading.Thread(target=body, name="kopf", daemon=True).start()
        return asyncio.wrap_future(done)

    async def _kopf(self) -> None:
        # A threading.Event would be waited for in an executor thread, which hangs the restart.
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        this = asyncio.current_task()
        assert this is not None

        def stop_from_outside() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(stop.set)

        self._stop_kopf = stop_from_outside
        if self._closing:
            return
        settings = kopf.OperatorSettings()
        configure(settings, bool(self._namespaces))
        self._tune(settings)
        tasks = await kopf.spawn_tasks(
            registry=self._registry(),
            settings=settings,
            clusterwide=not self._namespaces,
            namespaces=list(self._namespaces),
            standalone=True,
            stop_flag=stop,
        )
        # Not kopf.operator(): that waits for all of kopf to end after one part has failed, which
        # takes 5 s at best, and for ever when the other parts wait for a new login meanwhile.
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await kopf.run_tasks(tasks, ignored={this})

    def _registry(self) -> kopf.OperatorRegistry:
        """Make a registry of our own; the global one leaks handlers between starts."""
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry, backoff=5)(self._login)
        kopf.on.event(BOT.group, BOT.version, BOT.plural, registry=registry)(self._on_event)
        return registry

    async def _on_event(self, event: Any, **_: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._sink, BOT, event["type"], event["object"])
