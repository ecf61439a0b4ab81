"""The resource ``DiscordBot`` of ``vertice.dev/v1alpha1``.

Defaults are part of the version: a default that changes the pod template never changes within
v1alpha1, so that an upgrade of the operator or of the CRD restarts no bot.
"""

from vertice_operator.api.problem import Problem, SpecError
from vertice_operator.api.v1alpha1.bot import DiscordBot, ObjectMeta
from vertice_operator.api.v1alpha1.database import (
    CacheSpec,
    CloudSQLSpec,
    DatabaseSpec,
    DatabaseTlsMode,
    DirectSpec,
    Migrations,
    ProxyMode,
    ProxySpec,
)
from vertice_operator.api.v1alpha1.discord import DiscordSpec, FeaturesSpec, Intent
from vertice_operator.api.v1alpha1.identity import (
    CsiFileName,
    ExternalSecretSpec,
    IdentitySpec,
    SecretsProvider,
    SecretsSpec,
)
from vertice_operator.api.v1alpha1.image import ImageSpec, PullPolicy
from vertice_operator.api.v1alpha1.monitoring import (
    DashboardKind,
    DashboardsSpec,
    LoggingSpec,
    MonitoringSpec,
    RulesSpec,
    SlackSpec,
    TracingSpec,
)
from vertice_operator.api.v1alpha1.network import NetworkPolicySpec
from vertice_operator.api.v1alpha1.resources import BotResources, ProxyResources
from vertice_operator.api.v1alpha1.rollout import (
    DisruptionSpec,
    DrainSpec,
    ProbeSpec,
    ProbesSpec,
    RolloutSpec,
    SchedulingSpec,
)
from vertice_operator.api.v1alpha1.scaling import (
    AutoscalingSpec,
    Handover,
    ScaleDown,
    ScaleUp,
    ScalingBehavior,
    ScalingEngine,
    ShardsSpec,
)
from vertice_operator.api.v1alpha1.spec import DiscordBotSpec, PolicySpec
from vertice_operator.api.v1alpha1.status import (
    AutoscalingStatus,
    ChildState,
    ChildStatus,
    DiscordBotStatus,
    ImageStatus,
    PinnedDefaults,
    RevisionOutcome,
    RevisionStatus,
    ShardsStatus,
)

__all__ = [
    "AutoscalingSpec",
    "AutoscalingStatus",
    "BotResources",
    "CacheSpec",
    "ChildState",
    "ChildStatus",
    "CloudSQLSpec",
    "CsiFileName",
    "DashboardKind",
    "DashboardsSpec",
    "DatabaseSpec",
    "DatabaseTlsMode",
    "DirectSpec",
    "DiscordBot",
    "DiscordBotSpec",
    "DiscordBotStatus",
    "DiscordSpec",
    "DisruptionSpec",
    "DrainSpec",
    "ExternalSecretSpec",
    "FeaturesSpec",
    "Handover",
    "IdentitySpec",
    "ImageSpec",
    "ImageStatus",
    "Intent",
    "LoggingSpec",
    "Migrations",
    "MonitoringSpec",
    "NetworkPolicySpec",
    "ObjectMeta",
    "PinnedDefaults",
    "PolicySpec",
    "ProbeSpec",
    "ProbesSpec",
    "Problem",
    "ProxyMode",
    "ProxyResources",
    "ProxySpec",
    "PullPolicy",
    "RevisionOutcome",
    "RevisionStatus",
    "RolloutSpec",
    "RulesSpec",
    "ScaleDown",
    "ScaleUp",
    "ScalingBehavior",
    "ScalingEngine",
    "SchedulingSpec",
    "SecretsProvider",
    "SecretsSpec",
    "ShardsSpec",
    "ShardsStatus",
    "SlackSpec",
    "SpecError",
    "TracingSpec",
]
