"""Reads the logs of a bot's pods and of the operator, as they are or as they come."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass

from vertice_operator.api import names
from vertice_operator.cli.explain import missing_right
from vertice_operator.cli.look.children import pods_of
from vertice_operator.cli.look.world import OPERATOR_LABEL
from vertice_operator.cli.session import Session
from vertice_operator.cli.show.logs import Role
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import Object
from vertice_operator.cluster.kinds import POD, path

_ROLES = {names.CONTAINER_PROXY: Role.PROXY}


@dataclass(frozen=True, slots=True)
class Source:
    """One container's log. ``run`` tells one life of the container from the next."""

    namespace: str
    pod: str
    container: str
    role: Role
    run: str = ""
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """Sources, and what could not be looked at."""

    sources: tuple[Source, ...]
    missing: tuple[str, ...] = ()


async def find(
    session: Session, bot: Object, operator_namespace: str, roles: Iterable[Role]
) -> Found:
    """Find all started containers of a bot and of the operator.

    Raises
    ------
    errors.ForbiddenError
        The bot's own pods may not be listed. For the operator's it is told in ``missing``.
    """
    wanted, pods = frozenset(roles), await pods_of(session, bot)
    missing: tuple[str, ...] = ()
    if Role.OPERATOR in wanted:
        try:
            pods += [
                each async for each in session.client.list(POD, operator_namespace, OPERATOR_LABEL)
            ]
        except errors.ForbiddenError as error:
            missing = (f"the operator's log is left out: {missing_right(error.message)}",)
    sources = (source for pod in pods for source in sources_of(pod, operator_namespace))
    return Found(tuple(each for each in sources if each.role in wanted), missing)


def sources_of(pod: Object, operator_namespace: str) -> list[Source]:
    """Give the started containers of one pod."""
    meta, status = pod["metadata"], pod.get("status") or {}
    states = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    labels = meta.get("labels") or {}
    own = Role.BOT
    if labels.get(names.LABEL_COMPONENT) == names.COMPONENT_MIGRATION:
        own = Role.MIGRATION
    elif meta["namespace"] == operator_namespace and names.LABEL_BOT not in labels:
        own = Role.OPERATOR
    return [
        Source(
            meta["namespace"],
            meta["name"],
            state["name"],
            _ROLES.get(state["name"], own),
            str(state.get("containerID") or ""),
            int(state.get("restartCount") or 0),
        )
        for state in states
        if state.get("containerID") or (state.get("state") or {}).get("running")
    ]


async def lines(
    session: Session, source: Source, query: Mapping[str, str]
) -> AsyncIterator[tuple[str, str]]:
    """Yield time and text of each line of one container's log.

    Parameters
    ----------
    query
        As the API server knows it: ``tailLines``, ``sinceSeconds``, ``follow``, ``previous``.
    """
    target = f"{path(POD, source.namespace, source.pod)}/log"
    asked = {"container": source.container, "timestamps": "true", **query}
    async with session.client.stream(target, asked) as stream:
        async for line in stream:
            stamp, _, text = line.decode(errors="replace").rstrip("\r\n").partition(" ")
            yield stamp, text


async def tail(
    session: Session, source: Source, query: Mapping[str, str]
) -> tuple[list[tuple[str, str]], str]:
    """Read a log that is there; where that fails give no lines, and why."""
    try:
        return [each async for each in lines(session, source, query)], ""
    except errors.ForbiddenError as error:
        return [], missing_right(error.message)
    except errors.ClusterError as error:
        return [], error.message


async def follow(
    session: Session,
    source: Source,
    query: Mapping[str, str],
    lines_to: "asyncio.Queue[tuple[Source, str, str]]",
) -> None:
    """Send each line of one container's log to a queue, until the container ends."""
    try:
        async for stamp, text in lines(session, source, {**query, "follow": "true"}):
            await lines_to.put((source, stamp, text))
    except (errors.NotFoundError, errors.InvalidError, errors.TransportError):
        # Gone, or not started yet, or cut off: the next look at the pods finds it again.
        return
