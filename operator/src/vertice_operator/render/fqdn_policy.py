"""FQDNNetworkPolicy of GKE: Discord and Google by name, in place of every public address."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.kinds import FQDN_NETWORK_POLICY
from vertice_operator.render.meta import child

_DISCORD: Final = ("discord.com", "*.discord.com", "*.discord.gg", "*.discordapp.com")
"""A session is resumed at a regional host below discord.gg."""
_GOOGLE: Final = ("*.googleapis.com",)
_PORTS: Final = {"https": 443, "wss": 443, "http": 80, "ws": 80}


def fqdn_policy(bot: DiscordBot) -> dict[str, Any] | None:
    """Give the FQDNNetworkPolicy; None where the user does without."""
    if not wants_fqdn(bot):
        return None
    return child(
        bot,
        FQDN_NETWORK_POLICY,
        bot.metadata.name,
        {
            "spec": {
                "podSelector": {"matchLabels": {names.LABEL_BOT: bot.metadata.name}},
                "egress": [_egress(host, port) for host, port in _hosts(bot)],
            }
        },
    )


def wants_fqdn(bot: DiscordBot) -> bool:
    """Whether public hosts are to be allowed by name."""
    policy = bot.spec.network_policy
    return policy.enabled and policy.fqdn


def restricts_by_name(bot: DiscordBot, facts: RenderFacts) -> bool:
    """Whether an FQDNNetworkPolicy stands in for the rule that allows every public address."""
    return wants_fqdn(bot) and FQDN_NETWORK_POLICY.kind in facts.available_kinds


def _hosts(bot: DiscordBot) -> list[tuple[str, int]]:
    """Give hosts and ports: Discord, Google where Cloud SQL needs it, and the user's own."""
    discord = bot.spec.discord
    found = [(host, 443) for host in _DISCORD]
    cloud = bot.spec.database.cloud_sql
    if cloud is not None:
        found += [(host, 443) for host in _GOOGLE]
    own = [discord.api_base, discord.gateway_url]
    own.append(cloud.proxy.sql_admin_api_endpoint if cloud is not None else None)
    for address in own:
        parts = urlsplit(address or "")
        if parts.hostname and "." in parts.hostname:
            found.append((parts.hostname, parts.port or _PORTS[parts.scheme]))
    return sorted(set(found))


def _egress(host: str, port: int) -> dict[str, Any]:
    match = {"pattern": host} if "*" in host else {"name": host}
    return {"matches": [match], "ports": [{"protocol": "TCP", "port": port}]}
