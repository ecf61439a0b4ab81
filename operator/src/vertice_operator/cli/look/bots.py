"""Reads DiscordBots; one that does not exist ends the command with the names that are near."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from vertice_operator.api.names import MAX_NAME_LENGTH
from vertice_operator.cli.explain import no_such_bot
from vertice_operator.cli.session import Session
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import Object
from vertice_operator.cluster.kinds import BOT

Result = TypeVar("Result")


async def one_bot(session: Session, name: str) -> Object:
    """Read one bot.

    Raises
    ------
    Refusal
        There is none of this name; the message has those that may be meant.
    """
    try:
        return await session.client.get(BOT, session.namespace, name)
    except errors.KindMissingError:
        raise
    except errors.NotFoundError:
        here, elsewhere = await _others(session)
        raise no_such_bot(name[: 2 * MAX_NAME_LENGTH], session.namespace, here, elsewhere) from None


async def some_bots(session: Session, name: str = "") -> list[Object]:
    """Read one bot, or all of the namespace, or (with ``-A``) all of the cluster."""
    if name:
        return [await one_bot(session, name)]
    found = [each async for each in session.client.list(BOT, session.scope)]
    return sorted(found, key=lambda bot: (bot["metadata"]["namespace"], bot["metadata"]["name"]))


async def of_each(
    session: Session, name: str, look: Callable[[Session, Object], Awaitable[Result]]
) -> list[Result]:
    """Look at each of :func:`some_bots`, all at once; the answers come in their order."""
    bots = await some_bots(session, name)
    return await asyncio.gather(*(look(session, bot) for bot in bots))


async def _others(session: Session) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the names here, and namespace and name elsewhere; what may not be seen is left out."""
    try:
        everywhere = [
            (each["metadata"]["namespace"], each["metadata"]["name"])
            async for each in session.client.list(BOT)
        ]
    except errors.ForbiddenError:
        pass
    else:
        here = [name for namespace, name in everywhere if namespace == session.namespace]
        return here, [each for each in everywhere if each[0] != session.namespace]
    try:
        found = session.client.list(BOT, session.namespace)
        return [each["metadata"]["name"] async for each in found], []
    except errors.ForbiddenError:
        return [], []
