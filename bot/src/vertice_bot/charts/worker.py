"""The drawing process: ``python -m vertice_bot.charts.worker``, started by the painter.

It reads charts from standard input until that ends, so it also goes away when the bot is killed.
"""

from __future__ import annotations

import os
import sys
from typing import BinaryIO

from vertice_bot.charts.frames import HEADER, MAX_REQUEST, Kind, frame
from vertice_bot.charts.spec import BarChart

# Below the bot: heartbeats to Discord matter more than a picture.
_NICENESS = 5


def answer(request: bytes) -> bytes:
    """Draw one chart and return the frame for it, or a frame that says why not."""
    try:
        # Imported here, so that a broken installation is an answer and not a silent death.
        from vertice_bot.charts.draw import png

        return frame(Kind.PICTURE, png(BarChart.decode(request)))
    except Exception as error:  # noqa: BLE001 -- the other process logs it and goes on without
        return frame(Kind.ERROR, f"{type(error).__name__}: {error}".encode()[:1000])


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests until the source ends."""
    while len(header := source.read(HEADER.size)) == HEADER.size:
        _, length = HEADER.unpack(header)
        if length > MAX_REQUEST:
            raise SystemExit("a chart of this size is not of our making")
        sink.write(answer(source.read(length)))
        sink.flush()


if __name__ == "__main__":
    os.nice(_NICENESS)
    serve(sys.stdin.buffer, sys.stdout.buffer)
