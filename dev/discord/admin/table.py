"""All routes of the scripting API."""

from __future__ import annotations

from aiohttp import web

from dev.discord.admin import acts, control, people, routing


def install(app: web.Application) -> None:
    """Add the scripting API to ``app``."""
    for topic in (people.routes, acts.routes, control.routes):
        for method, path, handler in topic.all:
            app.router.add_route(method, routing.PREFIX + path, routing.bind(handler))
