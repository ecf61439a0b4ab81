"""Reads everything that carries a bot's label."""

import asyncio
from dataclasses import dataclass

from vertice_operator.api.names import LABEL_BOT
from vertice_operator.cli.explain import right
from vertice_operator.cli.session import Session
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import Object
from vertice_operator.cluster.kinds import POD, Kind, api_version
from vertice_operator.render import KINDS


@dataclass(frozen=True, slots=True)
class Family:
    """A bot's objects as they are now.

    ``hidden`` has, by kind, the right that is missing to see it.
    """

    children: tuple[Object, ...]
    pods: tuple[Object, ...]
    hidden: tuple[tuple[str, str], ...]


async def family(session: Session, bot: Object) -> Family:
    """Read all children and pods of one bot; what may not be seen is told, not raised."""
    namespace, name = bot["metadata"]["namespace"], bot["metadata"]["name"]
    kinds: tuple[Kind, ...] = (*KINDS, POD)
    found = await asyncio.gather(*(_labelled(session, kind, namespace, name) for kind in kinds))
    hidden = tuple(
        (kind.kind, right("list", kind.plural, kind.group))
        for kind, listed in zip(kinds, found, strict=True)
        if listed is None
    )
    children = tuple(each for listed in found[:-1] for each in listed or ())
    return Family(children, tuple(found[-1] or ()), hidden)


async def pods_of(session: Session, bot: Object) -> list[Object]:
    """Read the pods of a bot, the migration's included, by name."""
    meta = bot["metadata"]
    selector = f"{LABEL_BOT}={meta['name']}"
    found = [each async for each in session.client.list(POD, meta["namespace"], selector)]
    return sorted(found, key=lambda pod: str(pod["metadata"]["name"]))


async def _labelled(session: Session, kind: Kind, namespace: str, name: str) -> list[Object] | None:
    """Return the objects of one kind, none where the cluster lacks it, None where forbidden."""
    try:
        listed = [
            {**each, "kind": kind.kind, "apiVersion": api_version(kind)}
            async for each in session.client.list(kind, namespace, f"{LABEL_BOT}={name}")
        ]
    except errors.KindMissingError:
        return []
    except errors.ForbiddenError:
        return None
    return sorted(listed, key=lambda each: str(each["metadata"]["name"]))
