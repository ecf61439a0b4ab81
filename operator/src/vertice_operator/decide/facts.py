"""Everything one reconcile looked at, as frozen values. Nothing here asks anybody anything."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vertice_operator.api.v1alpha1.bot import DiscordBot

ChildKey = tuple[str, str]
"""Kind and name of a child."""
Rollout = tuple[str, str, str]
"""What makes a roll-out: name of the revision, time of the restart, hash of the secrets."""


@dataclass(frozen=True, slots=True)
class Live:
    """A live object that carries our label.

    ``body`` is the object without ``managedFields``; its ``status`` is there only for the kinds
    whose status matters to us. It is empty where ``agrees`` alone is known: the hash of the wanted
    object that this version was found to be as wanted by. ``owns_replicas`` tells of a Deployment
    that the operator itself applied ``spec.replicas`` last.
    """

    kind: str
    name: str
    uid: str
    resource_version: str
    owner_uid: str | None
    body: Mapping[str, Any] = field(repr=False)
    agrees: str | None = None
    owns_replicas: bool = False


@dataclass(frozen=True, slots=True)
class SecretFact:
    """What is known of one referenced Secret: which of the needed keys it has, with content.

    ``found`` is False where the Secret does not exist, or may not be read; ``refusal`` then has the
    API server's words. Content is never here.
    """

    name: str
    found: bool
    keys: frozenset[str] = frozenset()
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class ContainerFact:
    """State of one container of a pod, the terminations included.

    ``ended`` is Kubernetes' own word for why it ended last, such as ``OOMKilled``.
    """

    name: str
    ready: bool
    restarts: int
    image_id: str
    waiting: str | None
    waiting_message: str
    exit_code: int | None
    termination_message: str
    ended: str = ""


@dataclass(frozen=True, slots=True)
class PodFact:
    """One pod of the bot.

    ``deletion_cost`` is its annotation of that name as it stands, which may be anything.
    """

    name: str
    uid: str
    component: str
    revision: str
    created: str
    ip: str | None
    running: bool
    ready: bool
    terminating: bool
    unschedulable: str | None
    containers: tuple[ContainerFact, ...]
    node: str | None = None
    deletion_cost: str | None = None
    rollout: Rollout = ("", "", "")


@dataclass(frozen=True, slots=True)
class ShardReport:
    """One shard as its owner reports it."""

    id: int
    state: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Report:
    """What one pod's ``/statusz`` said; ``reachable`` is False where it did not answer.

    ``recommended`` is the number of shards that Discord recommended to this pod.
    """

    pod: str
    reachable: bool
    shard_count: int = 0
    shards: tuple[ShardReport, ...] = ()
    discord: str = ""
    identify_remaining: int | None = None
    degraded: tuple[tuple[str, str], ...] = ()
    draining: bool = False
    recommended: int | None = None


@dataclass(frozen=True, slots=True)
class Defaults:
    """What this release of the operator would choose where the resource says nothing."""

    operator_version: str
    bot_image: str
    proxy_image: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is true of the cluster as a whole."""

    server_minor: int
    available_kinds: frozenset[str]
    metrics_api: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """One look at the world.

    ``token_holder`` is the namespace/name of an older resource that uses the same token.
    ``cordoned`` has the nodes that take no more pods, and until when drains of them are helped.
    """

    bot: DiscordBot
    now: datetime
    defaults: Defaults
    cluster: Cluster
    children: Mapping[ChildKey, Live] = field(default_factory=dict)
    secrets: Mapping[str, SecretFact] = field(default_factory=dict)
    secret_hash: str | None = None
    token_holder: str | None = None
    pods: tuple[PodFact, ...] = ()
    reports: tuple[Report, ...] = ()
    cordoned: Mapping[str, datetime] = field(default_factory=dict)

    def noted(self, annotation: str) -> str | None:
        """Return what an annotation of the live Deployment remembers, if anything."""
        found = ((self.deployment or {}).get("metadata") or {}).get("annotations") or {}
        return str(found[annotation]) if found.get(annotation) else None

    @property
    def deployment(self) -> Mapping[str, Any] | None:
        """The live Deployment, where it is ours."""
        live = self.children.get(("Deployment", self.bot.metadata.name))
        ours = live is not None and live.owner_uid == self.bot.metadata.uid
        return live.body if live is not None and ours else None
