"""The Cloud SQL Auth Proxy container: a native sidecar, or a plain container before 1.29."""

from __future__ import annotations

from typing import Any, Final

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import CloudSQLSpec, DiscordBot, ProxyMode
from vertice_operator.render.choices import proxy_image, proxy_mode
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.pod import VOLUME_GOOGLE_KEY, container_security_context, resources
from vertice_operator.render.secret_files import GOOGLE_KEY_DIR, GOOGLE_KEY_FILE

_LAST_SECONDS: Final = 5
"""A plain container gets SIGTERM together with the bot and must end before SIGKILL."""


def sidecars(bot: DiscordBot, facts: RenderFacts) -> list[dict[str, Any]]:
    """Give the proxy as the first init container (native sidecar), or nothing."""
    if proxy_mode(bot, facts) is not ProxyMode.NATIVE_SIDECAR:
        return []
    return [{**_container(bot, facts), "restartPolicy": "Always"}]


def plain_containers(bot: DiscordBot, facts: RenderFacts) -> list[dict[str, Any]]:
    """Give the proxy as an ordinary container beside the bot, or nothing."""
    return [_container(bot, facts)] if proxy_mode(bot, facts) is ProxyMode.CONTAINER else []


def _container(bot: DiscordBot, facts: RenderFacts) -> dict[str, Any]:
    cloud = bot.spec.database.cloud_sql
    assert cloud is not None  # proxy_mode says so
    # No lifecycle hook: a preStop of a native sidecar runs as soon as the pod begins to end, and
    # would take the database away from a bot that still drains. The kubelet alone sends SIGTERM to
    # a sidecar only after every main container has ended. No readiness probe either: it says
    # nothing about the database (with --port it stays 200 while no instance can be reached).
    container: dict[str, Any] = {
        "name": names.CONTAINER_PROXY,
        "image": proxy_image(bot, facts),
        "imagePullPolicy": "IfNotPresent",
        "args": [cloud.instance],
        "env": _environment(bot, cloud, facts),
        "ports": [
            {
                "name": names.PORT_NAME_PROXY,
                "containerPort": names.PORT_PROXY_HEALTH,
                "protocol": "TCP",
            }
        ],
        "startupProbe": _probe("/startup", period=1, timeout=10, failures=60),
        "livenessProbe": _probe("/liveness", period=10, timeout=10, failures=3),
        "resources": resources(cloud.proxy.resources),
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": container_security_context(),
    }
    if cloud.proxy.credentials_secret_ref is not None:
        container["volumeMounts"] = [
            {"name": VOLUME_GOOGLE_KEY, "mountPath": GOOGLE_KEY_DIR, "readOnly": True}
        ]
    return container


def _environment(bot: DiscordBot, cloud: CloudSQLSpec, facts: RenderFacts) -> list[dict[str, str]]:
    """Configure by environment: easier to read in a pod than a line of flags."""
    proxy = cloud.proxy
    native = proxy_mode(bot, facts) is ProxyMode.NATIVE_SIDECAR
    delay = (
        proxy.max_sigterm_delay_seconds
        if native
        else max(bot.spec.drain.grace_period_seconds - _LAST_SECONDS, 0)
    )
    values: dict[str, str | None] = {
        "PORT": str(proxy.port),
        "PRIVATE_IP": _true(cloud.private_ip),
        "PSC": _true(cloud.psc),
        "AUTO_IAM_AUTHN": _true(cloud.iam_auth),
        "HEALTH_CHECK": "true",
        "HTTP_ADDRESS": "0.0.0.0",  # noqa: S104 - the kubelet and Prometheus call from outside
        "HTTP_PORT": str(names.PORT_PROXY_HEALTH),
        "PROMETHEUS": "true",
        "PROMETHEUS_NAMESPACE": "cloudsql",
        "STRUCTURED_LOGS": "true",
        "EXIT_ZERO_ON_SIGTERM": "true",
        "MAX_SIGTERM_DELAY": f"{delay}s",
        # On by default in newer versions; it reaches for Google's monitoring from any cluster.
        "ENABLE_BUILTIN_METRICS": "false",
        # Without the operator's version: an upgrade of the operator must not restart a bot.
        "USER_AGENT": names.MANAGED_BY,
        "SQLADMIN_API_ENDPOINT": proxy.sql_admin_api_endpoint,
        "CREDENTIALS_FILE": (
            f"{GOOGLE_KEY_DIR}/{GOOGLE_KEY_FILE}" if proxy.credentials_secret_ref else None
        ),
    }
    return [
        {"name": f"CSQL_PROXY_{name}", "value": value}
        for name, value in values.items()
        if value is not None
    ]


def _true(flag: bool) -> str | None:
    """Write a flag that is on; one that is off is left out, as the proxy's default is off."""
    return "true" if flag else None


def _probe(path: str, *, period: int, timeout: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": names.PORT_NAME_PROXY, "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "successThreshold": 1,
        "failureThreshold": failures,
    }
