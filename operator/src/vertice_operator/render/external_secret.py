"""ExternalSecret: External Secrets fills the Secret that the pods mount."""

from __future__ import annotations

from typing import Any

from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.kinds import EXTERNAL_SECRET
from vertice_operator.render.meta import child


def external_secret(bot: DiscordBot) -> dict[str, Any] | None:
    """Give the ExternalSecret; None with another provider. The store is the user's, never ours."""
    wanted = bot.spec.secrets.external_secret
    if wanted is None:
        return None
    return child(
        bot,
        EXTERNAL_SECRET,
        bot.metadata.name,
        {
            "spec": {
                "refreshPolicy": "Periodic",
                "refreshInterval": wanted.refresh_interval,
                "secretStoreRef": {"kind": wanted.store_ref.kind, "name": wanted.store_ref.name},
                "target": {
                    "name": bot.metadata.name,
                    # A Secret of this name that somebody made by hand is refused, not taken over.
                    "creationPolicy": "Owner",
                    # A secret that vanishes from the store must not take a running bot with it.
                    "deletionPolicy": "Retain",
                },
                "data": [
                    {
                        "secretKey": each.secret_key,
                        "remoteRef": {
                            "key": each.remote_key,
                            **({"version": each.version} if each.version is not None else {}),
                        },
                    }
                    for each in wanted.keys
                ],
            }
        },
    )
