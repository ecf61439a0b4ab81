"""Asks the bots' pods for ``/statusz`` through the API server, so that no pod need be reachable."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from vertice_operator.api import names
from vertice_operator.cli.explain import right
from vertice_operator.cli.session import Session
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import Object
from vertice_operator.cluster.kinds import POD, path

PROXY_RIGHT = right("get", "pods/proxy", "")


@dataclass(frozen=True, slots=True)
class Said:
    """What one pod said. ``document`` is empty where it said nothing; ``why`` then tells why."""

    pod: str
    document: dict[str, Any]
    why: str = ""
    forbidden: bool = False


async def statusz(session: Session, pods: Iterable[Object]) -> list[Said]:
    """Ask all running pods of the bot itself, at once."""
    asked = [pod for pod in pods if _serves(pod)]
    return list(await asyncio.gather(*(_ask(session, pod) for pod in asked)))


def _serves(pod: Object) -> bool:
    labels = pod["metadata"].get("labels") or {}
    phase = (pod.get("status") or {}).get("phase")
    return labels.get(names.LABEL_COMPONENT) == names.COMPONENT_BOT and phase == "Running"


def _port(pod: Object) -> int:
    """Return the port that the pod itself names, since an older release may have had another."""
    for container in (pod.get("spec") or {}).get("containers") or ():
        for port in container.get("ports") or ():
            if (
                container["name"] == names.CONTAINER_BOT
                and port.get("name") == names.PORT_NAME_HTTP
            ):
                return int(port["containerPort"])
    return names.PORT_HTTP


async def _ask(session: Session, pod: Object) -> Said:
    meta = pod["metadata"]
    target = f"{path(POD, meta['namespace'], meta['name'])}:{_port(pod)}/proxy/statusz"
    try:
        answer = await session.client.get_path(target)
    except errors.ForbiddenError as error:
        # A NetworkPolicy that keeps the API server out shows as 503, a missing right as 403.
        return Said(meta["name"], {}, error.message, forbidden=True)
    except errors.ClusterError as error:
        return Said(meta["name"], {}, error.message)
    except ValueError:
        return Said(meta["name"], {}, "its answer is no JSON")
    if not isinstance(answer, dict):
        return Said(meta["name"], {}, "its answer is no object")
    return Said(meta["name"], answer)
