"""Role and RoleBinding that let a Prometheus of another namespace discover the bot's pods.

kube-prometheus selects ServiceMonitors everywhere, but may look into three namespaces only: the
object is there, no target appears, and nothing says why.
"""

from __future__ import annotations

from typing import Any, Final

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.api.v1alpha1.monitoring import AccountRef
from vertice_operator.render.kinds import ROLE, ROLE_BINDING
from vertice_operator.render.meta import child

DISCOVERY_VERBS: Final = ("get", "list", "watch")
DISCOVERY: Final = (
    ("", ("endpoints", "pods", "services")),
    ("discovery.k8s.io", ("endpointslices",)),
)
"""What service discovery reads. The operator can grant only what it holds itself."""


def prometheus_role(bot: DiscordBot) -> dict[str, Any] | None:
    """Give the Role; None where nobody asks for it."""
    if prometheus_account(bot) is None:
        return None
    return child(
        bot,
        ROLE,
        names.prometheus_role(bot.metadata.name),
        {
            "rules": [
                {
                    "apiGroups": [group],
                    "resources": list(resources),
                    "verbs": list(DISCOVERY_VERBS),
                }
                for group, resources in DISCOVERY
            ]
        },
    )


def prometheus_role_binding(bot: DiscordBot) -> dict[str, Any] | None:
    """Give the RoleBinding; None where nobody asks for it."""
    account = prometheus_account(bot)
    if account is None:
        return None
    return child(
        bot,
        ROLE_BINDING,
        names.prometheus_role(bot.metadata.name),
        {
            "roleRef": {
                "apiGroup": ROLE.group,
                "kind": ROLE.kind,
                "name": names.prometheus_role(bot.metadata.name),
            },
            "subjects": [
                {
                    "kind": "ServiceAccount",
                    "name": account.name,
                    "namespace": account.namespace,
                }
            ],
        },
    )


def prometheus_account(bot: DiscordBot) -> AccountRef | None:
    """Whose discovery it is; None where that is somebody else's business."""
    monitoring = bot.spec.monitoring
    return monitoring.prometheus_service_account if monitoring.enabled else None
