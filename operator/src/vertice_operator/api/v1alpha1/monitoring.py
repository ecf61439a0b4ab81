"""What is measured, shown, traced and logged."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from vertice_operator.api.v1alpha1.base import (
    ApiModel,
    Bool,
    HttpURL,
    Labels,
    NamespaceName,
    ObjectName,
    SecretKey,
)


class AccountRef(ApiModel):
    """A ServiceAccount in some namespace."""

    name: ObjectName
    """Name of the ServiceAccount."""
    namespace: NamespaceName
    """Namespace of the ServiceAccount."""


class RulesSpec(ApiModel):
    """Alerts."""

    enabled: Bool = True
    """Make a PrometheusRule."""
    slo_objective: Annotated[str, Field(max_length=8, pattern=r"^9[0-9](\.[0-9]{1,4})?$")] = "99.5"
    """Commands that should succeed, in per cent; at least 90 and less than 100, in quotes."""
    disabled: Annotated[
        tuple[Annotated[str, Field(max_length=64, pattern=r"^Vertice[A-Za-z]+$")], ...],
        Field(max_length=40, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = ()
    """Alerts to leave out, by name."""
    runbook_base_url: Annotated[HttpURL | None, Field(alias="runbookBaseURL")] = None
    """Where the runbooks are. Absent: those of the project."""


class DashboardKind(StrEnum):
    """How the dashboard reaches Grafana."""

    CONFIG_MAP = "ConfigMap"
    GRAFANA_DASHBOARD = "GrafanaDashboard"


class DashboardsSpec(ApiModel):
    """The Grafana dashboard."""

    enabled: Bool = True
    """Make a dashboard."""
    labels: Labels = Field(default={"grafana_dashboard": "1"})
    """Labels that Grafana's sidecar or the Grafana operator selects by."""
    folder: Annotated[str, Field(min_length=1, max_length=128)] = "Vértice"
    """Folder in Grafana."""
    kind: DashboardKind = DashboardKind.CONFIG_MAP
    """ConfigMap for Grafana's sidecar, GrafanaDashboard for the Grafana operator."""


class SlackSecretRef(ApiModel):
    """The Secret that holds the webhook address."""

    name: ObjectName
    """Name of the Secret."""
    key: SecretKey = "url"
    """Key inside the Secret."""


class SlackSpec(ApiModel):
    """Alerts to Slack, by an AlertmanagerConfig."""

    secret_ref: SlackSecretRef
    """Where the webhook address is."""
    channel: Annotated[str, Field(min_length=2, max_length=81, pattern=r"^[#@][^\s]+$")]
    """Channel (#alerts) or person (@name)."""


class MonitoringSpec(ApiModel):
    """Prometheus and Grafana. Absent kinds are reported and made once they appear."""

    enabled: Bool = True
    """Make a ServiceMonitor, alerts and a dashboard."""
    labels: Labels = Field(default_factory=dict)
    """Labels on the ServiceMonitor and the PrometheusRule, for a Prometheus that selects by
    label."""
    interval: Annotated[str, Field(max_length=5, pattern=r"^([1-9][0-9]{1,3}s|[1-9][0-9]?m)$")] = (
        "30s"
    )
    """How often metrics are read; at least 10s."""
    prometheus_service_account: AccountRef | None = None
    """ServiceAccount of Prometheus that may discover the pods. Absent: its rights are somebody
    else's business."""
    rules: RulesSpec = RulesSpec()
    """Alerts."""
    dashboards: DashboardsSpec = DashboardsSpec()
    """The Grafana dashboard."""
    slack: SlackSpec | None = None
    """Alerts to Slack."""


class TracingSpec(ApiModel):
    """OpenTelemetry traces."""

    endpoint: HttpURL
    """OTLP endpoint of the collector."""
    protocol: Literal["grpc", "http/protobuf"] = "grpc"
    """Protocol of the endpoint."""
    sampling_ratio: Annotated[
        str, Field(max_length=8, pattern=r"^(0(\.[0-9]{1,6})?|1(\.0{1,6})?)$")
    ] = "0.1"
    """Part of the traces to keep, from 0 to 1, in quotes."""


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class LoggingSpec(ApiModel):
    """Logs of the bot."""

    level: LogLevel = LogLevel.INFO
    """Least level that is logged."""
    format: Literal["json", "console"] = "json"
    """json for machines, console for people."""
