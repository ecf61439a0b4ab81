from collections.abc import Callable
from typing import Any

from vertice_operator.cli.look.statusz import Said
from vertice_operator.cli.look.usage import ABSENT
from vertice_operator.cli.show.top import bot_usage, draw_usage, usages

Make = Callable[..., dict[str, Any]]


def with_resources(pod: dict[str, Any], **limits: str) -> dict[str, Any]:
    bot = {"name": "bot", "resources": {"requests": {"cpu": "150m"}, "limits": limits}}
    proxy = {"name": "cloud-sql-proxy", "restartPolicy": "Always",
             "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "128Mi"}}}  # fmt: skip
    once = {"name": "init", "resources": {"requests": {"cpu": "9"}}}
    return {**pod, "spec": {"containers": [bot], "initContainers": [proxy, once]}}


def test_usage(a_bot: Make, a_pod: Make, draws: Callable[..., str]) -> None:
    migration = a_pod("my-bot-migrate")
    migration["metadata"]["labels"]["app.kubernetes.io/component"] = "migration"
    pods = [
        with_resources(a_pod("my-bot-a"), memory="384Mi"),
        with_resources(a_pod("my-bot-b")),
        migration,
    ]
    metrics = [
        {
            "metadata": {"name": "my-bot-a"},
            "containers": [
                {"name": "bot", "usage": {"cpu": "123456789n", "memory": "393216Ki"}},
                {"name": "cloud-sql-proxy", "usage": {"cpu": "10m", "memory": "103Mi"}},
            ],
        }
    ]
    said = [Said("my-bot-a", {"shards": [{"id": 0}, {"id": 1}], "lag_seconds": 1.25})]
    answer = usages([bot_usage(a_bot(), pods, metrics, said, "")])
    draws("top", answer, draw_usage(answer))
    first, second = answer["items"][0]["replicas"]
    assert first["cpu"]["request"] == 0.2
    assert first["memory"]["percentOfLimit"] == 95
    assert second["memory"] == {
        "used": None, "request": None, "limit": None, "percentOfLimit": None
    }  # fmt: skip


def test_without_metrics(a_bot: Make, a_pod: Make, draws: Callable[..., str]) -> None:
    answer = usages([bot_usage(a_bot(), [with_resources(a_pod("my-bot-a"))], [], [], ABSENT)])
    text = draws("top-absent", answer, draw_usage(answer))
    assert "install metrics-server" in text
