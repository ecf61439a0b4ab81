"""What the watch and our own writes last showed of the children. May skip work, never destroy.

Objects are kept as compressed JSON, without ``managedFields`` and without a status that nobody
reads: a thousand resources have about ten thousand children, and kept as dictionaries they would
cost more than everything else in the process together. All calls come from one event loop.
"""

import enum
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vertice_operator.api import names
from vertice_operator.cluster.kinds import Kind
from vertice_operator.cluster.versions import newer
from vertice_operator.decide.facts import ChildKey, Live

BotKey = tuple[str, str]
"""Namespace and name of a DiscordBot."""

_WITH_STATUS = frozenset(
    {
        "ControllerRevision", "Deployment", "ExternalSecret", "HorizontalPodAutoscaler", "Job",
        "Pod", "ScaledObject",
    }
)  # fmt: skip
"""Kinds whose content is looked at: a status, or the revision that a ControllerRevision holds."""


class News(enum.Enum):
    """How much a look at an object brings."""

    NONE = "none"
    """The version at hand, or an older one."""
    STATUS = "status"
    """Same ``metadata.generation``: its spec is what it was."""
    CHANGE = "change"
    """A new object, or possibly another spec."""


@dataclass(slots=True)
class _Entry:
    uid: str
    version: str
    generation: int | None
    owner_uid: str | None
    packed: bytes
    agrees: str | None = None
    owns_replicas: bool = False


class LiveCache:
    """Children and pods by the bot that their label names."""

    def __init__(self) -> None:
        self._by_bot: dict[BotKey, dict[ChildKey, _Entry]] = {}

    def store(self, kind: Kind, document: Mapping[str, Any], *, sure: bool = False) -> News:
        """Take a look at an object and return what it brings.

        ``sure`` is for the API server's own answer to a read or write of now: it replaces what
        is at hand even at the same version.

        An answer to our own write and the watch's echo of it carry the same resourceVersion, so
        the echo costs no reconcile. A look older than the one at hand is ignored.
        """
        bot = bot_of(document)
        if bot is None:
            return News.NONE
        meta = document["metadata"]
        children = self._by_bot.setdefault(bot, {})
        key = (kind.kind, meta["name"])
        known = children.get(key)
        same = known is not None and known.uid == meta["uid"]
        if known is not None and same and not newer(meta["resourceVersion"], known.version):
            if sure and meta["resourceVersion"] == known.version:
                known.packed, known.agrees = _pack(kind.kind, document), None
            return News.NONE
        generation = meta.get("generation")
        packed = _pack(kind.kind, document)
        children[key] = _Entry(
            meta["uid"], meta["resourceVersion"], generation, _owner(meta), packed,
            owns_replicas=_owns_replicas(kind, meta),
        )  # fmt: skip
        if known is None or not same or generation is None or generation != known.generation:
            return News.CHANGE
        return News.STATUS

    def confirm(self, kind: Kind, document: Mapping[str, Any], wanted: str | None) -> None:
        """Take the API server's answer to our own apply: at that version it is as wanted."""
        bot = bot_of(document)
        if kind.kind in _WITH_STATUS or bot is None:
            self.store(kind, document, sure=True)
            return
        meta = document["metadata"]
        key = (kind.kind, meta["name"])
        known = self._by_bot.setdefault(bot, {}).get(key)
        version = meta["resourceVersion"]
        if known is not None and known.uid == meta["uid"] and newer(known.version, version):
            return
        self._by_bot[bot][key] = _Entry(
            meta["uid"], meta["resourceVersion"], meta.get("generation"), _owner(meta), b"", wanted
        )

    def agree(self, bot: BotKey, key: ChildKey, version: str, wanted: str | None) -> None:
        """Note that a child at this version is as wanted, by the hash of what is wanted.

        Its content then need not be kept: only another version has to be compared again. Kinds
        whose status or template is looked at keep theirs.
        """
        entry = self._by_bot.get(bot, {}).get(key)
        if entry is None or entry.version != version or key[0] in _WITH_STATUS:
            return
        entry.packed, entry.agrees = b"", wanted

    def remove(self, kind: Kind, document: Mapping[str, Any]) -> bool:
        """Forget an object that is gone; a later object of the same name stays."""
        bot = bot_of(document)
        children = self._by_bot.get(bot, {}) if bot else {}
        key = (kind.kind, document["metadata"]["name"])
        known = children.get(key)
        if known is None or known.uid != document["metadata"]["uid"]:
            return False
        del children[key]
        return True

    def drop(self, bot: BotKey, key: ChildKey) -> None:
        """Forget one child, because a live read showed that it is gone or not ours."""
        self._by_bot.get(bot, {}).pop(key, None)

    def forget(self, bot: BotKey) -> None:
        """Forget everything about a bot that is gone."""
        self._by_bot.pop(bot, None)

    def versions(self, kind: str) -> dict[tuple[BotKey, str], str]:
        """Return bot and name to resourceVersion of all objects of a kind, before a full list."""
        return {
            (bot, key[1]): entry.version
            for bot, children in self._by_bot.items()
            for key, entry in children.items()
            if key[0] == kind
        }

    def retain(
        self,
        kind: str,
        before: Mapping[tuple[BotKey, str], str],
        listed: Iterable[tuple[BotKey, str]],
    ) -> set[BotKey]:
        """Drop what a full list no longer had, and return the bots that lost something.

        ``before`` is :meth:`versions` taken before the list began: what was stored or changed
        meanwhile is newer than the list and stays.
        """
        still = set(listed)
        lost: set[BotKey] = set()
        for (bot, name), version in before.items():
            known = self._by_bot.get(bot, {}).get((kind, name))
            if (bot, name) not in still and known is not None and known.version == version:
                del self._by_bot[bot][kind, name]
                lost.add(bot)
        return lost

    def children(self, bot: BotKey) -> dict[ChildKey, Live]:
        """Return the children of a bot as last seen, without its pods."""
        return {
            key: Live(
                *key,
                entry.uid,
                entry.version,
                entry.owner_uid,
                _unpack(entry),
                entry.agrees,
                entry.owns_replicas,
            )
            for key, entry in self._by_bot.get(bot, {}).items()
            if key[0] != "Pod"
        }

    def pods(self, bot: BotKey) -> list[dict[str, Any]]:
        """Return the pods of a bot as last seen."""
        entries = self._by_bot.get(bot, {}).items()
        return [_unpack(entry) for key, entry in entries if key[0] == "Pod"]

    def bots_with_pods(self) -> Iterator[BotKey]:
        """Yield the bots that have pods."""
        for bot, children in list(self._by_bot.items()):
            if any(kind == "Pod" for kind, _ in children):
                yield bot

    def __len__(self) -> int:
        return sum(len(children) for children in self._by_bot.values())


def bot_of(document: Mapping[str, Any]) -> BotKey | None:
    """Return the bot that an object belongs to by its label."""
    meta = document["metadata"]
    name = (meta.get("labels") or {}).get(names.LABEL_BOT)
    return (meta.get("namespace", ""), name) if name else None


def live(kind: Kind, document: Mapping[str, Any]) -> Live:
    """Describe an object that was just read from the API server."""
    meta = document["metadata"]
    return Live(
        kind.kind, meta["name"], meta["uid"], meta["resourceVersion"], _owner(meta), document,
        owns_replicas=_owns_replicas(kind, meta),
    )  # fmt: skip


def _owner(meta: Mapping[str, Any]) -> str | None:
    owners = meta.get("ownerReferences") or ()
    return next((owner["uid"] for owner in owners if owner.get("controller")), None)


def _owns_replicas(kind: Kind, meta: Mapping[str, Any]) -> bool:
    """Tell whether the operator applied ``spec.replicas`` of a Deployment and nobody took it."""
    if kind.kind != "Deployment":
        return False
    return any(
        entry.get("manager") == names.FIELD_MANAGER
        and entry.get("operation") == "Apply"
        and "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        for entry in meta.get("managedFields") or ()
    )


def _pack(kind: str, document: Mapping[str, Any]) -> bytes:
    kept = {key: value for key, value in document.items() if key != "status"}
    if kind in _WITH_STATUS and "status" in document:
        kept["status"] = document["status"]
    kept["metadata"] = {k: v for k, v in document["metadata"].items() if k != "managedFields"}
    if kind == "Pod":
        kept["spec"] = {"nodeName": (document.get("spec") or {}).get("nodeName")}
    return zlib.compress(json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def _unpack(entry: _Entry) -> dict[str, Any]:
    if not entry.packed:
        return {}
    document: dict[str, Any] = json.loads(zlib.decompress(entry.packed))
    return document
