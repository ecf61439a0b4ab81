"""ServiceAccount: who the pods are towards Google Cloud; no rights in Kubernetes."""

from __future__ import annotations

from typing import Any, Final

from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.kinds import SERVICE_ACCOUNT
from vertice_operator.render.meta import child

_WORKLOAD_IDENTITY: Final = "iam.gke.io/gcp-service-account"


def service_account(bot: DiscordBot) -> dict[str, Any] | None:
    """Give the ServiceAccount; None where the user names one of their own."""
    identity = bot.spec.identity
    if identity.service_account_name is not None:
        return None
    annotations = dict(identity.annotations)
    if identity.gcp_service_account is not None:
        annotations[_WORKLOAD_IDENTITY] = identity.gcp_service_account
    return child(
        bot,
        SERVICE_ACCOUNT,
        bot.metadata.name,
        # The bot never talks to the Kubernetes API; Workload Identity works without the token.
        {"automountServiceAccountToken": False},
        annotations=annotations,
    )
