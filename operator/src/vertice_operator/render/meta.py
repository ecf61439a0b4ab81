"""Metadata that every child has: labels, owner, hash."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.hashes import spec_hash
from vertice_operator.render.kinds import ChildKind


def labels(bot: DiscordBot, component: str = names.COMPONENT_BOT) -> dict[str, str]:
    """Give the labels of a child. No version among them: an operator upgrade changes no object."""
    return {
        **names.selector(bot.metadata.name),
        names.LABEL_COMPONENT: component,
        names.LABEL_PART_OF: names.PART_OF,
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_BOT: bot.metadata.name,
    }


def image_label(image: str) -> str:
    """Turn the tag or digest of an image into a label value (at most 63 plain characters)."""
    reference, _, digest = image.partition("@")
    tag = reference.rpartition("/")[2].partition(":")[2]
    text = tag or digest.removeprefix("sha256:")[:12] or "latest"
    return re.sub(r"^[^A-Za-z0-9]+|[^A-Za-z0-9]+$", "", text[:63]) or "unknown"


def child(
    bot: DiscordBot,
    kind: ChildKind,
    name: str,
    content: Mapping[str, Any],
    *,
    extra_labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    component: str = names.COMPONENT_BOT,
) -> dict[str, Any]:
    """Put metadata around the content of a child and seal it with the hash of all of it.

    Args:
        bot: the owner.
        kind: kind of the child.
        name: name of the child.
        content: top-level fields besides apiVersion, kind and metadata.
        extra_labels: further labels, such as the user's; those of every child win.
        annotations: annotations besides the hash.
        component: value of the component label.
    """
    body: dict[str, Any] = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {
            "name": name,
            "namespace": bot.metadata.namespace,
            "labels": {**(extra_labels or {}), **labels(bot, component)},
            "annotations": dict(annotations or {}),
            **_owners(bot),
        },
        **content,
    }
    digest = spec_hash(body)
    body["metadata"]["annotations"][names.ANNOTATION_SPEC_HASH] = digest
    return body


def _owners(bot: DiscordBot) -> dict[str, Any]:
    """Give the owner reference; none where no server has stored the resource yet."""
    if not bot.metadata.uid:
        return {}
    return {
        "ownerReferences": [
            {
                "apiVersion": names.API_VERSION,
                "kind": names.KIND,
                "name": bot.metadata.name,
                "uid": bot.metadata.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    }
