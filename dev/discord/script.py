"""A typed client of the scripting API, for tests and experiments.

>>> async with Script("http://127.0.0.1:8080/_admin") as script:
...     home = await script.home()
...     answer = await script.run_command(home.channel("general"), home.user("nina"), "ping")
...     assert answer.message is not None
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp

from dev.discord.wire import Json, loads

T = TypeVar("T")

_POLL_SECONDS = 0.02


class ScriptError(RuntimeError):
    """The server refused a scripted act; the text is the server's."""


@dataclass(frozen=True, slots=True)
class Home:
    """A guild with its ids by name."""

    guild_id: str
    owner_id: str
    channels: dict[str, str]
    roles: dict[str, str]
    users: dict[str, str]
    bots: dict[str, str]

    def channel(self, name: str) -> str:
        """Return the id of the channel ``name``."""
        return self.channels[name]

    def user(self, name: str) -> str:
        """Return the id of the user ``name``."""
        return self.users[name]

    def bot(self, name: str = "vertice") -> str:
        """Return the id of the bot ``name``."""
        return self.bots[name]


@dataclass(frozen=True, slots=True)
class Answer:
    """How an interaction went."""

    id: str
    state: str
    """``waiting``, ``deferred``, ``answered`` or ``failed``."""
    message: Json | None
    followups: list[Json]
    ephemeral: bool
    modal: Json | None
    choices: list[Json] | None
    acknowledged_after: float | None
    """Seconds from INTERACTION_CREATE to the accepted callback."""
    answered_after: float | None

    @property
    def content(self) -> str:
        """Text of the answer, empty when there is none."""
        return str(self.message["content"]) if self.message else ""

    @property
    def embeds(self) -> list[Json]:
        """Embeds of the answer."""
        return list(self.message["embeds"]) if self.message else []


class Script:
    """Acts on a running local Discord as everybody but the bot.

    Parameters
    ----------
    base
        Address of the scripting API, ``http://host:port/_admin``.
    """

    def __init__(self, base: str) -> None:
        self.base = base.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the HTTP session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    # ------------------------------------------------------------------ the world

    async def home(self, guild: str | None = None) -> Home:
        """Return the guild with the name or id ``guild``, the oldest one by default."""
        world: Json = await self._call("GET", "/world")
        found = [g for g in world["guilds"] if guild is None or guild in (g["id"], g["name"])]
        if not found:
            raise ScriptError(f"there is no guild {guild}")
        first = found[0]
        return Home(
            guild_id=first["id"],
            owner_id=first["owner_id"],
            channels=first["channels"],
            roles=first["roles"],
            users=world["users"],
            bots=world["bots"],
        )

    async def create_guild(self, name: str, **fields: object) -> Json:
        """Make a guild; ``id``, ``owner_id``, ``channel`` and ``bots`` may be given."""
        return await self._object("POST", "/guilds", {"name": name, **fields})

    async def create_channel(self, guild_id: str, name: str, **fields: object) -> Json:
        """Make a channel; ``type``, ``topic`` and ``overwrites`` may be given."""
        return await self._object("POST", f"/guilds/{guild_id}/channels", {"name": name, **fields})

    async def create_role(self, guild_id: str, name: str, **fields: object) -> Json:
        """Make a role; ``permissions`` and ``color`` may be given."""
        return await self._object("POST", f"/guilds/{guild_id}/roles", {"name": name, **fields})

    async def join(self, guild_id: str, **fields: object) -> Json:
        """Let a user in: ``user_id`` or ``name``, and ``roles``."""
        return await self._object("POST", f"/guilds/{guild_id}/members", fields)

    async def leave(self, guild_id: str, user_id: str) -> None:
        """Take a member out."""
        await self._call("DELETE", f"/guilds/{guild_id}/members/{user_id}")

    async def edit_member(self, guild_id: str, user_id: str, **fields: object) -> Json:
        """Change ``roles``, ``nick`` or ``timeout_until`` of a member."""
        return await self._object("PATCH", f"/guilds/{guild_id}/members/{user_id}", fields)

    async def set_available(self, guild_id: str, *, available: bool) -> None:
        """Play an outage of a guild, or its end."""
        await self._call("POST", f"/guilds/{guild_id}/availability", {"available": available})

    async def create_bot(self, name: str, token: str, **fields: object) -> Json:
        """Register another bot; ``privileged`` and ``guilds`` may be given."""
        return await self._object("POST", "/bots", {"name": name, "token": token, **fields})

    async def edit_bot(self, bot_id: str, **fields: object) -> Json:
        """Set ``refuse_token``, ``privileged``, or ``permissions`` with ``guild_id``."""
        return await self._object("PATCH", f"/bots/{bot_id}", fields)

    # ------------------------------------------------------------------ acts of users

    async def send(self, channel_id: str, user_id: str, content: str, **fields: object) -> Json:
        """Send a message as a user; ``reply_to`` and ``count`` may be given."""
        body = {"channel_id": channel_id, "user_id": user_id, "content": content, **fields}
        return await self._object("POST", "/messages", body)

    async def messages(self, channel_id: str) -> list[Json]:
        """Return every message of a channel, oldest first."""
        found: list[Json] = await self._call("GET", f"/channels/{channel_id}/messages")
        return found

    async def edit_message(self, channel_id: str, message_id: str, content: str) -> Json:
        """Edit a message as its author."""
        path = f"/channels/{channel_id}/messages/{message_id}"
        return await self._object("PATCH", path, {"content": content})

    async def delete_message(self, channel_id: str, message_id: str) -> None:
        """Delete a message."""
        await self._call("DELETE", f"/channels/{channel_id}/messages/{message_id}")

    async def react(self, channel_id: str, message_id: str, user_id: str, emoji: str) -> None:
        """React as a user."""
        body = {
            "channel_id": channel_id,
            "message_id": message_id,
            "user_id": user_id,
            "emoji": emoji,
        }
        await self._call("POST", "/reactions", body)

    async def open_direct(self, user_id: str, bot_id: str) -> str:
        """Return the id of the direct-message channel of a user and a bot."""
        shown = await self._object("POST", "/directs", {"user_id": user_id, "bot_id": bot_id})
        return str(shown["id"])

    async def run_command(
        self,
        channel_id: str,
        user_id: str,
        command: str,
        options: Json | None = None,
        *,
        wait: float = 5.0,
        **fields: object,
    ) -> Answer:
        """Run ``command`` (``"config set"`` for a sub-command) and wait for its answer.

        ``bot_id`` and ``target_id`` may be given. The answer's state tells whether it came within
        ``wait`` seconds.
        """
        body = {
            "channel_id": channel_id,
            "user_id": user_id,
            "command": command,
            "options": options or {},
            "wait": wait,
            **fields,
        }
        return _answer(await self._object("POST", "/commands", body))

    async def autocomplete(
        self,
        channel_id: str,
        user_id: str,
        command: str,
        focused: str,
        options: Json,
        *,
        wait: float = 3.0,
    ) -> list[Json]:
        """Return the choices a bot offers while the option ``focused`` is being typed."""
        answer = await self.run_command(
            channel_id, user_id, command, options, wait=wait, focused=focused
        )
        return answer.choices or []

    async def click(
        self, channel_id: str, message_id: str, user_id: str, custom_id: str, **fields: object
    ) -> Answer:
        """Press a button, or choose ``values`` in a menu, and wait for the answer."""
        body = {
            "channel_id": channel_id,
            "message_id": message_id,
            "user_id": user_id,
            "custom_id": custom_id,
            "wait": 5.0,
            **fields,
        }
        return _answer(await self._object("POST", "/components", body))

    async def submit(self, asked: Answer, values: dict[str, str], *, wait: float = 5.0) -> Answer:
        """Fill in and send the form that an interaction was answered with."""
        body = {"interaction_id": asked.id, "values": values, "wait": wait}
        return _answer(await self._object("POST", "/modals", body))

    async def interaction(self, interaction_id: str, *, wait: float = 0.0) -> Answer:
        """Return how far an interaction is, waiting for an answer if asked."""
        path = f"/interactions/{interaction_id}?wait={wait}"
        return _answer(await self._object("GET", path))

    # ------------------------------------------------------------------ faults

    async def cut(self, *, mid_frame: bool = False, **which: object) -> list[str]:
        """Reset TCP connections; ``bot_id``, ``shard`` or ``session`` choose; returns sessions."""
        body = {"mid_frame": mid_frame, **which}
        shown = await self._object("POST", "/gateway/cut", body)
        return list(shown["sessions"])

    async def close_sockets(self, code: int, **which: object) -> list[str]:
        """Close connections with ``code``; returns the sessions."""
        shown = await self._object("POST", "/gateway/close", {"code": code, **which})
        return list(shown["sessions"])

    async def reconnect(self, **which: object) -> int:
        """Send op 7; returns to how many sessions."""
        return int((await self._object("POST", "/gateway/reconnect", which))["count"])

    async def invalidate(self, *, resumable: bool = False, **which: object) -> int:
        """Send op 9; returns to how many sessions."""
        body = {"resumable": resumable, **which}
        return int((await self._object("POST", "/gateway/invalidate", body))["count"])

    async def ask_heartbeat(self, **which: object) -> int:
        """Send op 1; returns to how many sessions."""
        return int((await self._object("POST", "/gateway/heartbeat", which))["count"])

    async def expire(self, **which: object) -> list[str]:
        """End sessions and break their connections; returns the sessions."""
        return list((await self._object("POST", "/gateway/expire", which))["sessions"])

    async def inject(self, event: str, data: object, **which: object) -> list[int]:
        """Dispatch ``data`` as it is; returns the sequences it got."""
        body = {"event": event, "data": data, **which}
        return list((await self._object("POST", "/gateway/inject", body))["seqs"])

    async def faults(self, **switches: object) -> Json:
        """Set faults by name (``dev.discord.gateway.faults``) and return all of them."""
        return await self._object("PUT", "/faults", switches)

    # ------------------------------------------------------------------ what happened

    async def sessions(self, *, dead: bool = False) -> list[Json]:
        """Return the sessions, dead ones too if asked."""
        found: list[Json] = await self._call("GET", "/sessions" + ("?all=1" if dead else ""))
        return found

    async def ledger(self, *kinds: str, after: int = 0, **match: object) -> list[Json]:
        """Return ledger entries of ``kinds`` (all by default) whose fields equal ``match``.

        Raises
        ------
        ScriptError
            When the ledger no longer has all entries: no verdict can be given on a part of it.
        """
        query = {"after": str(after), **{key: str(value) for key, value in match.items()}}
        if kinds:
            query["kinds"] = ",".join(kinds)
        text = "&".join(f"{key}={value}" for key, value in query.items())
        shown = await self._object("GET", f"/ledger?{text}")
        if shown["dropped"] > after:
            raise ScriptError(f"the ledger has forgotten its first {shown['dropped']} entries")
        return list(shown["entries"])

    async def counts(self) -> Json:
        """Return how many ledger entries of each kind there were."""
        return await self._object("GET", "/counts")

    async def until(
        self, probe: Callable[[], Awaitable[T | None]], what: str, *, within: float = 10.0
    ) -> T:
        """Ask ``probe`` again and again until it returns something true.

        Raises
        ------
        TimeoutError
            After ``within`` seconds, naming ``what`` was waited for.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        while True:
            if found := await probe():
                return found
            if loop.time() > deadline:
                raise TimeoutError(f"waited {within} s in vain for {what}")
            await asyncio.sleep(_POLL_SECONDS)

    async def wait_connected(self, count: int = 1, *, within: float = 30.0) -> list[Json]:
        """Wait until ``count`` sessions have a socket, and return them."""

        async def enough() -> list[Json] | None:
            found = [item for item in await self.sessions() if item["connected"]]
            return found if len(found) >= count else None

        return await self.until(enough, f"{count} connected sessions", within=within)

    # ------------------------------------------------------------------ HTTP

    async def _object(self, method: str, path: str, body: object = None) -> Json:
        shown: Json = await self._call(method, path, body)
        return shown

    async def _call(self, method: str, path: str, body: object = None) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        async with self._session.request(method, self.base + path, json=body) as response:
            shown = loads(await response.read())
            if response.status >= 400:
                raise ScriptError(f"{method} {path}: {shown.get('error', shown)}")
            return shown


def _answer(shown: Json) -> Answer:
    return Answer(
        id=shown["id"],
        state=shown["state"],
        message=shown["message"],
        followups=shown["followup_messages"],
        ephemeral=shown["ephemeral"],
        modal=shown["modal"],
        choices=shown["choices"],
        acknowledged_after=shown["acknowledged_after"],
        answered_after=shown["answered_after"],
    )
