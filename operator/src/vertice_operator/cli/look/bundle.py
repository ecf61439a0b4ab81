"""Collects a support bundle. What may not be read is left out, and the bundle says so."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from vertice_operator import __version__
from vertice_operator.api.problem import SpecError
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.cli.bundle_file import Bundle
from vertice_operator.cli.exits import Refusal
from vertice_operator.cli.explain import missing_right
from vertice_operator.cli.look import logs
from vertice_operator.cli.look.children import Family, family
from vertice_operator.cli.look.differences import with_live
from vertice_operator.cli.look.statusz import statusz
from vertice_operator.cli.look.usage import usage
from vertice_operator.cli.look.world import OPERATOR_LABEL
from vertice_operator.cli.redact import Redactor
from vertice_operator.cli.screen import paint
from vertice_operator.cli.session import Session
from vertice_operator.cli.show.logs import Role
from vertice_operator.cli.show.status import status_detail, status_list
from vertice_operator.cli.show.tree import bot_tree, draw_trees, trees
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import Object
from vertice_operator.cluster.kinds import EVENT, POD, SECRET, Kind, api_version
from vertice_operator.decide.secrets import references
from vertice_operator.render import DEPLOYMENT

_LINES = "2000"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a bundle is about."""

    bot: Object
    family: Family
    operator_namespace: str
    now: datetime

    @property
    def namespace(self) -> str:
        """The bot's namespace."""
        return str(self.bot["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """The bot's name."""
        return str(self.bot["metadata"]["name"])


async def collect(session: Session, bot: Object, operator_namespace: str, now: datetime) -> Bundle:
    """Read all that helps to find out what is wrong with a bot."""
    known, unread = await _known_secrets(session, bot)
    bundle = Bundle(Redactor(known))
    for name, why in unread.items():
        text = f"its values were not looked for, only their shapes ({why})"
        bundle.lacks(f"content of Secret {name}, to remove it", text)
    subject = Subject(bot, await family(session, bot), operator_namespace, now)
    _objects(bundle, subject)
    parts: tuple[tuple[str, Callable[[Session, Bundle, Subject], Awaitable[None]]], ...] = (
        ("versions", _versions), ("events", _events),
        ("shards", _shards), ("usage", _usage), ("difference", _difference),
        ("the operator's objects", _operator), ("logs", _logs),
    )  # fmt: skip
    await asyncio.gather(*(_attempt(session, bundle, subject, *part) for part in parts))
    return bundle


async def _attempt(
    session: Session,
    bundle: Bundle,
    subject: Subject,
    topic: str,
    part: Callable[[Session, Bundle, Subject], Awaitable[None]],
) -> None:
    """Collect one part; a fault in it costs only that part."""
    try:
        await part(session, bundle, subject)
    except errors.ForbiddenError as error:
        bundle.lacks(topic, missing_right(error.message))
    except errors.ClusterError as error:
        bundle.lacks(topic, error.message)
    except Refusal as error:
        bundle.lacks(topic, error.message)


async def _known_secrets(session: Session, bot: Object) -> tuple[list[bytes], dict[str, str]]:
    """Read the values to be removed, where the user may; by name, why one was not read."""
    try:
        wanted = references(DiscordBot.from_object(bot))
    except SpecError as error:
        return [], {"(all)": str(error)}
    values: list[bytes] = []
    unread: dict[str, str] = {}
    for name in wanted:
        try:
            secret = await session.client.get(SECRET, bot["metadata"]["namespace"], name)
        except errors.ClusterError as error:
            unread[name] = missing_right(error.message)
        else:
            values += [base64.b64decode(each) for each in (secret.get("data") or {}).values()]
    return values, unread


def _objects(bundle: Bundle, subject: Subject) -> None:
    bundle.add_object("resource.yaml", subject.bot)
    for child in subject.family.children:
        bundle.add_object(f"children/{child['kind']}-{child['metadata']['name']}.yaml", child)
    for pod in subject.family.pods:
        bundle.add_object(f"pods/{pod['metadata']['name']}.yaml", {**pod, "kind": "Pod"})
    for kind, right in subject.family.hidden:
        bundle.lacks(f"objects of kind {kind}", f"missing right: {right}")
    tree = bot_tree(
        subject.bot, subject.family.children, subject.family.pods, subject.family.hidden
    )
    bundle.add_text("tree.txt", _drawn(draw_trees(trees([tree]))))
    answer = status_list([subject.bot])
    bundle.add_text("status.txt", _drawn(status_detail(answer, subject.now)))


def _drawn(drawing: object) -> str:
    stream = io.StringIO()
    paint(drawing, stream)  # type: ignore[arg-type]
    return stream.getvalue()


async def _versions(session: Session, bundle: Bundle, subject: Subject) -> None:
    version = await session.client.get_path("/version")
    groups = await session.client.get_path("/apis")
    bundle.add_object(
        "versions.yaml",
        {
            "vertice": __version__,
            "kubernetes": version,
            "apiGroups": [each["name"] for each in groups.get("groups") or ()],
            "collectedAt": subject.now.isoformat(),
        },
    )


async def _events(session: Session, bundle: Bundle, subject: Subject) -> None:
    names = {(each["kind"], each["metadata"]["name"]) for each in subject.family.children}
    names |= {("Pod", pod["metadata"]["name"]) for pod in subject.family.pods}
    names.add(("DiscordBot", subject.name))
    kept = []
    async for event in session.client.list(EVENT, subject.namespace):
        about = event.get("involvedObject") or {}
        key = (about.get("kind"), about.get("name", ""))
        # ReplicaSets are not read; their names begin with the Deployment's.
        replica_set = key[0] == "ReplicaSet" and str(key[1]).startswith(f"{subject.name}-")
        if key in names or replica_set:
            kept.append(event)
    kept.sort(key=lambda each: str(each.get("lastTimestamp") or each.get("eventTime") or ""))
    bundle.add_object("events.yaml", {"kind": "List", "apiVersion": "v1", "items": kept})


async def _shards(session: Session, bundle: Bundle, subject: Subject) -> None:
    for said in await statusz(session, subject.family.pods):
        if said.document:
            bundle.add_text(f"statusz/{said.pod}.json", json.dumps(said.document, indent=2))
        else:
            bundle.lacks(f"/statusz of {said.pod}", said.why)


async def _usage(session: Session, bundle: Bundle, subject: Subject) -> None:
    metrics, note = await usage(session, subject.bot)
    if note:
        bundle.lacks("usage", note)
    else:
        bundle.add_object("usage.yaml", {"items": metrics})


async def _difference(session: Session, bundle: Bundle, subject: Subject) -> None:
    found = await with_live(session, subject.bot, subject.operator_namespace, dry_run=False)
    texts = [f"# {each['action']} {each['kind']} {each['name']}: {each['because']}\n{each['diff']}"
             for each in found]  # fmt: skip
    bundle.add_text("difference.patch", "\n".join(texts) or "nothing differs\n")


async def _operator(session: Session, bundle: Bundle, subject: Subject) -> None:
    async for kind, each in _operators_own(session, subject.operator_namespace):
        name = f"{kind.kind}-{each['metadata']['name']}"
        bundle.add_object(f"operator/{name}.yaml", {"apiVersion": api_version(kind), **each})


async def _operators_own(session: Session, namespace: str) -> AsyncIterator[tuple[Kind, Object]]:
    for kind in (DEPLOYMENT, POD):
        async for each in session.client.list(kind, namespace, OPERATOR_LABEL):
            yield kind, each


async def _logs(session: Session, bundle: Bundle, subject: Subject) -> None:
    found = await logs.find(session, subject.bot, subject.operator_namespace, Role)
    for missing in found.missing:
        bundle.lacks("the operator's log", missing)
    for source in found.sources:
        folder = "operator" if source.role is Role.OPERATOR else "logs"
        path = f"{folder}/{source.pod}-{source.container}"
        await _log(session, bundle, source, f"{path}.log", {"tailLines": _LINES})
        if source.restarts:
            query = {"tailLines": _LINES, "previous": "true"}
            await _log(session, bundle, source, f"{path}-previous.log", query)


async def _log(
    session: Session, bundle: Bundle, source: logs.Source, path: str, query: dict[str, str]
) -> None:
    lines, why = await logs.tail(session, source, query)
    if why:
        bundle.lacks(path, why)
    else:
        bundle.add_text(path, "".join(f"{stamp} {raw}\n" for stamp, raw in lines))
