"""How the bot and the drawing process talk over pipes: a kind, a length, the bytes."""

from __future__ import annotations

import struct
from enum import IntEnum

HEADER = struct.Struct(">BI")
MAX_REQUEST = 64 * 1024
MAX_ANSWER = 4 * 1024 * 1024


class Kind(IntEnum):
    """What a frame holds."""

    CHART = 1
    PICTURE = 2
    ERROR = 3


def frame(kind: Kind, body: bytes) -> bytes:
    """Return one frame."""
    return HEADER.pack(kind, len(body)) + body
