"""``vertice status``: what the operator observed of bots."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from vertice_operator.api import names
from vertice_operator.cli.screen import (
    BAD,
    DIM,
    GOOD,
    WAIT,
    Document,
    document,
    lines,
    status_style,
    table,
    text,
    wanted_status,
)
from vertice_operator.cli.show.ages import age


def status_list(bots: Iterable[Mapping[str, Any]]) -> Document:
    """Describe bots, sorted by namespace and name."""
    items = [_item(bot) for bot in bots]
    return document(
        "BotStatusList", items=sorted(items, key=lambda each: (each["namespace"], each["name"]))
    )


def _item(bot: Mapping[str, Any]) -> Document:
    meta, spec, status = bot["metadata"], bot.get("spec") or {}, bot.get("status") or {}
    shards, image = status.get("shards") or {}, status.get("image") or {}
    conditions = [_condition(each) for each in status.get("conditions") or ()]
    ready = next((each for each in conditions if each["type"] == "Ready"), {})
    annotations = meta.get("annotations") or {}
    return {
        "namespace": meta["namespace"],
        "name": meta["name"],
        "ready": ready.get("status") == "True",
        "reason": ready.get("reason", ""),
        "message": ready.get("message", ""),
        "upToDate": status.get("observedGeneration", 0) >= meta.get("generation", 0),
        "paused": annotations.get(names.ANNOTATION_PAUSED, "").lower() == "true",
        "suspended": bool(spec.get("suspend")),
        "created": meta.get("creationTimestamp"),
        "image": image.get("current") or image.get("desired"),
        "updateAvailable": image.get("updateAvailable"),
        "replicas": {
            "ready": status.get("readyReplicas", 0),
            "updated": status.get("updatedReplicas", 0),
            "total": status.get("replicas", 0),
        },
        "shards": {
            "configured": shards.get("configured"),
            "owned": shards.get("owned", 0),
            "ready": shards.get("ready", 0),
            "unowned": list(shards.get("unowned") or ()),
        },
        "conditions": conditions,
        "history": [dict(each) for each in status.get("history") or ()],
    }


def _condition(each: Mapping[str, Any]) -> Document:
    return {
        "type": each["type"],
        "status": each["status"],
        "reason": each.get("reason", ""),
        "message": each.get("message", ""),
        "since": each.get("lastTransitionTime"),
    }


def all_ready(answer: Document) -> bool:
    """Tell whether every bot is Ready for its present spec."""
    return all(each["ready"] and each["upToDate"] for each in answer["items"])


def status_table(answer: Document, now: datetime) -> Iterable[RenderableType]:
    """Draw one line a bot."""
    made = table("namespace", "name", "ready", "reason", "shards", "replicas", "image", "age")
    for each in answer["items"]:
        made.add_row(
            text(each["namespace"]),
            text(each["name"]),
            _ready(each),
            text(_reason(each)),
            _shards(each["shards"]),
            f"{each['replicas']['ready']}/{each['replicas']['total']}",
            text(each["image"] or "-"),
            age(each["created"], now),
        )
    yield made


def _ready(each: Document) -> Text:
    if not each["upToDate"]:
        return Text("Unknown", WAIT)
    return Text("True", GOOD) if each["ready"] else Text("False", BAD)


def _reason(each: Document) -> str:
    marks = [word for word in ("paused", "suspended") if each[word]]
    reason = each["reason"] or "NotSeenYet"
    shown = reason if each["upToDate"] else f"{reason} (before the last change)"
    return f"{shown} ({', '.join(marks)})" if marks else shown


def _shards(shards: Document) -> Text:
    configured = shards["configured"]
    whole = configured is not None and shards["ready"] >= configured
    style = GOOD if whole else WAIT if shards["owned"] == configured else BAD
    return Text(f"{shards['ready']}/{'?' if configured is None else configured}", style)


def status_detail(answer: Document, now: datetime) -> Iterable[RenderableType]:
    """Draw one bot with all its conditions; messages only where something is not well."""
    each = answer["items"][0]
    replicas, shards = each["replicas"], each["shards"]
    values: dict[str, RenderableType] = {
        f"{each['namespace']}/{each['name']}": Text(),
        "  image": text(each["image"] or "none yet"),
        "  replicas": f"{replicas['ready']} ready of {replicas['total']}",
        "  shards": text(_shard_words(shards)),
        "  age": age(each["created"], now),
    }
    if each["updateAvailable"]:
        values["  update"] = text(f"{each['updateAvailable']}: vertice restart {each['name']}")
    yield lines(values)
    for warning in _warnings(each):
        yield Text(f"  {warning}", WAIT)
    yield Text()
    yield _conditions(each["conditions"], now)
    if each["history"]:
        yield Text()
        yield history_table(each["history"], now)


def _shard_words(shards: Document) -> str:
    configured = "?" if shards["configured"] is None else shards["configured"]
    text_ = f"{shards['owned']} owned, {shards['ready']} connected, of {configured}"
    unowned = ", ".join(map(str, shards["unowned"]))
    return f"{text_}; without an owner: {unowned}" if unowned else text_


def _warnings(each: Document) -> Sequence[str]:
    found = []
    if not each["upToDate"]:
        found.append("the operator has not looked at the newest spec yet; is it running?")
    if each["paused"]:
        found.append(f"paused: nothing is changed until vertice resume {each['name']}")
    if each["suspended"]:
        found.append(f"suspended: no pod runs until vertice unsuspend {each['name']}")
    return found


def _conditions(conditions: Sequence[Document], now: datetime) -> RenderableType:
    made = table("condition", "status", "reason", "since", "message", indent=2)
    for each in conditions:
        fine = each["status"] == wanted_status(each["type"])
        made.add_row(
            text(f"  {each['type']}"),
            Text(each["status"], status_style(each["type"], each["status"])),
            text(each["reason"]),
            age(each["since"], now),
            text("" if fine else each["message"]),
        )
    return made


def history_table(history: Sequence[Mapping[str, Any]], now: datetime) -> RenderableType:
    """Draw the revisions that can be gone back to, newest first."""
    made = table("revision", "outcome", "image", "config", "age", indent=2)
    styles = {"Good": GOOD, "Failed": BAD, "Running": WAIT}
    for each in history:
        outcome = str(each.get("outcome", ""))
        made.add_row(
            f"  {each.get('revision', '?')}",
            Text(outcome, styles.get(outcome, DIM)),
            text(each.get("image") or "-"),
            text(str(each.get("configHash") or "-")[:12]),
            age(each.get("createdAt"), now),
        )
    return made
