"""Objects as the API server gives them, and a way to draw without a terminal."""

import io
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from vertice_operator.cli.screen import paint

GOLDEN = Path(__file__).parent / "golden"
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def now() -> datetime:
    """The present time of all golden files."""
    return datetime(2026, 3, 5, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def draws(golden: Callable[[Path, str], None]) -> Callable[..., str]:
    """Compare a drawing, and the document it was made of, with golden files."""

    def check(name: str, document: dict[str, Any], drawing: Iterable[Any]) -> str:
        stream = io.StringIO()
        paint(drawing, stream)
        golden(GOLDEN / f"{name}.txt", stream.getvalue())
        text = json.dumps(document, indent=2, ensure_ascii=False)
        golden(GOLDEN / f"{name}.json", text + "\n")
        return stream.getvalue()

    return check


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": 3,
        "lastTransitionTime": "2026-03-05T11:20:00Z",
    }


def _revision(number: int, outcome: str, tag: str, day: int) -> dict[str, Any]:
    return {
        "revision": number,
        "name": f"my-bot-{number}f00d",
        "image": f"registry.example/bot:{tag}",
        "configHash": f"{number}" * 16,
        "createdAt": f"2026-03-0{day}T09:00:00Z",
        "outcome": outcome,
    }


@pytest.fixture
def a_bot() -> Make:
    """Make a live DiscordBot; keyword arguments replace parts of its status."""

    def make(
        name: str = "my-bot", ready: bool = True, namespace: str = "demo", **status: Any
    ) -> dict[str, Any]:
        ready_condition = (
            condition("Ready", "True", "AllComponentsReady")
            if ready
            else condition(
                "Ready", "False", "WorkloadUnavailable", "pod my-bot-7f-abc cannot pull its image."
            )
        )
        return {
            "apiVersion": "vertice.dev/v1alpha1",
            "kind": "DiscordBot",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "uid": f"uid-of-{name}",
                "generation": 3,
                "resourceVersion": "7",
                "creationTimestamp": "2026-03-01T10:00:00Z",
            },
            "spec": {
                "discord": {"tokenSecretRef": {"name": name}},
                "database": {
                    "direct": {"host": "db.example"},
                    "credentialsSecretRef": {"name": name},
                },
            },
            "status": {
                "observedGeneration": 3,
                "replicas": 2,
                "readyReplicas": 2,
                "updatedReplicas": 2,
                "image": {"current": "registry.example/bot:1.3.0"},
                "shards": {"configured": 4, "owned": 4, "ready": 4},
                "conditions": [
                    ready_condition,
                    condition("SpecAccepted", "True", "Valid"),
                    condition("Degraded", "False", "AsExpected", "not shown, since all is well"),
                ],
                "history": [
                    _revision(3, "Running", "1.3.0", 5),
                    _revision(2, "Good", "1.2.0", 3),
                    _revision(1, "Failed", "1.1.0", 1),
                ],
                **status,
            },
        }

    return make


@pytest.fixture
def a_pod() -> Make:
    """Make a live pod of the bot; keyword arguments replace parts of its status."""

    def make(name: str, ready: bool = True, revision: str = "7f", **status: Any) -> dict[str, Any]:
        return {
            "metadata": {
                "name": name,
                "namespace": "demo",
                "uid": f"uid-of-{name}",
                "creationTimestamp": "2026-03-05T11:00:00Z",
                "labels": {
                    "vertice.dev/bot": "my-bot",
                    "app.kubernetes.io/component": "bot",
                    "pod-template-hash": revision,
                },
            },
            "spec": {"containers": [{"name": "bot", "resources": {}}]},
            "status": {
                "phase": "Running",
                "podIP": "10.0.0.1",
                "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
                "containerStatuses": [
                    {"name": "bot", "ready": ready, "restartCount": 0, "imageID": "", "state": {}}
                ],
                **status,
            },
        }

    return make


@pytest.fixture
def a_child() -> Make:
    """Make a live child of the bot."""

    def make(kind: str, name: str = "my-bot", owner: str = "uid-of-my-bot", **rest: Any) -> Any:
        return {
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": "demo",
                "uid": f"uid-of-{kind}-{name}",
                "ownerReferences": [{"uid": owner, "controller": True}],
            },
            **rest,
        }

    return make
