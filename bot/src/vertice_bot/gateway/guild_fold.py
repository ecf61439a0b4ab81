"""Folds an event into the stored description of a guild. Pure.

The journal of a busy server would grow for ever; what is below the watermark is laid into the
GUILD_CREATE payload that it changes, so that a hydration reads one row per guild and a few more.
"""

from __future__ import annotations

from typing import Any

_LISTS = {
    "CHANNEL": "channels",
    "THREAD": "threads",
    "GUILD_SCHEDULED_EVENT": "guild_scheduled_events",
    "STAGE_INSTANCE": "stage_instances",
}


def fold(guild: dict[str, Any], name: str, data: dict[str, Any]) -> dict[str, Any] | None:
    """Give the payload as it is after an event.

    Parameters
    ----------
    guild:
        A GUILD_CREATE payload; it is not changed.
    name, data:
        A later event of the same guild.

    Returns
    -------
    dict or None
        None when the bot is no longer in the guild.
    """
    if name == "GUILD_UPDATE":
        return {**guild, **data}
    if name == "GUILD_DELETE":
        return {**guild, "unavailable": True} if data.get("unavailable") else None
    if name == "GUILD_EMOJIS_UPDATE":
        return {**guild, "emojis": data["emojis"]}
    if name == "GUILD_STICKERS_UPDATE":
        return {**guild, "stickers": data["stickers"]}
    if name == "GUILD_MEMBER_UPDATE":
        return {**guild, "members": [{**m, **data} for m in guild.get("members", ())]}
    if name.startswith("GUILD_ROLE_"):
        return {**guild, "roles": _roles(guild, name, data)}
    if name == "THREAD_LIST_SYNC":
        return {**guild, "threads": _synced(guild, data)}
    kind, _, act = name.rpartition("_")
    if kind not in _LISTS:
        return guild
    return _listed(guild, kind, act, data)


def _listed(guild: dict[str, Any], kind: str, act: str, data: dict[str, Any]) -> dict[str, Any]:
    key = _LISTS[kind]
    others = [item for item in guild.get(key, ()) if item["id"] != data["id"]]
    archived = bool((data.get("thread_metadata") or {}).get("archived"))
    gone = act == "DELETE" or archived
    changed = {**guild, key: others if gone else [*others, data]}
    if kind == "CHANNEL" and act == "DELETE":
        threads = guild.get("threads", ())
        changed["threads"] = [t for t in threads if t.get("parent_id") != data["id"]]
    return changed


def _roles(guild: dict[str, Any], name: str, data: dict[str, Any]) -> list[Any]:
    deleted = name == "GUILD_ROLE_DELETE"
    role_id = data["role_id"] if deleted else data["role"]["id"]
    others = [role for role in guild.get("roles", ()) if role["id"] != role_id]
    return others if deleted else [*others, data["role"]]


def _synced(guild: dict[str, Any], data: dict[str, Any]) -> list[Any]:
    parents = data.get("channel_ids")
    kept = [
        thread
        for thread in guild.get("threads", ())
        if parents is not None and thread.get("parent_id") not in parents
    ]
    return [*kept, *data.get("threads", ())]
