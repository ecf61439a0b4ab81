"""Short hashes by which a change is recognised."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

HEX_DIGITS: Final = 16
"""64 bits: enough to see a change, short enough for an annotation that people read."""


def document_hash(document: Any) -> str:
    """Hash any JSON-like document; the order of keys does not matter."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:HEX_DIGITS]


def config_hash(config_yaml: str) -> str:
    """Hash the text of ``config.yaml``; a change rolls the pods."""
    return hashlib.sha256(config_yaml.encode()).hexdigest()[:HEX_DIGITS]


def secret_hash(uid: str, data: Mapping[str, bytes]) -> str:
    """Hash the secrets of one bot, so that a new value rolls the pods and shows nothing.

    The uid of the resource is the key: the same token in two bots has two hashes, and nobody can
    look a hash up in a list of common passwords without knowing the uid.

    Args:
        uid: ``metadata.uid`` of the resource.
        data: content by a name that says which one it is (``discord-token``). Only what the bot
            refers to, or a foreign key in the same Secret would restart it.

    Raises:
        ValueError: the uid is empty, so there is no key.
    """
    if not uid:
        raise ValueError("the resource has no uid yet; its secrets cannot be hashed")
    keyed = hmac.new(uid.encode(), digestmod=hashlib.sha256)
    for name in sorted(data):
        # Lengths go in as well, or {"a": b"bc"} and {"ab": b"c"} would be one and the same.
        for part in (name.encode(), data[name]):
            keyed.update(len(part).to_bytes(8, "big"))
            keyed.update(part)
    return keyed.hexdigest()[:HEX_DIGITS]


def spec_hash(body: Mapping[str, Any]) -> str:
    """Hash a rendered object; call it before the hash itself is put on the object."""
    return document_hash(body)
