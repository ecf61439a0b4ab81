"""A small world for pure tests: a resource, and children that are what was asked for."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.decide.facts import Cluster, Defaults, Facts, Live, SecretFact
from vertice_operator.decide.plan import Act, Plan, make_plan

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
UID = "0c1d2e3f-uid"


class World:
    """Facts that grow as plans are carried out, as a cluster without faults would have them."""

    def __init__(self, **spec: Any) -> None:
        self.spec: dict[str, Any] = {
            "discord": {"tokenSecretRef": {"name": "token"}},
            "database": {
                "direct": {"host": "db.example"},
                "credentialsSecretRef": {"name": "db"},
                "migrations": "Off",
            },
            **spec,
        }
        self.metadata: dict[str, Any] = {
            "name": "my-bot", "namespace": "demo", "uid": UID, "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z", "annotations": {},
        }  # fmt: skip
        self.status: dict[str, Any] = {}
        self.live: dict[tuple[str, str], Live] = {}
        self.extra: dict[str, Any] = {}
        self.minor, self.kinds, self.metrics_api = 34, frozenset[str](), False
        self.defaults = Defaults("0.1.0", "vertice-bot:0.1.0", "cloud-sql-proxy:2.27.0")
        self.secrets = {
            "token": SecretFact("token", True, frozenset({"token"})),
            "db": SecretFact("db", True, frozenset({"username", "password"})),
        }

    @property
    def bot(self) -> DiscordBot:
        return DiscordBot.from_object(
            {"metadata": self.metadata, "spec": self.spec, "status": self.status}
        )

    def facts(self) -> Facts:
        values: dict[str, Any] = {
            "children": dict(self.live), "secrets": self.secrets, "secret_hash": "aa11",
        } | self.extra  # fmt: skip
        return Facts(
            bot=self.bot, now=NOW, defaults=self.defaults,
            cluster=Cluster(self.minor, self.kinds, self.metrics_api), **values,
        )  # fmt: skip

    def plan(self) -> Plan:
        return make_plan(self.facts(), "vertice-system")

    def act(self, plan: Plan | None = None) -> Plan:
        """Carry a plan out: what is applied is then live, what is pruned is gone."""
        plan = plan or self.plan()
        for step in plan.steps:
            if step.act is Act.APPLY and step.body is not None:
                self.put(step.kind.kind, dict(step.body))
        for doomed in plan.prune:
            del self.live[doomed.kind, doomed.name]
        return plan

    def put(self, kind: str, body: dict[str, Any], owner: str | None = UID) -> None:
        body = copy.deepcopy(body)
        old = self.live.get((kind, body["metadata"]["name"]))
        owns = "replicas" in body.get("spec", {})
        body["metadata"] |= {"uid": f"uid-of-{body['metadata']['name']}", "resourceVersion": "1"}
        if kind == "Deployment":
            if "replicas" not in body["spec"]:
                body["spec"]["replicas"] = old.body["spec"]["replicas"] if old else 1
            changed = old is not None and old.body["spec"] != body["spec"]
            generation = old.body["metadata"]["generation"] if old else 1
            body["metadata"]["generation"] = generation + changed
            if old and "status" in old.body:
                body["status"] = old.body["status"]
        name = body["metadata"]["name"]
        self.live[kind, name] = Live(
            kind, name, f"uid-of-{name}", "1", owner, body, owns_replicas=owns
        )

    def deployed(self, **status: Any) -> None:
        """Give the live Deployment a status."""
        live = self.live["Deployment", "my-bot"]
        assert isinstance(live.body, dict)
        live.body["status"] = {
            "observedGeneration": live.body["metadata"]["generation"], **status
        }  # fmt: skip

    @property
    def template(self) -> dict[str, Any]:
        """The pod template of the live Deployment."""
        template: dict[str, Any] = self.live["Deployment", "my-bot"].body["spec"]["template"]
        return template

    @property
    def revisions(self) -> list[str]:
        """Names of the live ControllerRevisions, the oldest roll-out first."""
        found = [live for (kind, _), live in self.live.items() if kind == "ControllerRevision"]
        return [each.name for each in sorted(found, key=lambda each: each.body["revision"])]

    def finished(self) -> None:
        """All pods run the live template."""
        keys = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas")
        wanted = self.live["Deployment", "my-bot"].body["spec"]["replicas"]
        self.deployed(**dict.fromkeys(keys, wanted))

    def overdue(self) -> None:
        """The roll-out of the live template passed its deadline."""
        reason = "ProgressDeadlineExceeded"
        self.deployed(replicas=2, conditions=[{"type": "Progressing", "reason": reason}])

    def job_condition(self, kind: str) -> None:
        """End the live migration Job as ``Complete`` or ``Failed``."""
        job = next(live for key, live in self.live.items() if key[0] == "Job")
        assert isinstance(job.body, dict)
        job.body["status"] = {"conditions": [{"type": kind, "status": "True"}]}


@pytest.fixture
def world() -> Callable[..., World]:
    return World


@pytest.fixture
def pod() -> Callable[..., dict[str, Any]]:
    """Make a Pod document with one bot container in the given state."""

    def make(name: str = "my-bot-1", ready: bool = True, **container: Any) -> dict[str, Any]:
        state = {"name": "bot", "ready": ready, "restartCount": 0, "state": {"running": {}}}
        return {
            "metadata": {
                "name": name,
                "uid": f"uid-{name}",
                "creationTimestamp": container.pop("created", "2026-01-01T00:00:00Z"),
                "labels": {
                    "app.kubernetes.io/component": "bot",
                    "pod-template-hash": container.pop("revision", "r1"),
                },
                "annotations": container.pop("annotations", {}),
            },
            "status": {
                "phase": "Running",
                "podIP": "10.0.0.1",
                "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
                "containerStatuses": [state | container],
            },
        }

    return make
