"""AlertmanagerConfig: the bot's alerts go to Slack."""

from __future__ import annotations

from typing import Any, Final

from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.api.v1alpha1.monitoring import SlackSpec
from vertice_operator.render.kinds import ALERTMANAGER_CONFIG
from vertice_operator.render.meta import child

_RECEIVER: Final = "slack"
_TITLE: Final = "[{{ .Status | toUpper }}] {{ .CommonLabels.alertname }}: {{ .CommonLabels.bot }}"
_TEXT: Final = (
    "{{ range .Alerts }}*{{ .Annotations.summary }}*\n{{ .Annotations.description }}\n{{ end }}"
)
_RUNBOOK: Final = "{{ (index .Alerts 0).Annotations.runbook_url }}"
"""Alerts of one message have one name, for they are grouped by it."""


def alertmanager_config(bot: DiscordBot) -> dict[str, Any] | None:
    """Give the AlertmanagerConfig; None where nobody wants alerts in Slack.

    Alertmanager applies it to alerts whose label ``namespace`` is this one alone (its default
    matcher strategy), which every rule of ours therefore carries.
    """
    slack = wants_slack(bot)
    if slack is None:
        return None
    return child(
        bot,
        ALERTMANAGER_CONFIG,
        bot.metadata.name,
        {
            "spec": {
                "route": _route(bot),
                "receivers": [{"name": _RECEIVER, "slackConfigs": [_slack(slack)]}],
                "inhibitRules": [
                    {
                        "sourceMatch": [_is("severity", "critical")],
                        "targetMatch": [_is("severity", "warning")],
                        "equal": ["namespace", "bot"],
                    }
                ],
            }
        },
        extra_labels=bot.spec.monitoring.labels,
    )


def wants_slack(bot: DiscordBot) -> SlackSpec | None:
    """Where alerts are to go, where the cluster knows the kind; None without."""
    return bot.spec.monitoring.slack if bot.spec.monitoring.enabled else None


def _route(bot: DiscordBot) -> dict[str, Any]:
    return {
        "receiver": _RECEIVER,
        "groupBy": ["bot", "alertname"],
        "groupWait": "30s",
        "groupInterval": "5m",
        "repeatInterval": "12h",
        "matchers": [_is("bot", bot.metadata.name)],
        "routes": [
            {
                "receiver": _RECEIVER,
                "matchers": [_is("severity", "critical")],
                "repeatInterval": "4h",
            }
        ],
    }


def _slack(slack: SlackSpec) -> dict[str, Any]:
    reference = slack.secret_ref
    return {
        # Read by the Prometheus operator, in this namespace; the address stands nowhere else.
        "apiURL": {"name": reference.name, "key": reference.key},
        "channel": slack.channel,
        "sendResolved": True,
        "title": _TITLE,
        "text": _TEXT,
        "actions": [{"type": "button", "text": "Runbook", "url": _RUNBOOK}],
    }


def _is(label: str, value: str) -> dict[str, str]:
    return {"name": label, "value": value, "matchType": "="}
