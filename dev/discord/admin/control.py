"""Admin: faults, sessions and the ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields

from aiohttp import web

from dev.discord.admin.routing import Routes
from dev.discord.core import Core
from dev.discord.gateway.faults import Faults
from dev.discord.gateway.opcodes import Op
from dev.discord.gateway.session import Session, Socket
from dev.discord.wire import Json

routes = Routes()

SocketAct = Callable[[Socket], None]


def _chosen(core: Core, body: Json) -> list[Session]:
    """Return the live sessions that ``bot_id``, ``shard`` and ``session`` pick, all by default."""
    found = core.hub.live(int(body["bot_id"]) if body.get("bot_id") else None)
    if body.get("shard") is not None:
        found = [item for item in found if item.shard_id == int(body["shard"])]
    if body.get("session") is not None:
        found = [item for item in found if item.id == body["session"]]
    return found


@routes.add("POST", "/gateway/cut")
async def cut(core: Core, _: web.Request, body: Json) -> Json:
    """Break connections with a TCP reset, in the middle of a frame if asked."""
    return _each_socket(core, body, lambda s: s.reset(mid_frame=bool(body.get("mid_frame"))))


@routes.add("POST", "/gateway/close")
async def close(core: Core, _: web.Request, body: Json) -> Json:
    """Close connections with a close code."""
    code, reason = int(body["code"]), str(body.get("reason", ""))
    return _each_socket(core, body, lambda s: s.close_soon(code, reason))


def _each_socket(core: Core, body: Json, act: SocketAct) -> Json:
    hit = [item for item in _chosen(core, body) if item.socket is not None]
    for session in hit:
        if session.socket is not None:
            act(session.socket)
    return {"sessions": [item.id for item in hit]}


@routes.add("POST", "/gateway/reconnect")
async def reconnect(core: Core, _: web.Request, body: Json) -> Json:
    """Send op 7."""
    return {"count": core.hub.send_op(_chosen(core, body), Op.RECONNECT, None)}


@routes.add("POST", "/gateway/invalidate")
async def invalidate(core: Core, _: web.Request, body: Json) -> Json:
    """Send op 9; without ``resumable`` the sessions are over."""
    resumable = bool(body.get("resumable"))
    chosen = _chosen(core, body)
    count = core.hub.send_op(chosen, Op.INVALID_SESSION, resumable)
    if not resumable:
        for session in chosen:
            core.hub.kill(session, "invalidated")
    return {"count": count}


@routes.add("POST", "/gateway/heartbeat")
async def heartbeat(core: Core, _: web.Request, body: Json) -> Json:
    """Ask clients for a heartbeat at once (op 1)."""
    return {"count": core.hub.send_op(_chosen(core, body), Op.HEARTBEAT, None)}


@routes.add("POST", "/gateway/expire")
async def expire(core: Core, _: web.Request, body: Json) -> Json:
    """End sessions and break their connections: the next RESUME finds nothing."""
    chosen = _chosen(core, body)
    for session in chosen:
        core.hub.kill(session, "expired")
        if session.socket is not None:
            session.socket.reset()
    return {"sessions": [item.id for item in chosen]}


@routes.add("POST", "/gateway/inject")
async def inject(core: Core, _: web.Request, body: Json) -> Json:
    """Dispatch an event as it is, malformed or not, to the chosen sessions."""
    return {"seqs": core.hub.inject(_chosen(core, body), str(body["event"]), body["data"])}


@routes.add("GET", "/faults")
async def get_faults(core: Core, _: web.Request, __: Json) -> Json:
    """Return the faults that are switched on."""
    return asdict(core.hub.faults)


@routes.add("PUT", "/faults")
async def set_faults(core: Core, _: web.Request, body: Json) -> Json:
    """Set the named faults; those not named stay."""
    known = {field.name: type(getattr(Faults(), field.name)) for field in fields(Faults)}
    for name, value in body.items():
        if name not in known:
            raise ValueError(f"no fault {name}; there are: {', '.join(sorted(known))}")
        setattr(core.hub.faults, name, known[name](value))
    return asdict(core.hub.faults)


@routes.add("GET", "/sessions")
async def sessions(core: Core, request: web.Request, _: Json) -> list[Json]:
    """Return sessions, dead ones too with ``?all=1``."""
    found = core.hub.sessions.values() if request.query.get("all") else core.hub.live()
    return [
        {
            "id": item.id,
            "bot": str(item.app_id),
            "shard": item.shard_id,
            "shard_count": item.shard_count,
            "seq": item.seq,
            "connected": item.socket is not None,
            "source": item.source,
            "resumes": item.resumes,
            "buffered": len(item.buffer),
            "dead": item.dead,
        }
        for item in found
    ]


@routes.add("GET", "/ledger")
async def ledger(core: Core, request: web.Request, _: Json) -> Json:
    """Return entries: ``after``, ``kinds`` (comma-separated), ``limit``; other keys must match."""
    query = dict(request.query)
    after = int(query.pop("after", 0))
    kinds = query.pop("kinds", None)
    limit = query.pop("limit", None)
    found = core.ledger.query(
        after=after,
        kinds=frozenset(kinds.split(",")) if kinds else None,
        limit=int(limit) if limit else None,
        match=query,
    )
    return {"entries": found, "last": core.ledger.last, "dropped": core.ledger.dropped}


@routes.add("GET", "/ledger.jsonl")
async def ledger_lines(core: Core, request: web.Request, _: Json) -> web.Response:
    """Return the ledger as JSON lines."""
    after = int(request.query.get("after", 0))
    return web.Response(
        body=core.ledger.jsonl(after), headers={"Content-Type": "application/x-ndjson"}
    )


@routes.add("GET", "/counts")
async def counts(core: Core, _: web.Request, __: Json) -> Json:
    """Return how many ledger entries of each kind there were, and invalid requests by address."""
    return {
        "kinds": dict(core.ledger.counts),
        "last": core.ledger.last,
        "dropped": core.ledger.dropped,
        "invalid_requests": core.limiter.invalid_counts(),
    }
