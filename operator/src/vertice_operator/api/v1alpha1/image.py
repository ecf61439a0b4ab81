"""The bot's container image."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from vertice_operator.api.rule import Rule
from vertice_operator.api.v1alpha1.base import ApiModel, Bool, ObjectName

Digest = Annotated[str, Field(max_length=71, pattern=r"^sha256:[a-f0-9]{64}$")]


class PullPolicy(StrEnum):
    """When the kubelet asks the registry."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class PullSecret(ApiModel):
    """A Secret of type kubernetes.io/dockerconfigjson."""

    name: ObjectName
    """Name of the Secret."""


class ImageSpec(ApiModel):
    """Which image runs. Left out, it is the image that shipped with the operator."""

    repository: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=255,
                pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]*(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]*)*$",
            ),
        ]
        | None
    ) = None
    """Repository without tag or digest. Absent: the repository of the operator's default image."""
    tag: Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")] | None = (
        None
    )
    """Tag. Ignored where a digest is given."""
    digest: Digest | None = None
    """Digest; wins over the tag, and names exactly one image for ever."""
    require_digest: Bool = False
    """Refuse an image that is named by a tag alone."""
    pull_policy: PullPolicy = PullPolicy.IF_NOT_PRESENT
    """When the kubelet asks the registry."""
    pull_secrets: Annotated[
        tuple[PullSecret, ...],
        Field(
            max_length=5,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
            },
        ),
    ] = ()
    """Secrets with registry credentials."""

    RULES: ClassVar = (
        Rule(
            name="image-repository-needs-tag-or-digest",
            cel="!has(self.repository) || has(self.tag) || has(self.digest)",
            message="a repository needs a tag or a digest beside it",
            holds=lambda image: not image.repository or bool(image.tag or image.digest),
            field=".tag",
            reason="FieldValueRequired",
        ),
        Rule(
            name="image-digest-required",
            cel="!self.requireDigest || has(self.digest)",
            message="requireDigest is on: give the image's digest (sha256:...)",
            holds=lambda image: not image.require_digest or image.digest is not None,
            field=".digest",
            reason="FieldValueRequired",
        ),
    )

    @property
    def is_default(self) -> bool:
        """Whether the operator chooses the image."""
        return self.repository is None and self.tag is None and self.digest is None
