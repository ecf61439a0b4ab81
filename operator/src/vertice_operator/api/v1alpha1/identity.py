"""Who the pods are, and where their secrets come from."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from vertice_operator.api.rule import Rule
from vertice_operator.api.v1alpha1.base import Annotations, ApiModel, ObjectName, SecretKey


class IdentitySpec(ApiModel):
    """The ServiceAccount of the pods."""

    gcp_service_account: (
        Annotated[
            str,
            Field(
                max_length=254,
                pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?@[a-z0-9.:-]+\.iam\.gserviceaccount\.com$",
            ),
        ]
        | None
    ) = None
    """Google service account that the pods act as (Workload Identity)."""
    service_account_name: ObjectName | None = None
    """An existing ServiceAccount to use. Absent: the operator makes one of the bot's name."""
    annotations: Annotations = Field(default_factory=dict)
    """Annotations of the ServiceAccount that the operator makes."""

    RULES: ClassVar = (
        Rule(
            name="identity-annotations-need-own-account",
            cel="!has(self.serviceAccountName) || !has(self.annotations) || "
            "self.annotations.size() == 0",
            message="annotations apply to the ServiceAccount that the operator makes; put them "
            "on your own ServiceAccount, or leave serviceAccountName out",
            holds=lambda identity: (
                identity.service_account_name is None or not identity.annotations
            ),
            field=".annotations",
            reason="FieldValueForbidden",
        ),
    )


class SecretsProvider(StrEnum):
    """Where secrets come from."""

    KUBERNETES = "Kubernetes"
    EXTERNAL_SECRETS = "ExternalSecrets"
    SECRETS_STORE_CSI = "SecretsStoreCSI"


class SecretStoreRef(ApiModel):
    """The store that External Secrets reads."""

    kind: Literal["SecretStore", "ClusterSecretStore"] = "SecretStore"
    """Kind of the store."""
    name: ObjectName
    """Name of the store."""


class ExternalSecretKey(ApiModel):
    """One key of the Secret that External Secrets writes."""

    secret_key: SecretKey
    """Key in the Secret."""
    remote_key: Annotated[str, Field(min_length=1, max_length=1024)]
    """Name of the secret in the store."""
    version: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    """Version in the store. Absent: the newest."""


class ExternalSecretSpec(ApiModel):
    """An ExternalSecret of the bot's name, which writes a Secret of the bot's name."""

    store_ref: SecretStoreRef
    """The store to read; the operator never makes one."""
    refresh_interval: Annotated[str, Field(max_length=8, pattern=r"^[1-9][0-9]{0,4}[smh]$")] = "1h"
    """How often the store is read."""
    keys: Annotated[
        tuple[ExternalSecretKey, ...],
        Field(
            min_length=1,
            max_length=20,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["secretKey"],
            },
        ),
    ]
    """What to read. The references of discord, database and cache then name the Secret and these
    keys."""


class CsiFileName(StrEnum):
    """File that the bot reads a secret from."""

    DISCORD_TOKEN = "discord-token"  # noqa: S105 - a file name
    DATABASE_USERNAME = "database-username"
    DATABASE_PASSWORD = "database-password"  # noqa: S105 - a file name
    CACHE_PASSWORD = "cache-password"  # noqa: S105 - a file name


class CsiFile(ApiModel):
    """One secret as a file in the pod."""

    file: CsiFileName
    """File that the bot reads."""
    resource_name: Annotated[
        str, Field(max_length=512, pattern=r"^projects/[^/\s]+/secrets/[^/\s]+/versions/[^/\s]+$")
    ]
    """Version in Secret Manager: projects/P/secrets/S/versions/V."""


class CsiSpec(ApiModel):
    """Secrets Store CSI driver with Google Secret Manager; no Kubernetes Secret exists."""

    provider: Literal["gcp", "gke"] = "gcp"
    """gcp: the open-source driver. gke: the add-on of GKE."""
    files: Annotated[
        tuple[CsiFile, ...],
        Field(
            min_length=1,
            max_length=8,
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["file"],
            },
        ),
    ]
    """The secrets. discord-token is needed; the login of the database unless it uses iamAuth."""

    RULES: ClassVar = (
        Rule(
            name="csi-needs-token",
            cel="self.files.exists(f, f.file == 'discord-token')",
            message="files must have an entry for discord-token",
            holds=lambda csi: any(f.file is CsiFileName.DISCORD_TOKEN for f in csi.files),
            field=".files",
            reason="FieldValueRequired",
        ),
    )


class SecretsSpec(ApiModel):
    """Where the referenced secrets come from."""

    provider: SecretsProvider = SecretsProvider.KUBERNETES
    """Kubernetes: Secrets that exist. ExternalSecrets: an ExternalSecret fills one.
    SecretsStoreCSI: files mounted by the CSI driver."""
    external_secret: ExternalSecretSpec | None = None
    """What External Secrets reads. Exactly with provider ExternalSecrets."""
    csi: CsiSpec | None = None
    """What the CSI driver mounts. Exactly with provider SecretsStoreCSI."""

    RULES: ClassVar = (
        Rule(
            name="secrets-external-block",
            cel="(self.provider == 'ExternalSecrets') == has(self.externalSecret)",
            message="externalSecret belongs to provider ExternalSecrets, and only to it",
            holds=lambda secrets: (
                (secrets.provider is SecretsProvider.EXTERNAL_SECRETS)
                == (secrets.external_secret is not None)
            ),
            field=".externalSecret",
        ),
        Rule(
            name="secrets-csi-block",
            cel="(self.provider == 'SecretsStoreCSI') == has(self.csi)",
            message="csi belongs to provider SecretsStoreCSI, and only to it",
            holds=lambda secrets: (
                (secrets.provider is SecretsProvider.SECRETS_STORE_CSI) == (secrets.csi is not None)
            ),
            field=".csi",
        ),
    )
