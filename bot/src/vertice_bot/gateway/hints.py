"""Hints between replicas, by LISTEN and NOTIFY: a lost one costs time, never safety."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import structlog

from vertice_bot.gateway.lease import CHANNEL, LeaseStore
from vertice_bot.gateway.ownership import Release
from vertice_bot.gateway.session import SessionRecord

RETRY_SECONDS = 0.5
CHECK_SECONDS = 2.0
_log = structlog.get_logger(__name__)


class HintKind(StrEnum):
    """What a replica tells the others."""

    OFFER = "offer"
    """I want to hand this shard to you."""
    PREPARED = "prepared"
    """I am connected up to HELLO, and my cache is filled."""
    REFUSED = "refused"
    """I take nothing; look for another one."""
    RELEASED = "released"
    """The shard is free now. Sent by the statement that releases it."""


@dataclass(frozen=True, slots=True)
class Hint:
    """One hint."""

    kind: HintKind
    shard: int
    epoch: int
    sender: str
    to: str = ""


class HintLine:
    """A connection of its own for hints and for releases.

    The keeper's connection may wait for a lock, and Postgres hands out notifications only between
    two statements; so hints have their own.

    Parameters
    ----------
    store:
        The statements.
    connect:
        Opens a connection.
    refused:
        Says of an exception whether the database does not serve us now.
    timeout:
        Seconds for one request.
    """

    def __init__(
        self,
        store: LeaseStore,
        connect: Callable[[], Awaitable[Any]],
        refused: Callable[[Exception], bool],
        timeout: float,
    ) -> None:
        self._store = store
        self._connect = connect
        self._refused = refused
        self._timeout = timeout
        self._connection: Any = None
        self._lock = asyncio.Lock()
        self._listeners: list[Callable[[Hint], None]] = []

    def listen(self, listener: Callable[[Hint], None]) -> None:
        """Call a function with each hint of another replica; it must not block."""
        self._listeners.append(listener)

    async def run(self) -> None:
        """Keep the connection open until cancelled."""
        while True:
            try:
                async with self._lock, asyncio.timeout(self._timeout):
                    await self._connected()
            except Exception as error:
                if not self._refused(error):
                    raise
                await self.close()
                await asyncio.sleep(RETRY_SECONDS)
            else:
                await asyncio.sleep(CHECK_SECONDS)

    async def send(self, kind: HintKind, shard: int, epoch: int, to: str) -> None:
        """Send a hint; a database that is away swallows it."""
        hint = Hint(kind, shard, epoch, self._store.owner, to)
        payload = {**asdict(hint), "bot": self._store.bot}
        try:
            async with self._lock, asyncio.timeout(self._timeout):
                await self._store.notify(await self._connected(), payload)
        except Exception as error:
            if not self._refused(error):
                raise
            _log.info("hint not sent", kind=kind.value, shard=shard, error=type(error).__name__)
            await self.close()

    async def release(
        self, release: Release, records: Mapping[int, SessionRecord], heir: str | None
    ) -> set[int]:
        """Release rows and say so; a database that is away costs the rest of the lease.

        Returns
        -------
        set of int
            The rows that were released.
        """
        try:
            async with self._lock, asyncio.timeout(self._timeout):
                connection = await self._connected()
                return await self._store.release(connection, release, records, heir)
        except Exception as error:
            if not self._refused(error):
                raise
            _log.warning("lease could not be released; it expires by itself")
            await self.close()
            return set()

    async def _connected(self) -> Any:
        if self._connection is None or self._connection.is_closed():
            connection = await self._connect()
            self._connection = connection
            await connection.add_listener(CHANNEL, self._heard)
        return self._connection

    def _heard(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        hint = parse(payload, self._store.bot)
        if hint is not None and hint.sender != self._store.owner:
            for listener in self._listeners:
                listener(hint)

    async def close(self) -> None:
        """Drop the connection; :meth:`run` and :meth:`send` open another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


def parse(payload: str, bot: str) -> Hint | None:
    """Read a notification; None for another bot's, or one that is not understood."""
    try:
        said = json.loads(payload)
        if said["bot"] != bot:
            return None
        return Hint(
            HintKind(said["kind"]),
            int(said["shard"]),
            int(said["epoch"]),
            str(said["sender"]),
            str(said.get("to") or ""),
        )
    except (ValueError, KeyError, TypeError):
        return None
