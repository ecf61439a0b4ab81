"""From an HTTP request to a handler and back: authentication, limits, errors, ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from dev.discord.core import CORE, Core
from dev.discord.rest.body import Upload, read_body
from dev.discord.rest.errors import (
    ApiError,
    invalid_form,
    missing_access,
    missing_permissions,
    unauthorized,
)
from dev.discord.rest.ratelimit import DEFAULT_LIMIT, Limit
from dev.discord.wire import Json, dumps
from dev.discord.world import permissions
from dev.discord.world.models import Application, Channel, Guild
from dev.discord.world.permissions import Permission
from dev.discord.world.state import MissingError, World

API_VERSIONS = ("9", "10")
PREFIX = "/api/v{version}"


@dataclass(slots=True)
class Call:
    """One authenticated request, with its body read."""

    core: Core
    request: web.Request
    app: Application | None
    body: Any = None
    files: list[Upload] = field(default_factory=list)
    status: int = 200

    @property
    def world(self) -> World:
        """The world the request acts on."""
        return self.core.world

    @property
    def bot(self) -> Application:
        """The application that is calling."""
        if self.app is None:
            raise unauthorized()
        return self.app

    @property
    def source(self) -> str:
        """Address and port of the caller."""
        return source_of(self.request)

    @property
    def reason(self) -> str | None:
        """The audit log reason, unquoted."""
        raw = self.request.headers.get("X-Audit-Log-Reason")
        return unquote(raw) if raw else None

    def id(self, name: str) -> int:
        """Return the snowflake ``name`` of the path; ``@me`` is the caller."""
        raw = self.request.match_info[name]
        if raw == "@me":
            return self.bot.user_id
        if not raw.isdigit():
            raise invalid_form(name, "NUMBER_TYPE_COERCE", f'Value "{raw}" is not snowflake.')
        return int(raw)

    def data(self) -> Json:
        """Return the body as an object, empty when there is none."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise ApiError(400, 50109, "The request body contains invalid JSON.")
        return self.body

    def required(self, name: str) -> Any:
        """Return a field of the body that must be there."""
        value = self.data().get(name)
        if value is None:
            raise invalid_form(name, "BASE_TYPE_REQUIRED", "This field is required")
        return value

    def needs(self, needed: Permission) -> None:
        """Raise 50013 unless the bot has ``needed`` in the guild of the path."""
        guild = self.guild()
        if needed & ~permissions.in_guild(guild, guild.members[self.bot.user_id]):
            raise missing_permissions()

    def guild(self) -> Guild:
        """Return the guild of the path, which the bot must be in."""
        guild = self.world.guild(self.id("guild_id"))
        if self.bot.user_id not in guild.members:
            raise missing_access()
        return guild

    def channel(self, needed: Permission = Permission.VIEW_CHANNEL) -> Channel:
        """Return the channel of the path, in which the bot must have ``needed``."""
        channel = self.world.channel(self.id("channel_id"))
        bits = self.world.permissions(channel, self.bot.user_id)
        if not bits & Permission.VIEW_CHANNEL:
            raise missing_access()
        if needed & ~bits:
            raise missing_permissions()
        return channel

    def effect(self, what: str, **fields: object) -> None:
        """Write into the ledger what this request changed in the world."""
        bot = str(self.app.id) if self.app else None
        self.core.ledger.record("effect", what=what, bot=bot, source=self.source, **fields)


Handler = Callable[[Call], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path below the API prefix."""

    method: str
    path: str
    handler: Handler
    limit: Limit
    authenticated: bool
    """Whether the bot token is needed; token-in-path routes do not count globally either."""


class Routes:
    """Collects the routes of one resource."""

    def __init__(self) -> None:
        self.all: list[Route] = []

    def add(
        self,
        method: str,
        path: str,
        limit: Limit = DEFAULT_LIMIT,
        *,
        authenticated: bool = True,
    ) -> Callable[[Handler], Handler]:
        """Register the decorated handler; None as its result answers 204."""

        def register(handler: Handler) -> Handler:
            self.all.append(Route(method, path, handler, limit, authenticated))
            return handler

        return register


def source_of(request: web.BaseRequest) -> str:
    """Return ``address:port`` of the peer."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return f"{peer[0]}:{peer[1]}" if peer else "?"


def answer(status: int, body: object = None, headers: dict[str, str] | None = None) -> web.Response:
    """Build a response whose content type is exactly ``application/json``.

    A charset parameter would break clients that compare the header literally (discord.py does).
    """
    if status == 204:
        return web.Response(status=204, headers=headers)
    all_headers = {**(headers or {}), "Content-Type": "application/json"}
    return web.Response(status=status, body=dumps(body), headers=all_headers)


def bind(route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Wrap ``route`` into an aiohttp handler."""

    async def handle(request: web.Request) -> web.Response:
        core = request.app[CORE]
        address = request.remote or "?"
        if core.limiter.banned(address):
            # The edge bans the address: an answer without Via, and not JSON.
            return web.Response(status=429, text="error code: 1015", headers={"Retry-After": "600"})
        call = Call(core, request, _application(core, request))
        response = await _guarded(route, call)
        if response.status in (401, 403, 429):
            core.limiter.count_invalid(address)
        _record(core, call, route, response.status)
        return response

    return handle


def _application(core: Core, request: web.Request) -> Application | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bot":
        return None
    app = core.world.application_by_token(token.strip())
    return None if app is None or app.token_refused else app


async def _guarded(route: Route, call: Call) -> web.Response:
    headers: dict[str, str] = {}
    try:
        _check_caller(route, call)
        verdict = call.core.limiter.take(
            str(call.app.id) if call.app else "-",
            f"{route.method} {route.path}",
            _major(call.request),
            route.limit,
            count_global=route.authenticated,
        )
        headers = verdict.headers
        if not verdict.allowed:
            return answer(429, verdict.body, headers)
        call.body, call.files = await read_body(call.request)
        result = await route.handler(call)
    except ApiError as error:
        return answer(error.status, error.body, headers)
    except MissingError as missing:
        return answer(404, {"message": str(missing), "code": missing.code}, headers)
    except (ValueError, TypeError, KeyError) as error:
        # A field of the wrong type; the ledger says which, in case the mistake is the server's.
        call.core.ledger.record("rest_malformed", route=route.path, error=repr(error))
        return answer(400, {"message": "Invalid Form Body", "code": 50035}, headers)
    status = 204 if result is None and call.status == 200 else call.status
    return answer(status, result, headers)


def _check_caller(route: Route, call: Call) -> None:
    if call.request.match_info["version"] not in API_VERSIONS:
        raise ApiError(400, 50041, "Invalid API version provided.")
    if route.authenticated and call.app is None:
        raise unauthorized()


def _major(request: web.Request) -> str:
    info = request.match_info
    names = ("channel_id", "guild_id", "webhook_id", "webhook_token", "interaction_token")
    return "/".join(info[name] for name in names if name in info)


def _record(core: Core, call: Call, route: Route, status: int) -> None:
    body = call.body if isinstance(call.body, dict) else {}
    path = call.request.path
    if token := call.request.match_info.get("webhook_token"):
        path = path.replace(token, "<token>")
    if token := call.request.match_info.get("interaction_token"):
        path = path.replace(token, "<token>")
    core.ledger.record(
        "rest",
        method=route.method,
        route=route.path,
        path=path,
        status=status,
        bot=str(call.app.id) if call.app else None,
        nonce=body.get("nonce"),
        source=call.source,
        agent=call.request.headers.get("User-Agent"),
    )
