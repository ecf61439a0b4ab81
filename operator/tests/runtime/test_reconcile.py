"""What one look does when the API server does not do as it is asked."""

import asyncio
from typing import Any

import pytest

from vertice_operator.cluster import errors
from vertice_operator.cluster.cache import LiveCache
from vertice_operator.cluster.client import KubeClient
from vertice_operator.cluster.events import EventPoster
from vertice_operator.cluster.facts import FactsGatherer
from vertice_operator.cluster.secrets import SecretReader
from vertice_operator.cluster.statusz import StatuszReader
from vertice_operator.cluster.tokens import TokenRegistry
from vertice_operator.decide.facts import Cluster, Defaults
from vertice_operator.runtime.app import Operator
from vertice_operator.runtime.coverage import CoveragePoller
from vertice_operator.runtime.queue import Backoff, Key
from vertice_operator.runtime.reconcile import Reconciler
from vertice_operator.runtime.settings import Settings
from vertice_operator.runtime.settle import Settle

KEY = Key("demo", "my-bot")


class BrokenServer:
    """Answers reads and status writes; every write of a child fails for the moment."""

    def __init__(self) -> None:
        self.statuses: list[dict[str, Any]] = []

    async def get(self, kind: Any, namespace: str, name: str) -> dict[str, Any]:
        if kind.kind == "DiscordBot":
            return {
                "metadata": {
                    "namespace": namespace, "name": name, "uid": "u", "generation": 1,
                    "resourceVersion": "1",
                },
                "spec": {
                    "discord": {"tokenSecretRef": {"name": "token"}},
                    "database": {
                        "direct": {"host": "db.example"},
                        "credentialsSecretRef": {"name": "db"},
                    },
                },
            }  # fmt: skip
        raise errors.NotFoundError("not found")

    async def apply(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise errors.TransportError("500: etcd timed out")

    async def create(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {}

    async def apply_status(self, kind: Any, body: dict[str, Any]) -> dict[str, Any]:
        self.statuses.append(body["status"])
        return {"metadata": {"resourceVersion": "2"}}


class KnownCluster:
    known = Cluster(34, frozenset(), False)


def reconciler(server: Any) -> Reconciler:
    cache = LiveCache()
    gatherer = FactsGatherer(
        cache, SecretReader(server), TokenRegistry(), KnownCluster(),  # type: ignore[arg-type]
        Defaults("1", "bot:1", "proxy:1"), {}, lambda bots: None,
    )  # fmt: skip
    return Reconciler(
        server, cache, gatherer, EventPoster(server, "me"), Settle(0.0), "vertice-system", 60.0,
        on_gone=lambda key: None, on_status=lambda key, status: None,
        on_drift=lambda kind: None, on_written=lambda key, version: None,
    )  # fmt: skip


async def test_a_fault_that_lasts_is_told_and_still_tried_again_soon() -> None:
    """From the third time on the status tells it; the queue's back-off must go on."""
    server = BrokenServer()
    here = reconciler(server)
    for told in (0, 0, 1, 2):
        with pytest.raises(errors.TransportError, match="etcd timed out"):
            await here.reconcile(KEY)
        assert len(server.statuses) == told
    ready = next(each for each in server.statuses[-1]["conditions"] if each["type"] == "Ready")
    assert ready["status"] == "False"


async def test_a_bot_whose_pods_are_all_gone_is_looked_at_again() -> None:
    """What they last said of themselves must not stay in the status."""
    woken: list[Key] = []
    poller = CoveragePoller(LiveCache(), StatuszReader(), 15.0, woken.append)
    poller.reports[KEY] = ()
    await poller.round()
    assert (woken, poller.reports) == ([KEY], {})


async def test_a_look_that_takes_too_long_is_a_fault_that_ends_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operator = Operator(Settings(reconcile_timeout=0.01), KubeClient())
    patience: list[Backoff] = []

    async def hang(key: Key) -> None:
        await asyncio.Event().wait()

    def retry(key: Key, how: Backoff, at_least: float = 0.0) -> float:
        patience.append(how)
        return 0.0

    monkeypatch.setattr(operator.reconciler, "reconcile", hang)
    monkeypatch.setattr(operator.queue, "retry", retry)
    await operator._serve(KEY)
    assert patience == [Backoff.TRANSIENT]
