"""All REST routes of the API."""

from __future__ import annotations

from aiohttp import web

from dev.discord.core import CORE
from dev.discord.rest import (
    applications,
    cdn,
    channels,
    guilds,
    interactions,
    members,
    messages,
    routing,
)

_RESOURCES = (
    applications.routes,
    messages.routes,
    channels.routes,
    members.routes,
    guilds.routes,
    interactions.routes,
)


def install(app: web.Application) -> None:
    """Add the API and the CDN to ``app``."""
    for resource in _RESOURCES:
        for route in resource.all:
            path = routing.PREFIX + route.path
            app.router.add_route(route.method, path, routing.bind(route))
    app.router.add_route("*", "/api/{rest:.*}", _not_found)
    path = r"/cdn/attachments/{channel_id:\d+}/{attachment_id:\d+}/{filename}"
    app.router.add_get(path, cdn.get_attachment)


async def _not_found(request: web.Request) -> web.Response:
    """Answer a route that this server does not have, and leave a trace of the wish."""
    ledger = request.app[CORE].ledger
    ledger.record("rest_unknown_route", method=request.method, path=request.path)
    return routing.answer(404, {"message": "404: Not Found", "code": 0})
