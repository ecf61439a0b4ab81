"""Transport compression: one context per connection, flushed after every payload."""

from __future__ import annotations

import zlib
from typing import Protocol

import zstandard


class UnknownCodecError(ValueError):
    """The client asked for a compression that this server does not speak."""


class Codec(Protocol):
    """Turns payloads into WebSocket messages."""

    name: str
    binary: bool

    def encode(self, payload: bytes) -> bytes:
        """Return the bytes of the next WebSocket message."""
        ...


class Plain:
    """No compression: each payload is a text message."""

    name = "none"
    binary = False

    def encode(self, payload: bytes) -> bytes:
        """Return ``payload`` as it is."""
        return payload


class ZlibStream:
    """``compress=zlib-stream``: one zlib context for the whole connection.

    Each message ends in the Z_SYNC_FLUSH suffix ``00 00 ff ff``, by which clients know that a
    payload is complete (docs, events/gateway, "Transport Compression").
    """

    name = "zlib-stream"
    binary = True

    def __init__(self) -> None:
        self._context = zlib.compressobj(level=1)

    def encode(self, payload: bytes) -> bytes:
        """Return the next piece of the stream."""
        return self._context.compress(payload) + self._context.flush(zlib.Z_SYNC_FLUSH)


class ZstdStream:
    """``compress=zstd-stream``: one zstd frame for the whole connection, a block per payload."""

    name = "zstd-stream"
    binary = True

    def __init__(self) -> None:
        self._context = zstandard.ZstdCompressor(level=1).compressobj()

    def encode(self, payload: bytes) -> bytes:
        """Return the next piece of the stream."""
        block = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        return self._context.compress(payload) + self._context.flush(block)


_CODECS: dict[str, type[Codec]] = {"zlib-stream": ZlibStream, "zstd-stream": ZstdStream}


def codec_for(name: str | None) -> Codec:
    """Return a fresh codec for the ``compress`` query parameter ``name``.

    Raises
    ------
    UnknownCodecError
        For anything but nothing, ``zlib-stream`` and ``zstd-stream``.
    """
    if not name:
        return Plain()
    if name not in _CODECS:
        spoken = ", ".join(sorted(_CODECS))
        raise UnknownCodecError(f"compress={name} is not spoken here; use {spoken} or nothing")
    return _CODECS[name]()
