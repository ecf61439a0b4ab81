"""``vertice shards``: who owns which shard, as the pods say, or as the status last had it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from vertice_operator.cli.look.statusz import PROXY_RIGHT, Said
from vertice_operator.cli.screen import BAD, DIM, GOOD, WAIT, Document, document, table, text

_CONNECTED = "LIVE"


def bot_shards(bot: Mapping[str, Any], said: Sequence[Said], refusal: str = "") -> Document:
    """Describe the shards of one bot.

    Parameters
    ----------
    said
        Answers of the pods.
    refusal
        Why the pods could not even be listed.
    """
    heard = [each for each in said if each.document]
    if not heard:
        return _from_status(bot, said, refusal)
    meta = bot["metadata"]
    configured = max(int(each.document.get("shard_count") or 0) for each in heard)
    shards = [
        _shard(each.pod, shard) for each in heard for shard in each.document.get("shards") or ()
    ]
    owned = {each["id"] for each in shards}
    return {
        "namespace": meta["namespace"],
        "name": meta["name"],
        "source": "statusz",
        "note": "",
        "configured": configured,
        "shards": sorted(shards, key=lambda each: (each["id"], each["pod"])),
        "unowned": [number for number in range(configured) if number not in owned],
        "replicas": [_replica(each) for each in sorted(said, key=lambda each: each.pod)],
    }


def _shard(pod: str, shard: Mapping[str, Any]) -> Document:
    return {
        "id": shard.get("id"),
        "pod": pod,
        "state": str(shard.get("state", "")),
        "epoch": shard.get("epoch"),
        "latencySeconds": shard.get("latency_seconds"),
    }


def _replica(each: Said) -> Document:
    told = each.document
    discord = told.get("discord") or {}
    return {
        "pod": each.pod,
        "reachable": bool(told),
        "why": each.why,
        "role": told.get("role"),
        "version": told.get("version"),
        "draining": bool(told.get("draining")),
        "discord": discord.get("state"),
        "identifyRemaining": discord.get("identify_remaining"),
        "lagSeconds": told.get("lag_seconds"),
        "shards": [shard.get("id") for shard in told.get("shards") or ()],
        "degraded": [dict(part) for part in told.get("degraded") or ()],
    }


def _from_status(bot: Mapping[str, Any], said: Sequence[Said], refusal: str) -> Document:
    meta = bot["metadata"]
    shards = (bot.get("status") or {}).get("shards") or {}
    return {
        "namespace": meta["namespace"],
        "name": meta["name"],
        "source": "status",
        "note": _why_not(said, refusal),
        "configured": shards.get("configured"),
        "owned": shards.get("owned"),
        "ready": shards.get("ready"),
        "shards": [],
        "unowned": list(shards.get("unowned") or ()),
        "replicas": [_replica(each) for each in sorted(said, key=lambda each: each.pod)],
    }


def _why_not(said: Sequence[Said], refusal: str) -> str:
    if refusal:
        return refusal
    if not said:
        return "no pod runs"
    if any(each.forbidden for each in said):
        return f"you may not ask the pods; missing right: {PROXY_RIGHT}"
    return f"no pod answers on /statusz: {said[0].why}"


def complete(answer: Document) -> bool:
    """Tell whether every shard of every bot has an owner."""
    return all(
        not each["unowned"] and each["configured"] is not None and each.get("owned", 1) != 0
        for each in answer["items"]
    )


def shard_list(items: Iterable[Document]) -> Document:
    """Give the document of several bots."""
    return document("BotShardsList", items=list(items))


def draw_shards(answer: Document) -> Iterable[RenderableType]:
    """Draw the shards of each bot, and its replicas."""
    for place, each in enumerate(answer["items"]):
        if place:
            yield Text()
        yield text(f"{each['namespace']}/{each['name']}", "bold")
        if each["note"]:
            yield text(f"  as the status has it, because {each['note']}", WAIT)
        if each["source"] == "status":
            yield text(f"  {_summary(each)}")
        if each["shards"]:
            yield _shard_table(each["shards"])
        if each["unowned"]:
            yield text(f"  without an owner: {', '.join(map(str, each['unowned']))}", BAD)
        if each["replicas"] and each["source"] == "statusz":
            yield Text()
            yield _replica_table(each["replicas"])


def _summary(each: Document) -> str:
    configured = "?" if each["configured"] is None else each["configured"]
    return f"{each['owned'] or 0} owned, {each['ready'] or 0} connected, of {configured}"


def _shard_table(shards: Sequence[Document]) -> RenderableType:
    made = table("shard", "state", "pod", "epoch", "latency", indent=2)
    for each in shards:
        latency = each["latencySeconds"]
        made.add_row(
            f"  {each['id']}",
            text(each["state"], GOOD if each["state"] == _CONNECTED else WAIT),
            text(each["pod"]),
            text(each["epoch"]),
            "-" if latency is None else f"{latency * 1000:.0f} ms",
        )
    return made


def _replica_table(replicas: Sequence[Document]) -> RenderableType:
    made = table("replica", "role", "discord", "shards", "lag", "notes", indent=2)
    for each in replicas:
        lag = each["lagSeconds"]
        made.add_row(
            text(f"  {each['pod']}"),
            text(each["role"] or "-", "" if each["reachable"] else DIM),
            text(each["discord"] or "-"),
            text(", ".join(map(str, each["shards"])) or "-"),
            "-" if lag is None else f"{lag:.1f} s",
            text(_notes(each), WAIT),
        )
    return made


def _notes(each: Document) -> str:
    notes = [each["why"]] if not each["reachable"] else []
    notes += ["draining"] if each["draining"] else []
    notes += [f"{part.get('part')}: {part.get('reason')}" for part in each["degraded"]]
    return "; ".join(note for note in notes if note)
