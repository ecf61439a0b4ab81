"""What another process needs to go on with a shard's session. Pure."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One shard's session, as it is stored.

    Attributes
    ----------
    session:
        Discord's id of it; worth nothing without the token, which is never stored.
    url:
        Where Discord wants the RESUME.
    done:
        The watermark: every event up to this sequence number has finished its handlers.
    received:
        The last sequence number that was read.
    fingerprint:
        Of everything that has to be the same for a RESUME; see :func:`fingerprint`.
    crashes:
        How often in a row an owner died without handing over at this watermark; 0 after an orderly
        hand-over.
    """

    session: str
    url: str
    done: int
    received: int
    fingerprint: str
    crashes: int = 0


def fingerprint(
    *, token: str, intents: int, shard_count: int, codec: str, version: int, encoding: str
) -> str:
    """Make a text that changes whenever a RESUME cannot work.

    Parameters
    ----------
    token:
        Only a keyed hash of it goes into the text.
    intents, shard_count:
        As in IDENTIFY.
    codec, version, encoding:
        The query parameters of the connection, which Discord wants unchanged.
    """
    key = hmac.new(token.encode(), b"vertice session", hashlib.sha256).hexdigest()[:16]
    return f"v{version};{encoding};{codec};shards={shard_count};intents={intents};token={key}"
