"""NetworkPolicy: what the pods may talk to, and who may read their metrics and status."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot, NetworkPolicySpec
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.fqdn_policy import restricts_by_name
from vertice_operator.render.kinds import NETWORK_POLICY
from vertice_operator.render.meta import child

PRIVATE_RANGES: Final = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
_LINK_LOCAL: Final = "169.254.0.0/16"
PRIVATE_RANGES_V6: Final = ("fc00::/7",)
_LINK_LOCAL_V6: Final = "fe80::/10"

_METADATA: Final = (
    # Workload Identity. Which of them a cluster uses depends on its data plane; the others lead
    # nowhere.
    ("169.254.169.254/32", 80),
    ("169.254.169.252/32", 988),
    ("127.0.0.1/32", 988),
)
_CONNECTOR_PORT: Final = 3307
"""Where Cloud SQL accepts its connectors; fixed by Google."""


def network_policy(bot: DiscordBot, facts: RenderFacts) -> dict[str, Any] | None:
    """Give the NetworkPolicy; None where the user does without."""
    if not bot.spec.network_policy.enabled:
        return None
    return child(
        bot,
        NETWORK_POLICY,
        bot.metadata.name,
        {
            "spec": {
                # By this label and not by the Deployment's selector: it holds for the pods of the
                # migration Job, too.
                "podSelector": {"matchLabels": {names.LABEL_BOT: bot.metadata.name}},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": _ingress(bot, facts),
                "egress": _egress(bot, facts),
            }
        },
    )


def _ingress(bot: DiscordBot, facts: RenderFacts) -> list[dict[str, Any]]:
    """Let Prometheus and the operator in. The kubelet's probes need no rule."""
    policy, monitoring = bot.spec.network_policy, bot.spec.monitoring
    rules = [_rule("from", [_namespace(facts.operator_namespace)], [_tcp(names.PORT_HTTP)])]
    if monitoring.enabled:
        ports = [_tcp(names.PORT_METRICS)]
        if bot.spec.database.cloud_sql is not None:
            ports.append(_tcp(names.PORT_PROXY_HEALTH))
        rules.append(_rule("from", [_namespace(policy.prometheus_namespace)], ports))
    return rules


def _egress(bot: DiscordBot, facts: RenderFacts) -> list[dict[str, Any]]:
    policy = bot.spec.network_policy
    # Discord and Google have no fixed addresses: everything that is public, nothing private. Rules
    # add up, so it must not stand beside a policy that names them.
    public = _rule("to", public_peers(), [_tcp(443)])
    return [
        _dns(),
        *([] if restricts_by_name(bot, facts) else [public]),
        *(_rule("to", [_block(address)], [_tcp(port)]) for address, port in _METADATA),
        *_database(bot),
        *_cache(bot),
        *_collector(bot),
        *(dict(rule) for rule in policy.extra_egress),
    ]


def public_peers() -> list[dict[str, Any]]:
    """Give all public addresses, IPv4 and IPv6."""
    return [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": [*PRIVATE_RANGES, _LINK_LOCAL]}},
        {"ipBlock": {"cidr": "::/0", "except": [*PRIVATE_RANGES_V6, _LINK_LOCAL_V6]}},
    ]


def _dns() -> dict[str, Any]:
    resolver = {
        **_namespace("kube-system"),
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    node_local = _block("169.254.20.10/32")
    ports = [{"port": 53, "protocol": "UDP"}, _tcp(53)]
    return _rule("to", [resolver, node_local], ports)


def _database(bot: DiscordBot) -> list[dict[str, Any]]:
    database, policy = bot.spec.database, bot.spec.network_policy
    if database.direct is not None:
        peers = _peers(policy.database_cidr, database.direct.host)
        return [_rule("to", peers, [_tcp(database.direct.port)])]
    if database.cloud_sql is None:
        return []
    private = database.cloud_sql.private_ip or database.cloud_sql.psc
    if policy.database_cidr is None and not private:
        return [_rule("to", public_peers(), [_tcp(_CONNECTOR_PORT)])]
    return [_rule("to", _peers(policy.database_cidr, None), [_tcp(_CONNECTOR_PORT)])]


def _cache(bot: DiscordBot) -> list[dict[str, Any]]:
    cache = bot.spec.cache
    if cache is None:
        return []
    return [_rule("to", _peers(bot.spec.network_policy.cache_cidr, cache.host), [_tcp(cache.port)])]


def _collector(bot: DiscordBot) -> list[dict[str, Any]]:
    policy: NetworkPolicySpec = bot.spec.network_policy
    if bot.spec.tracing is None or policy.otlp is None:
        return []
    port = urlsplit(bot.spec.tracing.endpoint).port
    ports = [port] if port else [4317, 4318]
    return [_rule("to", [_namespace(policy.otlp.namespace)], [_tcp(each) for each in ports])]


def _peers(cidr: str | None, host: str | None) -> list[dict[str, Any]]:
    """Give the range that the user named, the one address that is known, or what is private."""
    if cidr is not None:
        return [_block(str(ipaddress.ip_network(cidr, strict=False)))]
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return [_block(each) for each in (*PRIVATE_RANGES, *PRIVATE_RANGES_V6)]
    return [_block(f"{address}/{address.max_prefixlen}")]


def _rule(
    direction: str, peers: Iterable[dict[str, Any]], ports: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    return {direction: list(peers), "ports": list(ports)}


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _block(cidr: str) -> dict[str, Any]:
    return {"ipBlock": {"cidr": cidr}}


def _tcp(port: int) -> dict[str, Any]:
    return {"port": port, "protocol": "TCP"}
