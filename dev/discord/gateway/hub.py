"""The hub: all sessions, who gets which event, and the life and death of sessions."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from dev.discord.clock import Clock
from dev.discord.gateway import handshake, intents
from dev.discord.gateway.faults import Faults
from dev.discord.gateway.handshake import Identify, Resume
from dev.discord.gateway.limits import IdentifyBuckets, IdentifyBudget
from dev.discord.gateway.opcodes import SESSION_KILLERS, CloseCode, Op, RefusedError
from dev.discord.gateway.replay import Frame, ReplayBuffer
from dev.discord.gateway.routing import shard_of
from dev.discord.gateway.session import Session, Socket
from dev.discord.ledger import Ledger
from dev.discord.settings import GatewaySettings
from dev.discord.wire import Json, dumps
from dev.discord.world import payloads, permissions
from dev.discord.world.models import Application, Guild
from dev.discord.world.permissions import Permission
from dev.discord.world.state import Event, World

API_VERSION = 10
_VIEW = Permission.VIEW_CHANNEL.value
_DEAD_KEPT = 1000
_AUDIT_EVENT = "GUILD_AUDIT_LOG_ENTRY_CREATE"


class InvalidSessionError(Exception):
    """The answer is op 9.

    Parameters
    ----------
    reason
        For the ledger.
    resumable
        The data of op 9: whether another RESUME may succeed.
    delayed
        Whether Discord lets the client wait for it.
    """

    def __init__(self, reason: str, *, resumable: bool = False, delayed: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.resumable = resumable
        self.delayed = delayed


@dataclass(slots=True)
class _Limits:
    buckets: IdentifyBuckets
    budget: IdentifyBudget


@dataclass(slots=True)
class Hub:
    """Sessions of every application.

    Feeds *every* open session of a shard, as Discord does: two processes on one shard both get
    every event, and it is the bot's business to act once.
    """

    world: World
    ledger: Ledger
    clock: Clock
    settings: GatewaySettings
    rng: random.Random
    faults: Faults = field(default_factory=Faults)
    sessions: dict[str, Session] = field(default_factory=dict)
    """Every session by id, the last dead ones too, so that a RESUME can be told why it fails."""
    _alive: dict[str, Session] = field(default_factory=dict)
    _limits: dict[int, _Limits] = field(default_factory=dict)
    _timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)

    def live(self, app_id: int | None = None) -> list[Session]:
        """Return the sessions that are not dead, of one application or of all."""
        alive = self._alive.values()
        return [item for item in alive if app_id is None or item.app_id == app_id]

    def identify_limits(self, app_id: int) -> tuple[IdentifyBuckets, IdentifyBudget]:
        """Return the counters of one application, full on first use."""
        limits = self._limits.get(app_id)
        if limits is None:
            settings = self.settings
            limits = _Limits(
                IdentifyBuckets(settings.max_concurrency, settings.identify_window),
                IdentifyBudget(settings.identify_budget, settings.identify_reset),
            )
            self._limits[app_id] = limits
        return limits.buckets, limits.budget

    # ------------------------------------------------------------------ events in

    def on_event(self, event: Event) -> None:
        """Give an event of the world to every session that is to have it."""
        if event.name == "_BOT_JOIN":
            self._announce_guild(event)
            return
        if event.name.startswith("_"):
            return
        fields = {"event_id": event.id, "event": event.name, "guild_id": event.guild_id}
        self.ledger.record("event", **fields, id=event.data.get("id"))
        times = 2 if self.faults.duplicate_next and self.faults.spend("duplicate_next") else 1
        encoded: dict[bool, bytes] = {}
        for session in self.live():
            app = self.world.applications[session.app_id]
            if not self._is_for(event, session, app):
                continue
            full = self._full_view(event, session, app)
            if full not in encoded:
                data = event.data if full else intents.without_content(event.data)
                encoded[full] = dumps(data)
            for _ in range(times):
                self._dispatch(session, event.name, event.id, encoded[full])

    def _is_for(self, event: Event, session: Session, app: Application) -> bool:
        if shard_of(event.guild_id, session.shard_count) != session.shard_id:
            return False
        if event.only_bot is not None and event.only_bot != app.id:
            return False
        mine = event.about_user == app.user_id
        in_guild = event.guild_id is not None
        if not mine and not intents.wants(event.name, session.intents, in_guild=in_guild):
            return False
        return self._may_see(event, app)

    def _may_see(self, event: Event, app: Application) -> bool:
        if event.guild_id is not None:
            guild = self.world.guilds.get(event.guild_id)
            if guild is None or app.user_id not in guild.members:
                return False
            if event.name == _AUDIT_EVENT:
                member = guild.members[app.user_id]
                return bool(permissions.in_guild(guild, member) & Permission.VIEW_AUDIT_LOG)
        if event.channel_id is None or event.name == "INTERACTION_CREATE":
            return True
        channel = self.world.channel(event.channel_id)
        return bool(self.world.permissions(channel, app.user_id) & _VIEW)

    def _full_view(self, event: Event, session: Session, app: Application) -> bool:
        if event.name not in ("MESSAGE_CREATE", "MESSAGE_UPDATE"):
            return True
        return intents.may_read_content(event.data, session.intents, app.user_id)

    def _dispatch(self, session: Session, name: str, event_id: int, data: bytes) -> Frame:
        frame = session.dispatch(name, event_id, data, self.clock.monotonic())
        self.ledger.record(
            "dispatch",
            session=session.id,
            shard=session.shard_id,
            bot=str(session.app_id),
            seq=frame.seq,
            event=name,
            event_id=event_id,
            live=session.socket is not None,
        )
        return frame

    def _announce_guild(self, event: Event) -> None:
        for session in self.live(event.only_bot):
            if shard_of(event.guild_id, session.shard_count) == session.shard_id:
                self._send_guild(session, event.guild_id or 0, event.id)

    def _send_guild(self, session: Session, guild_id: int, event_id: int = 0) -> None:
        if not session.intents & intents.Intents.GUILDS:
            return
        guild = self.world.guild(guild_id)
        everybody = bool(session.intents & intents.Intents.GUILD_PRESENCES)
        me = self.world.applications[session.app_id].user_id
        data = payloads.guild_create(self.world, guild, me, everybody=everybody)
        self._dispatch(session, "GUILD_CREATE", event_id, dumps(data))

    # ------------------------------------------------------------------ IDENTIFY

    def identify(self, socket: Socket, request: Identify, codec: str, resume_url: str) -> Session:
        """Start a session on ``socket``.

        Raises
        ------
        RefusedError
            With the close code for a bad token, shard or intents.
        InvalidSessionError
            When the bucket's turn is not there yet.
        """
        app = self._authenticate(request.token)
        handshake.check_privileged(request.intents, app.privileged)
        mine = self._guilds_of(app, request.shard_id, request.shard_count)
        if len(mine) > self.settings.max_guilds_per_shard:
            raise RefusedError(CloseCode.SHARDING_REQUIRED, "Sharding required.")
        self._spend_identify(app, request, socket)
        session = self._new_session(app, request, codec)
        self._attach(session, socket)
        ready = self._ready(session, app, mine, resume_url)
        self._dispatch(session, "READY", 0, dumps(ready))
        for guild_id in mine:
            if not self.world.guild(guild_id).unavailable:
                self._send_guild(session, guild_id)
        return session

    def _authenticate(self, token: str) -> Application:
        app = self.world.application_by_token(token)
        if app is None or app.token_refused:
            raise RefusedError(CloseCode.AUTHENTICATION_FAILED, "Authentication failed.")
        return app

    def _guilds_of(self, app: Application, shard_id: int, shard_count: int) -> list[int]:
        return [
            guild.id
            for guild in self.world.member_of(app.user_id)
            if shard_of(guild.id, shard_count) == shard_id
        ]

    def _spend_identify(self, app: Application, request: Identify, socket: Socket) -> None:
        now = self.clock.monotonic()
        buckets, budget = self.identify_limits(app.id)
        within_budget = budget.take(now)
        in_turn = buckets.take(request.shard_id, now)
        self.ledger.record(
            "identify",
            bot=str(app.id),
            shard=request.shard_id,
            shard_count=request.shard_count,
            intents=request.intents,
            source=socket.source,
            conn=socket.id,
            properties=request.properties,
            accepted=within_budget and in_turn,
            remaining=budget.remaining(now),
        )
        if not within_budget:
            self._reset_token(app)
            raise RefusedError(CloseCode.AUTHENTICATION_FAILED, "Authentication failed.")
        if not in_turn:
            raise InvalidSessionError("identify_rate_limit")

    def _reset_token(self, app: Application) -> None:
        """Do what Discord does when the IDENTIFY budget is overdrawn: end all, void the token."""
        app.token_refused = True
        self.ledger.record("token_reset", bot=str(app.id))
        for session in self.live(app.id):
            if session.socket is not None:
                session.socket.close_soon(CloseCode.AUTHENTICATION_FAILED, "Token reset.")
            self.kill(session, "token_reset")

    def _new_session(self, app: Application, request: Identify, codec: str) -> Session:
        session = Session(
            # Not from the seed: a client may come back with an id of an earlier run.
            id=secrets.token_hex(16),
            app_id=app.id,
            shard_id=request.shard_id,
            shard_count=request.shard_count,
            intents=request.intents,
            codec=codec,
            properties=request.properties,
            buffer=ReplayBuffer(self.settings.buffer_events, self.settings.buffer_age),
            created_at=self.clock.wall(),
        )
        self.sessions[session.id] = self._alive[session.id] = session
        while len(self.sessions) > len(self._alive) + _DEAD_KEPT:
            del self.sessions[next(item for item in self.sessions if item not in self._alive)]
        return session

    def _ready(self, session: Session, app: Application, mine: list[int], resume_url: str) -> Json:
        shown = payloads.application(self.world, app)
        return {
            "v": API_VERSION,
            "user": {
                **payloads.user(self.world.user(app.user_id)),
                "verified": True,
                "mfa_enabled": True,
                "email": None,
                "flags": 0,
            },
            "guilds": [{"id": str(guild_id), "unavailable": True} for guild_id in mine],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": resume_url,
            "shard": [session.shard_id, session.shard_count],
            "application": {"id": str(app.id), "flags": shown["flags"]},
            "private_channels": [],
            "relationships": [],
            "presences": [],
            "user_settings": {},
            "geo_ordered_rtc_regions": [],
            "guild_join_requests": [],
            "_trace": ["local"],
        }

    # ------------------------------------------------------------------ RESUME

    def resume(self, socket: Socket, request: Resume, codec: str) -> Session:
        """Go on with a session on ``socket``: exactly the missed events, then RESUMED.

        Raises
        ------
        RefusedError
            4004 for a bad token, 4007 for a sequence that was never sent.
        InvalidSessionError
            When the session is gone, or can no longer be replayed from there.
        """
        app = self._authenticate(request.token)
        session = self.sessions.get(request.session_id)
        fields = {"session": request.session_id, "from_seq": request.seq, "source": socket.source}
        try:
            frames = self._resumable(session, app, request, codec)
        except (InvalidSessionError, RefusedError) as refusal:
            why = str(refusal)
            self.ledger.record("resume", **fields, conn=socket.id, accepted=False, reason=why)
            raise
        assert session is not None
        gap = session.detached_at and self.clock.monotonic() - session.detached_at
        self.ledger.record(
            "resume",
            **fields,
            conn=socket.id,
            bot=str(app.id),
            shard=session.shard_id,
            accepted=True,
            replayed=len(frames),
            last_seq=session.seq,
            previous_source=session.source,
            gap_seconds=gap,
        )
        session.resumes += 1
        self._attach(session, socket)
        session.replay_to(socket, frames, self.clock.monotonic())
        return session

    def _resumable(
        self, session: Session | None, app: Application, request: Resume, codec: str
    ) -> tuple[Frame, ...]:
        if session is None or session.app_id != app.id:
            raise InvalidSessionError("unknown_session", delayed=True)
        if session.dead is not None:
            raise InvalidSessionError(f"dead_session:{session.dead}", delayed=True)
        if request.seq > session.seq or request.seq < 0:
            raise RefusedError(CloseCode.INVALID_SEQ, "Invalid seq.")
        if self.settings.pin_codec and codec != session.codec:
            raise InvalidSessionError("codec_changed")
        if session.socket is not None:
            self._meet_open_socket(session)
        session.buffer.trim(self.clock.monotonic())
        frames = session.buffer.after(request.seq)
        if frames is None:
            raise InvalidSessionError("forgotten", delayed=True)
        return frames

    def _meet_open_socket(self, session: Session) -> None:
        mode = self.settings.on_open_socket
        if mode != "steal":
            raise InvalidSessionError("socket_open", resumable=mode == "refuse_resumable")
        old = session.socket
        assert old is not None
        session.detached_at = self.clock.monotonic()
        session.socket = None
        old.close_soon(CloseCode.UNKNOWN_ERROR, "Session resumed elsewhere.")

    # ------------------------------------------------------------------ life and death

    def _attach(self, session: Session, socket: Socket) -> None:
        session.socket = socket
        session.source = socket.source
        session.attached_at = self.clock.wall()
        session.detached_at = None
        self._stop_timer(session)
        self._changed(session, "attached")

    def detach(self, session: Session, socket: Socket, code: int, *, by_client: bool) -> None:
        """Take ``socket`` off its session after the socket closed with ``code``.

        1000 and 1001 from the client end the session; anything else leaves it resumable for a
        random time (honesty rule 2).
        """
        if session.socket is not socket:
            return
        session.socket = None
        session.detached_at = self.clock.monotonic()
        if by_client and code in SESSION_KILLERS:
            self.kill(session, f"closed_{code}")
            return
        if session.dead is None:
            ttl = self.rng.uniform(*self.settings.session_ttl)
            loop = asyncio.get_running_loop()
            self._timers[session.id] = loop.call_later(ttl, self.kill, session, "expired")
        self._changed(session, "detached")

    def kill(self, session: Session, reason: str) -> None:
        """End a session for good."""
        if session.dead is not None:
            return
        session.dead = reason
        session.buffer.clear()
        self._alive.pop(session.id, None)
        self._stop_timer(session)
        self._changed(session, "dead")

    def stop(self) -> None:
        """Cancel every timer, at shut-down."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _stop_timer(self, session: Session) -> None:
        if timer := self._timers.pop(session.id, None):
            timer.cancel()

    def _changed(self, session: Session, state: str) -> None:
        self.ledger.record(
            "session",
            session=session.id,
            bot=str(session.app_id),
            shard=session.shard_id,
            shard_count=session.shard_count,
            state=state,
            source=session.source,
            seq=session.seq,
            reason=session.dead,
        )

    # ------------------------------------------------------------------ requests and scripts

    def request_members(self, session: Session, data: Json) -> None:
        """Answer op 8 with GUILD_MEMBERS_CHUNK events of at most 1000 members."""
        guild = self.world.guilds.get(int(data.get("guild_id", 0)))
        me = self.world.applications[session.app_id].user_id
        if guild is None or me not in guild.members:
            return
        found = _select_members(self.world, guild, data)
        pieces = [found[i : i + 1000] for i in range(0, len(found), 1000)] or [[]]
        for index, piece in enumerate(pieces):
            chunk: Json = {
                "guild_id": str(guild.id),
                "members": piece,
                "chunk_index": index,
                "chunk_count": len(pieces),
                "not_found": [],
            }
            if data.get("nonce") is not None:
                chunk["nonce"] = data["nonce"]
            self._dispatch(session, "GUILD_MEMBERS_CHUNK", 0, dumps(chunk))

    def inject(self, sessions: Iterable[Session], name: str, data: object) -> list[int]:
        """Dispatch ``data`` as it is, malformed or not; returns the sequences it got."""
        encoded = dumps(data)
        return [self._dispatch(session, name, 0, encoded).seq for session in sessions]

    def send_op(self, sessions: Iterable[Session], op: Op, data: object) -> int:
        """Send a bare op to the sockets of ``sessions``; returns to how many."""
        count = 0
        for session in sessions:
            if session.socket is not None:
                session.socket.push_op(op, data)
                count += 1
        return count


def _select_members(world: World, guild: Guild, data: Json) -> list[Json]:
    """Return the members that op 8 asks for: by id, or by the start of the name."""
    wanted = data.get("user_ids")
    if wanted:
        ids = {int(item) for item in (wanted if isinstance(wanted, list) else [wanted])}
        chosen = [member for member in guild.members.values() if member.user_id in ids]
    else:
        query = str(data.get("query") or "").lower()
        chosen = [
            member
            for member in guild.members.values()
            if world.user(member.user_id).name.lower().startswith(query)
        ]
        if limit := int(data.get("limit") or 0):
            chosen = chosen[:limit]
    return [payloads.member(world, member) for member in chosen]
