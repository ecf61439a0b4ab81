"""How an admin request becomes a call, and how mistakes are told to whoever wrote the script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from dev.discord.core import CORE, Core
from dev.discord.interactions.options import BadOptionError
from dev.discord.interactions.users import NotOfferedError
from dev.discord.rest.routing import answer
from dev.discord.wire import Json, loads
from dev.discord.world.models import Application
from dev.discord.world.state import MissingError

PREFIX = "/_admin"

Handler = Callable[[Core, web.Request, Json], Awaitable[object]]


class Routes:
    """Collects admin routes of one topic."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str, Handler]] = []

    def add(self, method: str, path: str) -> Callable[[Handler], Handler]:
        """Register the decorated handler, which gets the core, the request and its JSON body."""

        def register(handler: Handler) -> Handler:
            self.all.append((method, path, handler))
            return handler

        return register


def bind(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Wrap ``handler`` into an aiohttp handler."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            body = await _body(request)
            result = await handler(request.app[CORE], request, body)
        except (BadOptionError, NotOfferedError, ValueError) as error:
            return answer(400, {"error": str(error)})
        except KeyError as error:
            return answer(400, {"error": f"the field {error.args[0]} is missing"})
        except MissingError as error:
            return answer(404, {"error": str(error)})
        return result if isinstance(result, web.StreamResponse) else answer(200, result)

    return handle


async def _body(request: web.Request) -> Json:
    if request.method in ("GET", "DELETE"):
        return {}
    # A page of another site can send a form without asking, but not this content type.
    if request.content_type != "application/json":
        raise ValueError("send the body as application/json")
    value: Any = loads(await request.read() or b"{}")
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004 -- answered as 400
    return value


def path_id(request: web.Request, name: str) -> int:
    """Return the snowflake ``name`` of the path."""
    return int(request.match_info[name])


def application(core: Core, raw: object) -> Application | None:
    """Return the application with the id ``raw``, None when none is named."""
    if raw is None:
        return None
    found = core.world.applications.get(int(str(raw)))
    if found is None:
        raise MissingError(10002, "Application")
    return found
