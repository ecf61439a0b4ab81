"""What the page knows: a snapshot to begin with, then every change as a server-sent event."""

from __future__ import annotations

import asyncio

from aiohttp import web

from dev.discord.core import CORE, Core
from dev.discord.gateway.session import Session
from dev.discord.page.statusz import StatusPoller
from dev.discord.rest.routing import answer
from dev.discord.wire import Json, dumps
from dev.discord.world import applications, payloads
from dev.discord.world.models import Application, Channel, Guild, Message
from dev.discord.world.state import Event

STATUS = web.AppKey("statusz", StatusPoller)
_MESSAGES = 100
_TICK_SECONDS = 1.0
_QUEUE = 1000
_LEDGER_KINDS = frozenset({"identify", "resume", "session", "invalid_session", "token_reset"})


async def serve_snapshot(request: web.Request) -> web.Response:
    """Answer with everything the page shows."""
    core, status = request.app[CORE], request.app[STATUS]
    return answer(200, snapshot(core, status))


def snapshot(core: Core, status: StatusPoller) -> Json:
    """Return guilds with channels, people and messages, bots with commands, and sessions."""
    world = core.world
    return {
        "guilds": [_guild(core, guild) for guild in world.guilds.values()],
        "directs": [payloads.channel(world, channel) for channel in world.directs.values()],
        "users": [payloads.user(user) for user in world.users.values()],
        "bots": [_bot(core, app) for app in world.applications.values()],
        "messages": {
            str(channel.id): [
                _message(core, message) for message in list(channel.messages.values())[-_MESSAGES:]
            ]
            for channel in _channels(core)
        },
        **gateway_view(core, status),
        "history": core.ledger.query(kinds=frozenset({"identify", "resume"}))[-50:],
    }


def gateway_view(core: Core, status: StatusPoller) -> Json:
    """Return the live part: sessions, replicas, counters."""
    sessions = [_session(core, status, session) for session in core.hub.live()]
    counts = core.ledger.counts
    return {
        "now": core.clock.wall(),
        "sessions": sessions,
        "replicas": status.replicas,
        "counts": {name: counts[name] for name in ("event", "dispatch", "identify", "resume")},
    }


def _channels(core: Core) -> list[Channel]:
    found = list(core.world.directs.values())
    for guild in core.world.guilds.values():
        found.extend(guild.channels.values())
    return found


def _guild(core: Core, guild: Guild) -> Json:
    return {
        **payloads.guild(guild),
        "channels": [payloads.channel(core.world, item) for item in guild.channels.values()],
        "members": [payloads.member(core.world, item) for item in guild.members.values()],
    }


def _bot(core: Core, app: Application) -> Json:
    return {
        "id": str(app.id),
        "name": app.name,
        "refused": app.token_refused,
        "commands": {
            str(guild.id): applications.usable_commands(app, guild.id)
            for guild in core.world.member_of(app.user_id)
        },
        "global_commands": applications.usable_commands(app, None),
    }


def _message(core: Core, message: Message) -> Json:
    shown = payloads.gateway_message(core.world, message)
    if message.ephemeral:
        shown["only_for"] = str(message.only_for)
    return shown


def _session(core: Core, status: StatusPoller, session: Session) -> Json:
    properties = session.properties
    return {
        "id": session.id,
        "bot": str(session.app_id),
        "shard": session.shard_id,
        "shard_count": session.shard_count,
        "seq": session.seq,
        "source": session.source,
        "replica": properties.get("replica") or status.name_of(session.source),
        "library": properties.get("browser"),
        "codec": session.codec,
        "connected": session.socket is not None,
        "since": session.attached_at,
        "created_at": session.created_at,
        "resumes": session.resumes,
        "detached_for": (
            None if session.detached_at is None else core.clock.monotonic() - session.detached_at
        ),
    }


async def serve_stream(request: web.Request) -> web.StreamResponse:
    """Stream changes until the page goes away; a page that reads too slowly has to reload."""
    core, status = request.app[CORE], request.app[STATUS]
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    await response.prepare(request)
    queue: asyncio.Queue[tuple[str, Json]] = asyncio.Queue(_QUEUE + 1)

    def offer(kind: str, data: Json) -> None:
        if queue.qsize() < _QUEUE:
            queue.put_nowait((kind, data))
        elif not queue.full():  # the page cannot keep up: it has to fetch everything again
            queue.put_nowait(("reload", {}))

    def on_event(event: Event) -> None:
        if event.name == "INTERACTION_CREATE":  # carries the token that answers it
            return
        offer("event", {"name": event.name, "data": event.data, "guild_id": str(event.guild_id)})

    def on_entry(entry: Json) -> None:
        if entry["kind"] in _LEDGER_KINDS:
            offer("ledger", entry)

    core.world.listeners.append(on_event)
    stop = core.ledger.listen(on_entry)
    try:
        await _pump(response, queue, core, status)
    except (ConnectionError, asyncio.CancelledError):
        return response
    finally:
        core.world.listeners.remove(on_event)
        stop()
    return response


async def _pump(
    response: web.StreamResponse,
    queue: asyncio.Queue[tuple[str, Json]],
    core: Core,
    status: StatusPoller,
) -> None:
    next_tick = core.clock.monotonic()
    while True:
        wait = max(0.0, next_tick - core.clock.monotonic())
        try:
            kind, data = await asyncio.wait_for(queue.get(), wait)
        except TimeoutError:
            kind, data = "gateway", gateway_view(core, status)
            next_tick = core.clock.monotonic() + _TICK_SECONDS
        await response.write(b"event: %b\ndata: %b\n\n" % (kind.encode(), dumps(data)))
