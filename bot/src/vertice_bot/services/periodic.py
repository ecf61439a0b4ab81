"""Work that is done again and again, and that one bad round must not end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from vertice_bot.effects import Fenced
from vertice_bot.errors import Unavailable

_log = structlog.get_logger(__name__)


async def every(seconds: float, name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do work at once and then with pauses of this length, until cancelled.

    ``Unavailable`` and ``Fenced`` are expected: the next round tries again. Any other exception is
    logged with its traceback, and the next round tries again as well.
    """
    while True:
        try:
            await work()
        except (Unavailable, Fenced) as error:
            _log.debug("round put off", work=name, reason=str(error))
        except Exception:  # noqa: BLE001 -- logged; the loop must outlive a bad round
            _log.exception("round failed", work=name)
        await asyncio.sleep(seconds)
