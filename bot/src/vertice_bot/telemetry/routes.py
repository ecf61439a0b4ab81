"""Turn a URL of Discord's REST API into a bounded label."""

from __future__ import annotations

import re

_ROOTS = frozenset(
    {
        "applications",
        "auth",
        "channels",
        "gateway",
        "guilds",
        "interactions",
        "invites",
        "oauth2",
        "skus",
        "soundboard-default-sounds",
        "stage-instances",
        "sticker-packs",
        "stickers",
        "users",
        "voice",
        "webhooks",
    }
)
_ID = re.compile(r"^\d{5,}$")
_WORD = re.compile(r"^(@me|@original|@[a-z]+|[a-z][a-z-]{0,30})$")
_VERSION = re.compile(r"^v\d+$")
_TOKEN_ROOTS = frozenset({"interactions", "webhooks"})
OTHER = "other"


def route_label(method: str, path: str) -> str:
    """Give a label such as ``POST /channels/{id}/messages``.

    Parameters
    ----------
    method:
        HTTP method.
    path:
        Path of the URL, with or without ``/api/v10`` before it.

    Returns
    -------
    str
        The template, or ``other``. It never holds an id, a token or an emoji, so the number of
        values is bounded and nothing secret gets into a metric.
    """
    parts = [part for part in path.split("/") if part]
    while parts and (parts[0] == "api" or _VERSION.match(parts[0])):
        parts.pop(0)
    if not parts or parts[0] not in _ROOTS or len(parts) > 9:
        return OTHER
    masked = [parts[0]]
    for index, part in enumerate(parts[1:], start=1):
        before = parts[index - 1]
        if parts[0] in _TOKEN_ROOTS and index == 2:
            masked.append("{token}")
        elif before == "reactions":
            masked.append("{emoji}")
        elif before == "invites":
            masked.append("{code}")
        elif _ID.match(part) or not _WORD.match(part):
            masked.append("{id}")
        else:
            masked.append(part)
    return f"{method.upper()} /{'/'.join(masked)}"
