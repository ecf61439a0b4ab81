"""What the operator observed. Output only, but for two things that are remembered here: the pinned
defaults, and which of the older revisions were good."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from vertice_operator.api.conditions import Condition, ConditionType, KubernetesTime
from vertice_operator.api.v1alpha1.base import ApiModel, Int

Count = Annotated[Int, Field(ge=0)]
Text = Annotated[str, Field(max_length=512)]


class ImageStatus(ApiModel):
    """The bot's image."""

    desired: Text | None = None
    """Reference in the Deployment that the operator applied."""
    current: Text | None = None
    """Reference that all ready pods run; absent while they differ."""
    digest: Text | None = None
    """Digest that the running pods resolved the image to."""
    last_good: Text | None = None
    """Reference of the newest finished roll-out."""
    update_available: Text | None = None
    """The operator's newer default image, which is not applied until asked for."""


class PinnedDefaults(ApiModel):
    """Operator defaults that this bot was first reconciled with and keeps.

    The one part of the status that is read back: without it, a Deployment that somebody deleted
    would come back with the images of a newer operator.
    """

    operator_version: Annotated[str, Field(max_length=64)] | None = None
    """Version of the operator whose defaults these are."""
    bot_image: Text | None = None
    """Default image of the bot."""
    proxy_image: Text | None = None
    """Default image of the Cloud SQL Auth Proxy."""


class RevisionOutcome(StrEnum):
    """What became of a roll-out."""

    RUNNING = "Running"
    """It is on its way, or waits for its migration."""
    GOOD = "Good"
    """All pods came to run it."""
    FAILED = "Failed"
    """It passed its deadline, crashed, or its migration failed."""
    SUPERSEDED = "Superseded"
    """Another one was asked for before it was finished."""


class RevisionStatus(ApiModel):
    """One revision: a pod template with its configuration."""

    revision: Count
    """Grows with each roll-out of another revision."""
    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the ControllerRevision that holds the template, the configuration and the spec."""
    image: Text | None = None
    """Image of the bot."""
    config_hash: Annotated[str, Field(max_length=64)] | None = None
    """Hash of its config.yaml."""
    created_at: KubernetesTime | None = None
    """When it was first rolled out."""
    outcome: Annotated[str, Field(max_length=32)] = RevisionOutcome.RUNNING
    """Running, Good, Failed or Superseded."""
    generation: Count | None = None
    """Newest metadata.generation that asks for this revision."""


class ShardsStatus(ApiModel):
    """Shards, as the bot's pods report them."""

    configured: Count | None = None
    """Total number of shards."""
    owned: Count | None = None
    """Shards that a replica owns."""
    ready: Count | None = None
    """Shards that are connected to Discord."""
    unowned: Annotated[
        tuple[Count, ...],
        Field(max_length=20, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = ()
    """Ids of shards that nobody owns; the first 20."""
    recommended: Count | None = None
    """Number of shards that Discord recommends, where it is known."""


class AutoscalingStatus(ApiModel):
    """Autoscaling."""

    engine: Annotated[str, Field(max_length=16)] | None = None
    """HPA or KEDA."""
    current: Count | None = None
    """Present replicas."""
    desired: Count | None = None
    """Replicas that the autoscaler wants."""
    effective_min: Count | None = None
    """Fewest replicas, after the limit of shards per replica."""
    effective_max: Count | None = None
    """Most replicas, after the limit of shards plus standby."""


class ChildState(StrEnum):
    """What became of a child object."""

    APPLIED = "Applied"
    SKIPPED = "Skipped"
    PRUNED = "Pruned"
    FAILED = "Failed"


class ChildStatus(ApiModel):
    """One object that the operator makes for the bot."""

    kind: Annotated[str, Field(min_length=1, max_length=63)]
    """Kind of the object."""
    name: Annotated[str, Field(min_length=1, max_length=253)]
    """Name of the object."""
    state: ChildState
    """Applied, Skipped (its kind does not exist here), Pruned or Failed."""
    message: Annotated[str, Field(max_length=1024)] | None = None
    """Why, where it was not applied."""


class DiscordBotStatus(ApiModel):
    """What the operator observed."""

    observed_generation: Count | None = None
    """The metadata.generation that this status describes."""
    replicas: Count | None = None
    """Pods of the Deployment."""
    ready_replicas: Count | None = None
    """Pods that are ready."""
    updated_replicas: Count | None = None
    """Pods of the newest revision."""
    selector: Annotated[str, Field(max_length=512)] | None = None
    """Label selector of the pods, for the scale subresource."""
    image: ImageStatus | None = None
    """The bot's image."""
    history: Annotated[
        tuple[RevisionStatus, ...],
        Field(
            max_length=5,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = ()
    """The last revisions, newest first."""
    pinned: PinnedDefaults | None = None
    """Operator defaults that this bot keeps."""
    shards: ShardsStatus | None = None
    """Shards, as the bot's pods report them."""
    autoscaling: AutoscalingStatus | None = None
    """Autoscaling, while it is on."""
    proxy_mode: Annotated[str, Field(max_length=32)] | None = None
    """How the proxy runs: NativeSidecar or Container."""
    secret_hash: Annotated[str, Field(max_length=64)] | None = None
    """Keyed hash of the secrets that the pods run with."""
    children: Annotated[
        tuple[ChildStatus, ...],
        Field(
            max_length=32,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["kind", "name"],
            },
        ),
    ] = ()
    """Objects that the operator makes for the bot."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=32,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            },
        ),
    ] = ()
    """Conditions; Ready is the summary."""

    def condition(self, kind: ConditionType) -> Condition | None:
        """Give the condition of one type, or None where it is not set."""
        return next((each for each in self.conditions if each.type == kind), None)
