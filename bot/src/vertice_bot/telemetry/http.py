"""Measure every request that discord.py makes, retries and interaction answers included."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import aiohttp

from vertice_bot.telemetry.metrics import Metrics
from vertice_bot.telemetry.routes import route_label

_SCOPES = frozenset({"user", "global", "shared"})
_WITH_OWN_TOKEN = ("/interactions/", "/webhooks/")


def trace_config(metrics: Metrics, unauthorized: Callable[[], None]) -> aiohttp.TraceConfig:
    """Make the trace for discord.py's ``http_trace``.

    Parameters
    ----------
    metrics:
        Counts requests and rate limits.
    unauthorized:
        Called on a 401 that concerns the bot's token. After it no request may be made: each one
        counts towards a ban of the address.
    """

    async def ended(
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        params: aiohttp.TraceRequestEndParams,
    ) -> None:
        status = params.response.status
        if status == 101:
            return
        path = params.url.path
        route = route_label(params.method, path)
        metrics.discord_http_requests.labels(route=route, status=str(status)).inc()
        if status == 429:
            scope = params.response.headers.get("X-RateLimit-Scope", "user")
            scope = scope if scope in _SCOPES else "user"
            metrics.discord_ratelimited.labels(scope=scope).inc()
        if status == 401 and not any(part in path for part in _WITH_OWN_TOKEN):
            metrics.discord_auth_failed.set(1)
            unauthorized()

    async def failed(
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        params: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        route = route_label(params.method, params.url.path)
        metrics.discord_http_requests.labels(route=route, status="error").inc()

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(ended)
    trace.on_request_exception.append(failed)
    return trace
