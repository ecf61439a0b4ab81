"""What the probes and ``/statusz`` say, and the once-a-second measurements behind it."""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any

import vertice_bot
from vertice_bot.gateway.runner import ShardState
from vertice_bot.health import Verdict

if TYPE_CHECKING:
    from vertice_bot.app import Application

DEAF_SECONDS = 30.0
DEAD_SHARD_SECONDS = 180.0
TICK_SECONDS = 1.0
GATEWAY_AWAY = "GatewayDisconnected"
PATIENCE_SECONDS = 15.0


class StatusBoard:
    """Answers for one application.

    Parameters
    ----------
    app:
        Whose status it is.
    """

    def __init__(self, app: Application) -> None:
        self._app = app
        self.listening = False
        self.schema_known = False
        self.schema_text = "the schema was not looked at yet"
        self.schema_version: int | None = None
        self.logged_in = False
        self.draining = False
        self._tick = time.monotonic()
        self._live_at = self._tick
        self._dead_since: dict[int, float] = {}

    # What the application reports.

    def schema_ready(self) -> None:
        """The migrations are applied."""
        self.schema_known = True
        self._app.degraded.clear("migrations")

    def schema_waiting(self, reason: str, text: str) -> None:
        """The database answers, and its schema does not fit."""
        self.schema_known = False
        self.schema_text = f"waiting for migrations: {text}"
        self._app.degraded.set("migrations", reason)

    def schema_unreachable(self, reason: str) -> None:
        """The database does not answer; the bot is up, degraded, and goes on trying."""
        self.schema_known = True
        self._app.degraded.set("postgres", reason)

    # What the probes ask.

    def startup(self) -> Verdict:
        """Configuration read, HTTP up, schema fitting or the database away."""
        if not self.schema_known:
            return Verdict(False, self.schema_text)
        return Verdict(self.listening)

    def ready(self) -> Verdict:
        """Startup over and the event loop alive; also while draining and as a standby."""
        startup = self.startup()
        return startup if not startup.ok else self._loop_alive()

    def live(self) -> Verdict:
        """The event loop turns and no shard's task is dead while the lease is held."""
        alive = self._loop_alive()
        if not alive.ok:
            return alive
        now = time.monotonic()
        for shard, since in self._dead_since.items():
            if now - since > DEAD_SHARD_SECONDS:
                return Verdict(False, f"the task of shard {shard} is dead")
        return Verdict(True)

    def _loop_alive(self) -> Verdict:
        age = time.monotonic() - self._tick
        if age > DEAF_SECONDS:
            return Verdict(False, f"the event loop did not turn for {age:.0f} s")
        return Verdict(True)

    def document(self) -> dict[str, Any]:
        """Give the document of ``/statusz``."""
        app = self._app
        runners = sorted(app.bot.runners.items())
        return {
            "bot": app.settings.bot,
            "replica": app.settings.replica,
            "owner": app.owner,
            "revision": app.settings.revision,
            "version": vertice_bot.__version__,
            "role": "active" if app.active else "standby",
            "draining": self.draining,
            "shard_count": app.settings.shards.count,
            "shards": [
                {
                    "id": shard,
                    "state": runner.state.value,
                    "epoch": runner.epoch or 0,
                    "latency_seconds": _finite(runner.ws.latency if runner.ws else math.nan),
                    "lag_seconds": round(runner.lag_seconds, 6),
                    "behind": runner.mark.received - runner.mark.done,
                    "handover_gap_seconds": _finite(
                        math.nan if runner.handover_gap is None else runner.handover_gap
                    ),
                }
                for shard, runner in runners
            ],
            "lag_seconds": max((r.lag_seconds for _, r in runners), default=0.0),
            "schema_version": self.schema_version,
            "discord": {
                "state": self._discord_state(),
                "identify_remaining": app.bot.identify_remaining,
                "recommended_shards": app.bot.recommended_shards,
            },
            "degraded": app.degraded.items(),
        }

    def _discord_state(self) -> str:
        app = self._app
        states = [runner.state for runner in app.bot.runners.values()]
        if app.refused or ShardState.FATAL in states:
            return "refused"
        if app.active:
            return "connected" if app.bot.live() else "connecting"
        return "disconnected"

    # What is measured.

    async def monitor(self) -> None:
        """Measure once a second, for ever."""
        busy = time.thread_time()
        wall = time.monotonic()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now, used = time.monotonic(), time.thread_time()
            self._tick = now
            self._app.metrics.handler_busy_ratio.set(min(1.0, (used - busy) / (now - wall)))
            busy, wall = used, now
            self._measure(now)

    def _measure(self, now: float) -> None:
        app = self._app
        app.metrics.dispatch_queue_depth.set(len(app.work))
        app.metrics.gateway_tasks_detached.inc(app.work.detach_old())
        for shard, latency in app.bot.latencies:
            if math.isfinite(latency):
                app.metrics.shard_latency.labels(shard=str(shard)).set(latency)
        self._watch_gateway(now)
        dead: set[int] = app.bot.dead_shards() if app.active else set()
        self._dead_since = {shard: self._dead_since.get(shard, now) for shard in dead}

    def _watch_gateway(self, now: float) -> None:
        app = self._app
        if not app.active or app.bot.live():
            self._live_at = now
            if app.degraded.reason("discord") == GATEWAY_AWAY:
                app.degraded.clear("discord")
        elif now - self._live_at > PATIENCE_SECONDS:
            app.degraded.set("discord", GATEWAY_AWAY)


def _finite(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
