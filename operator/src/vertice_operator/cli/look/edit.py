"""Writes a changed resource, never over what somebody else wrote meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass

from vertice_operator.cli.look.bots import one_bot
from vertice_operator.cli.session import Session
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import Object
from vertice_operator.cluster.kinds import BOT, api_version

MANAGER = "vertice-cli"
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Edited:
    """The resource before and after; ``changed`` is False where it was as wanted already."""

    before: Object
    after: Object
    changed: bool


async def edit(session: Session, name: str, change: Callable[[Object], Object]) -> Edited:
    """Read a bot, change it, write it; again from the start where somebody else was faster."""
    for attempt in range(_ATTEMPTS):
        before = await one_bot(session, name)
        wanted = change(before)
        if wanted == before:
            return Edited(before, before, changed=False)
        try:
            return Edited(before, await store(session, wanted), changed=True)
        except errors.ConflictError:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


async def store(session: Session, wanted: Object) -> Object:
    """Replace a bot under the resourceVersion that it was read with."""
    body = {**wanted, "apiVersion": api_version(BOT), "kind": BOT.kind}
    return await session.client.replace(BOT, body, manager=MANAGER)
