"""What a person needs to use the ``vertice`` command: for docs/cli.md and its test."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from vertice_operator.api.names import GROUP
from vertice_operator.install.rights import Right
from vertice_operator.render import KINDS

_READ: Final = ("get", "list")


def _children() -> tuple[Right, ...]:
    groups: dict[str, list[str]] = {}
    for kind in KINDS:
        groups.setdefault(kind.group, []).append(kind.plural)
    return tuple(
        Right(group, tuple(sorted(plurals)), _READ, "tree, diff, report: the bot's objects.")
        for group, plurals in sorted(groups.items())
    )


VIEWER: Final[tuple[Right, ...]] = (
    Right(GROUP, ("discordbots",), _READ, "Every command."),
    Right("", ("pods",), _READ, "tree, shards, logs, top, report."),
    Right("", ("pods/log",), ("get",), "logs, report."),
    Right("", ("pods/proxy",), ("get",), "shards, top, report: /statusz. Without: the status."),
    Right("", ("events",), _READ, "report."),
    Right("metrics.k8s.io", ("pods",), _READ, "top, report: usage."),
    *_children(),
)
"""To look, in the namespace of the bots. Secrets are not among it."""

EDITOR: Final[tuple[Right, ...]] = (
    *VIEWER,
    Right(
        GROUP,
        ("discordbots",),
        ("update", "patch"),
        "update: pause, resume, suspend, unsuspend, restart, rollback. patch: check --references.",
    ),
)
"""To look and to change, in the namespace of the bots."""

OPERATOR: Final[tuple[Right, ...]] = (
    Right("", ("pods",), ("list",), "logs, report: the operator's pods."),
    Right("", ("pods/log",), ("get",), "logs, report."),
    Right("apps", ("deployments",), ("list",), "render, diff, report: the default images."),
)
"""To see the operator, in its own namespace. Without it the commands say what they leave out."""


def role(name: str, namespace: str, rights: Iterable[Right]) -> dict[str, Any]:
    """Give a Role."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": name, "namespace": namespace},
        "rules": [
            {
                "apiGroups": [each.group],
                "resources": list(each.resources),
                "verbs": list(each.verbs),
            }
            for each in rights
        ],
    }
