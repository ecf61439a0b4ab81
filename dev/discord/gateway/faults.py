"""Faults that a script can switch on; with none of them the gateway is well behaved."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Faults:
    """Switches and countdowns. A countdown of n hits the next n occasions."""

    withhold_acks: bool = False
    """Do not answer heartbeats: to the client the connection is a zombie."""
    latency: float = 0.0
    """Seconds by which every frame to a client is late; order is kept."""
    jitter: float = 0.0
    """Extra random delay, up to this many seconds."""
    resume_unavailable: int = 0
    """The resume host answers the next n upgrades with 503; -1 means until switched off."""
    abort_on_resume: int = 0
    """The next n RESUMEs end in a connection reset."""
    no_hello: int = 0
    """The next n connections get no HELLO."""
    reconnect_before_hello: int = 0
    """The next n connections get op 7 instead of HELLO."""
    duplicate_next: int = 0
    """The next n dispatches go to each session twice, with a sequence of their own each time."""

    def spend(self, name: str) -> bool:
        """Use one of the countdown ``name``; True when the fault is to happen now."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left != 0
