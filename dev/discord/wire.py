"""JSON on the wire: one encoder, one decoder, and the names of the loose types they deal in."""

from __future__ import annotations

from typing import Any

import orjson

Json = dict[str, Any]
"""A JSON object whose shape is Discord's, not ours; typed where it enters our own models."""


def dumps(value: object) -> bytes:
    """Encode ``value`` as compact JSON.

    Keys of any simple type become strings, because Discord writes snowflakes as strings.
    """
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)


def loads(data: bytes | bytearray | memoryview | str) -> Any:
    """Decode JSON; raises ``ValueError`` when ``data`` is not JSON."""
    return orjson.loads(data)
