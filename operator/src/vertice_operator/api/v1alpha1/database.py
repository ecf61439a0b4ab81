"""Where the bot keeps its data: Postgres through the Cloud SQL Auth Proxy, or directly; Redis."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from vertice_operator.api.rule import Rule
from vertice_operator.api.v1alpha1.base import (
    ApiModel,
    Bool,
    Host,
    HttpURL,
    Int,
    ObjectName,
    Port,
    SecretKey,
    SecretKeyRef,
)
from vertice_operator.api.v1alpha1.resources import ProxyResources


class CaSecretRef(ApiModel):
    """The Secret that holds the certificate authority of a server."""

    name: ObjectName
    """Name of the Secret."""
    key: SecretKey = "ca.crt"
    """Key inside the Secret: one or more certificates in PEM."""


class ProxyMode(StrEnum):
    """How the proxy runs in the pod."""

    AUTO = "Auto"
    NATIVE_SIDECAR = "NativeSidecar"
    CONTAINER = "Container"


class ProxySpec(ApiModel):
    """The Cloud SQL Auth Proxy sidecar."""

    image: (
        Annotated[
            str,
            Field(
                min_length=1,
                max_length=512,
                pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._/:-]*(@sha256:[a-f0-9]{64})?$",
            ),
        ]
        | None
    ) = None
    """Whole image reference. Absent: the operator's default at the first reconcile."""
    mode: ProxyMode = ProxyMode.AUTO
    """NativeSidecar needs Kubernetes 1.29; Auto takes it where it exists. What was chosen is in
    status.proxyMode and stays."""
    resources: ProxyResources = ProxyResources()
    """CPU and memory of the proxy."""
    port: Port = 5432
    """Port that the proxy listens on inside the pod."""
    max_sigterm_delay_seconds: Annotated[Int, Field(ge=0, le=600)] = 10
    """How long the proxy waits for open connections after SIGTERM."""
    sql_admin_api_endpoint: Annotated[HttpURL | None, Field(alias="sqlAdminAPIEndpoint")] = None
    """Another address of the SQL Admin API, for private API endpoints and for tests."""
    credentials_secret_ref: SecretKeyRef | None = None
    """Key file of a Google service account, for clusters outside Google Cloud. Absent: Workload
    Identity."""


class CloudSQLSpec(ApiModel):
    """A Cloud SQL instance, reached through the Auth Proxy."""

    instance: Annotated[str, Field(max_length=255, pattern=r"^[a-z0-9:.-]+:[a-z0-9-]+:[a-z0-9-]+$")]
    """Connection name of the instance: project:region:instance."""
    private_ip: Annotated[Bool, Field(alias="privateIP")] = True
    """Connect to the instance's private address."""
    psc: Bool = False
    """Connect through Private Service Connect; then set privateIP to false."""
    iam_auth: Bool = False
    """Log in as the Google service account of identity.gcpServiceAccount, without a password."""
    proxy: ProxySpec = ProxySpec()
    """The proxy sidecar."""

    RULES: ClassVar = (
        Rule(
            name="cloud-sql-private-ip-or-psc",
            cel="!(self.privateIP && self.psc)",
            message="privateIP and psc exclude each other: set privateIP to false to use psc",
            holds=lambda cloud: not (cloud.private_ip and cloud.psc),
            field=".psc",
        ),
    )


class DatabaseTlsMode(StrEnum):
    """How far the connection is protected."""

    DISABLE = "Disable"
    REQUIRE = "Require"
    VERIFY_FULL = "VerifyFull"


class DatabaseTls(ApiModel):
    """TLS to the database."""

    mode: DatabaseTlsMode = DatabaseTlsMode.REQUIRE
    """Disable: plain text. Require: encrypted, server not checked. VerifyFull: encrypted, the
    certificate and the host name are checked."""
    ca_secret_ref: CaSecretRef | None = None
    """Certificate authority for VerifyFull. Absent: the authorities of the image."""

    RULES: ClassVar = (
        Rule(
            name="database-ca-needs-verify-full",
            cel="!has(self.caSecretRef) || self.mode == 'VerifyFull'",
            message="caSecretRef has a meaning only with mode VerifyFull",
            holds=lambda tls: tls.ca_secret_ref is None or tls.mode is DatabaseTlsMode.VERIFY_FULL,
            field=".mode",
        ),
    )


class DirectSpec(ApiModel):
    """Any Postgres, reached without a proxy."""

    host: Host
    """Host name or address of the server."""
    port: Port = 5432
    """Port of the server."""
    tls: DatabaseTls = DatabaseTls()
    """TLS to the server."""


class DatabaseCredentialsRef(ApiModel):
    """The Secret that holds the database login."""

    name: ObjectName
    """Name of the Secret."""
    username_key: SecretKey = "username"
    """Key of the user name."""
    password_key: SecretKey = "password"  # noqa: S105 - the name of a key
    """Key of the password."""


class Migrations(StrEnum):
    """Who brings the schema up to date."""

    JOB = "Job"
    STARTUP = "Startup"
    OFF = "Off"


class DatabaseSpec(ApiModel):
    """The Postgres database: exactly one of cloudSQL and direct."""

    cloud_sql: Annotated[CloudSQLSpec | None, Field(alias="cloudSQL")] = None
    """A Cloud SQL instance through the Auth Proxy."""
    direct: DirectSpec | None = None
    """Any Postgres, without a proxy."""
    name: Annotated[str, Field(max_length=63, pattern=r"^[A-Za-z_][A-Za-z0-9_$-]*$")] = "vertice"
    """Name of the database."""
    credentials_secret_ref: DatabaseCredentialsRef | None = None
    """Login. Required unless cloudSQL.iamAuth is on or secrets.provider is SecretsStoreCSI."""
    pool_min: Annotated[Int, Field(ge=0, le=100)] = 1
    """Connections that each replica keeps open."""
    pool_max: Annotated[Int, Field(ge=1, le=100)] = 5
    """Most connections of each replica. Replicas, one more during a roll-out, times this must
    fit the server's max_connections."""
    migrations: Migrations = Migrations.JOB
    """Job: a Job before the roll-out. Startup: the bot itself. Off: somebody else."""

    RULES: ClassVar = (
        Rule(
            name="database-exactly-one",
            cel="has(self.cloudSQL) != has(self.direct)",
            message="give exactly one of cloudSQL and direct",
            holds=lambda database: (database.cloud_sql is None) != (database.direct is None),
        ),
        Rule(
            name="database-pool-min-not-above-max",
            cel="self.poolMin <= self.poolMax",
            message="poolMin must not be more than poolMax",
            holds=lambda database: database.pool_min <= database.pool_max,
            field=".poolMin",
        ),
    )

    @property
    def iam_auth(self) -> bool:
        """Whether the login is a Google service account without a password."""
        return self.cloud_sql is not None and self.cloud_sql.iam_auth


class CacheAuthRef(ApiModel):
    """The Secret that holds the Redis password."""

    name: ObjectName
    """Name of the Secret."""
    key: SecretKey = "password"
    """Key of the password."""


class CacheSpec(ApiModel):
    """Redis. Optional: nothing about safety rests on it."""

    host: Host
    """Host name or address of the server."""
    port: Port = 6379
    """Port of the server."""
    tls: Bool = False
    """Connect with TLS; the certificate and the host name are checked."""
    ca_secret_ref: CaSecretRef | None = None
    """Certificate authority of the server. Absent: the authorities of the image."""
    auth_secret_ref: CacheAuthRef | None = None
    """Password. Absent: none."""

    RULES: ClassVar = (
        Rule(
            name="cache-ca-needs-tls",
            cel="!has(self.caSecretRef) || self.tls",
            message="caSecretRef has a meaning only with tls: true",
            holds=lambda cache: cache.ca_secret_ref is None or cache.tls,
            field=".tls",
        ),
    )
