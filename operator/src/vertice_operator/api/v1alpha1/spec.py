"""The whole spec, and the rules that look at more than one part of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, WithJsonSchema

from vertice_operator.api.rule import Rule
from vertice_operator.api.v1alpha1.base import ApiModel, Bool, FreeForm, Int
from vertice_operator.api.v1alpha1.database import CacheSpec, DatabaseSpec
from vertice_operator.api.v1alpha1.discord import DiscordSpec
from vertice_operator.api.v1alpha1.identity import CsiFileName, IdentitySpec, SecretsSpec
from vertice_operator.api.v1alpha1.identity import SecretsProvider as Provider
from vertice_operator.api.v1alpha1.image import ImageSpec
from vertice_operator.api.v1alpha1.monitoring import LoggingSpec, MonitoringSpec, TracingSpec
from vertice_operator.api.v1alpha1.network import NetworkPolicySpec
from vertice_operator.api.v1alpha1.resources import BotResources
from vertice_operator.api.v1alpha1.rollout import (
    DisruptionSpec,
    DrainSpec,
    ProbesSpec,
    RolloutSpec,
    SchedulingSpec,
)
from vertice_operator.api.v1alpha1.scaling import AutoscalingSpec, ShardsSpec


def _moment(value: str) -> str:
    if datetime.fromisoformat(value).tzinfo is None:
        raise ValueError("needs a time zone, such as 2026-01-31T12:00:00Z")
    return value


Moment = Annotated[
    str,
    Field(max_length=40),
    AfterValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 40}),
]


class PolicySpec(ApiModel):
    """Guild configuration as code. It wins over what /config stored, and is read again without
    a restart."""

    defaults: FreeForm = Field(default_factory=dict)
    """Configuration of every guild."""
    guilds: Annotated[dict[str, FreeForm], Field(max_length=500)] = Field(default_factory=dict)
    """Configuration of single guilds, by guild id in quotes; wins over defaults."""

    RULES: ClassVar = (
        Rule(
            name="policy-guild-ids",
            cel="!has(self.guilds) || self.guilds.all(id, id.matches('^[0-9]{17,20}$'))",
            message="keys of guilds must be guild ids: 17 to 20 digits, in quotes",
            holds=lambda policy: all(
                key.isascii() and key.isdigit() and 17 <= len(key) <= 20 for key in policy.guilds
            ),
            field=".guilds",
        ),
    )


def _token_given(spec: DiscordBotSpec) -> bool:
    return (
        spec.secrets.provider is Provider.SECRETS_STORE_CSI
        or spec.discord.token_secret_ref is not None
    )


def _login_given(spec: DiscordBotSpec) -> bool:
    if spec.database.iam_auth:
        return True
    if spec.secrets.provider is not Provider.SECRETS_STORE_CSI:
        return spec.database.credentials_secret_ref is not None
    files = {each.file for each in spec.secrets.csi.files} if spec.secrets.csi else set()
    return {CsiFileName.DATABASE_USERNAME, CsiFileName.DATABASE_PASSWORD} <= files


def _account_for_iam(spec: DiscordBotSpec) -> bool:
    return not spec.database.iam_auth or spec.identity.gcp_service_account is not None


def _proxy_within_grace(spec: DiscordBotSpec) -> bool:
    cloud = spec.database.cloud_sql
    return cloud is None or cloud.proxy.max_sigterm_delay_seconds < spec.drain.grace_period_seconds


def _budget_below_replicas(spec: DiscordBotSpec) -> bool:
    least = spec.pdb.min_available
    return not spec.pdb.enabled or least is None or least < spec.least_replicas


class DiscordBotSpec(ApiModel):
    """What the bot should be."""

    image: ImageSpec = ImageSpec()
    """Which image runs. Absent: the image that shipped with the operator."""
    discord: DiscordSpec
    """The bot's application on Discord."""
    shards: ShardsSpec = ShardsSpec()
    """Shards and their ownership."""
    replicas: Annotated[Int, Field(ge=0, le=100)] = 1
    """Number of replicas while autoscaling is off."""
    autoscaling: AutoscalingSpec = AutoscalingSpec()
    """Scaling by load."""
    resources: BotResources = BotResources()
    """CPU and memory of the bot container."""
    database: DatabaseSpec
    """The Postgres database: exactly one of cloudSQL and direct."""
    cache: CacheSpec | None = None
    """Redis. Absent: none."""
    identity: IdentitySpec = IdentitySpec()
    """The ServiceAccount of the pods."""
    secrets: SecretsSpec = SecretsSpec()
    """Where the referenced secrets come from."""
    rollout: RolloutSpec = RolloutSpec()
    """How a new revision replaces the old one."""
    drain: DrainSpec = DrainSpec()
    """What happens between SIGTERM and the end of a pod."""
    pdb: DisruptionSpec = DisruptionSpec()
    """The PodDisruptionBudget."""
    probes: ProbesSpec = ProbesSpec()
    """Timing of the bot's probes."""
    network_policy: NetworkPolicySpec = NetworkPolicySpec()
    """What the pods may talk to."""
    monitoring: MonitoringSpec = MonitoringSpec()
    """Metrics, alerts and the dashboard."""
    tracing: TracingSpec | None = None
    """OpenTelemetry traces. Absent: none."""
    logging: LoggingSpec = LoggingSpec()
    """Logs of the bot."""
    policy: PolicySpec = PolicySpec()
    """Guild configuration as code."""
    scheduling: SchedulingSpec = SchedulingSpec()
    """Where pods run and what is written on them."""
    suspend: Bool = False
    """Scale to zero and keep all objects. Not the same as the annotation vertice.dev/paused,
    which stops the operator and leaves the bot running."""
    restart_at: Moment | None = None
    """Change it to roll all pods once; the present time is a good value."""

    RULES: ClassVar = (
        Rule(
            name="token-required",
            cel="self.secrets.provider == 'SecretsStoreCSI' || has(self.discord.tokenSecretRef)",
            message="discord.tokenSecretRef is needed: name the Secret that holds the bot token",
            holds=_token_given,
            field=".discord.tokenSecretRef",
            reason="FieldValueRequired",
        ),
        Rule(
            name="database-login-required",
            cel=(
                "(has(self.database.cloudSQL) && self.database.cloudSQL.iamAuth) || "
                "(self.secrets.provider == 'SecretsStoreCSI' ? "
                "has(self.secrets.csi) && ['database-username', 'database-password'].all("
                "name, self.secrets.csi.files.exists(f, f.file == name)) : "
                "has(self.database.credentialsSecretRef))"
            ),
            message="the database login is needed: set database.credentialsSecretRef, or "
            "cloudSQL.iamAuth, or with SecretsStoreCSI the files database-username and "
            "database-password",
            holds=_login_given,
            field=".database.credentialsSecretRef",
            reason="FieldValueRequired",
        ),
        Rule(
            name="iam-auth-needs-account",
            cel=(
                "!has(self.database.cloudSQL) || !self.database.cloudSQL.iamAuth || "
                "has(self.identity.gcpServiceAccount)"
            ),
            message="database.cloudSQL.iamAuth needs identity.gcpServiceAccount: its name is the "
            "database user",
            holds=_account_for_iam,
            field=".identity.gcpServiceAccount",
            reason="FieldValueRequired",
        ),
        Rule(
            name="proxy-delay-within-grace",
            cel=(
                "!has(self.database.cloudSQL) || "
                "self.database.cloudSQL.proxy.maxSigtermDelaySeconds < "
                "self.drain.gracePeriodSeconds"
            ),
            message="database.cloudSQL.proxy.maxSigtermDelaySeconds must be less than "
            "drain.gracePeriodSeconds",
            holds=_proxy_within_grace,
            field=".database.cloudSQL.proxy.maxSigtermDelaySeconds",
        ),
        Rule(
            name="pdb-below-replicas",
            cel=(
                "!self.pdb.enabled || !has(self.pdb.minAvailable) || self.pdb.minAvailable < "
                "(self.autoscaling.enabled ? self.autoscaling.minReplicas : self.replicas)"
            ),
            message="pdb.minAvailable must be less than the least number of replicas "
            "(autoscaling.minReplicas, or replicas), or no node could be drained",
            holds=_budget_below_replicas,
            field=".pdb.minAvailable",
        ),
    )

    @property
    def least_replicas(self) -> int:
        """Fewest replicas the resource asks for: autoscaling's minimum, or the fixed number."""
        return self.autoscaling.min_replicas if self.autoscaling.enabled else self.replicas

    @property
    def most_replicas(self) -> int:
        """Most replicas the resource asks for: autoscaling's maximum, or the fixed number."""
        return self.autoscaling.max_replicas if self.autoscaling.enabled else self.replicas
