"""IDENTIFY and RESUME, read and judged. Pure: refusals are exceptions with a close code."""

from __future__ import annotations

from dataclasses import dataclass

from dev.discord.gateway import intents
from dev.discord.gateway.opcodes import CloseCode, RefusedError
from dev.discord.wire import Json


@dataclass(frozen=True, slots=True)
class Identify:
    """A well-formed IDENTIFY."""

    token: str
    intents: int
    shard_id: int
    shard_count: int
    properties: Json
    large_threshold: int


@dataclass(frozen=True, slots=True)
class Resume:
    """A well-formed RESUME."""

    token: str
    session_id: str
    seq: int


def bare_token(value: str) -> str:
    """Return a token without the ``Bot`` prefix that some clients send over the gateway too."""
    return value.removeprefix("Bot ").strip()


def read_identify(data: object) -> Identify:
    """Read the data of op 2.

    Raises
    ------
    RefusedError
        4002 for a wrong shape, 4010 for an impossible shard, 4013 for unknown intent bits.
    """
    if not isinstance(data, dict) or not isinstance(data.get("token"), str):
        raise RefusedError(CloseCode.DECODE_ERROR, "IDENTIFY needs a token")
    wanted = data.get("intents")
    if not isinstance(wanted, int) or isinstance(wanted, bool):
        raise RefusedError(CloseCode.DECODE_ERROR, "IDENTIFY needs intents")
    if not isinstance(data.get("properties"), dict):
        raise RefusedError(CloseCode.DECODE_ERROR, "IDENTIFY needs properties")
    shard_id, shard_count = _shard(data.get("shard", [0, 1]))
    if wanted < 0 or wanted & ~intents.ALL:
        raise RefusedError(CloseCode.INVALID_INTENTS, "Invalid intent(s).")
    return Identify(
        token=bare_token(data["token"]),
        intents=wanted,
        shard_id=shard_id,
        shard_count=shard_count,
        properties=data["properties"],
        large_threshold=int(data.get("large_threshold") or 50),
    )


def read_resume(data: object) -> Resume:
    """Read the data of op 6; raises ``RefusedError`` with 4002 for a wrong shape."""
    if not isinstance(data, dict):
        raise RefusedError(CloseCode.DECODE_ERROR, "RESUME needs an object")
    token, session_id, seq = data.get("token"), data.get("session_id"), data.get("seq")
    if not isinstance(token, str) or not isinstance(session_id, str):
        raise RefusedError(CloseCode.DECODE_ERROR, "RESUME needs token and session_id")
    if not isinstance(seq, int) or isinstance(seq, bool):
        raise RefusedError(CloseCode.DECODE_ERROR, "RESUME needs seq")
    return Resume(bare_token(token), session_id, seq)


def check_privileged(wanted: int, allowed: int) -> None:
    """Raise ``RefusedError`` (4014) when a privileged intent is asked for but not switched on."""
    if wanted & int(intents.PRIVILEGED) & ~allowed:
        raise RefusedError(CloseCode.DISALLOWED_INTENTS, "Disallowed intent(s).")


def _shard(value: object) -> tuple[int, int]:
    match value:
        case [int(shard_id), int(count)] if 0 <= shard_id < count:
            return shard_id, count
        case _:
            raise RefusedError(CloseCode.INVALID_SHARD, "Invalid shard.")
