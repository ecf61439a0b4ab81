"""All settings of the operator: one frozen model, filled by flags and ``VERTICE_OPERATOR_*``."""

import os
import socket
import uuid
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vertice_operator import __version__
from vertice_operator.runtime.leader import LeaseTimes

PREFIX = "VERTICE_OPERATOR_"
DEFAULT_BOT_IMAGE = f"vertice-bot:{__version__}"
DEFAULT_PROXY_IMAGE = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.27.0"


class Settings(BaseModel):
    """How this process behaves. Durations are seconds.

    The defaults suit a cluster with up to a thousand resources; tests shorten the intervals.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespaces: tuple[str, ...] = ()
    """Namespaces to serve; empty means all of the cluster."""
    operator_version: str = __version__
    default_bot_image: str = DEFAULT_BOT_IMAGE
    default_proxy_image: str = DEFAULT_PROXY_IMAGE
    resync_seconds: float = Field(600.0, gt=0)
    """Interval of the full list that heals whatever the watch missed."""
    secret_recheck_seconds: float = Field(60.0, gt=0)
    """Each resource's referenced Secrets are read again this often (± 10 %)."""
    optional_recheck_seconds: float = Field(60.0, gt=0)
    """How often absent optional kinds (ServiceMonitor and so on) are looked for."""
    statusz_seconds: float = Field(15.0, gt=0)
    """How often the bots' ``/statusz`` is asked for shard ownership."""
    status_settle_seconds: float = Field(1.0, ge=0)
    """After a change to children, how long the status waits for their first reaction."""
    drain_help_seconds: float = Field(300.0, ge=0)
    """How long the only pod of a bot is kept on a cordoned node while a second one starts; 0 never.
    Nodes belong to no namespace, so with ``namespaces`` drains are not helped."""
    lease_seconds: float = Field(15.0, gt=0)
    """Duration of the leader Lease; renew deadline 2/3 and retry 2/15 of it follow."""
    lease_name: str = "vertice-operator"
    lease_namespace: str = "default"
    """Where the Lease is. Outside of a cluster ``default``, which every cluster has."""
    operator_namespace: str = "vertice-system"
    """Where the operator runs; its pods may ask the bots for ``/statusz``."""
    identity: str = ""
    """Name of this process in the Lease. The pod's uid lets a restarted container go on at once."""
    workers: int = Field(8, ge=1, le=64)
    reconcile_timeout: float = Field(60.0, gt=0)
    request_timeout: float = Field(0.0, ge=0)
    """Longest single request; 0 means 5, or less with a short Lease."""
    http_host: str = "0.0.0.0"  # noqa: S104 - probes and scrapes come from other machines
    http_port: int = Field(8080, ge=0, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    @model_validator(mode="after")
    def _requests_end_inside_the_lease(self) -> Self:
        times = self.lease
        if self.request_timeout == 0:
            # The model is frozen for everybody else.
            object.__setattr__(self, "request_timeout", min(5.0, times.deadline / 2))
        if self.request_timeout > times.deadline:
            raise ValueError(
                f"--request-timeout ({self.request_timeout:g} s) must not exceed two thirds of "
                f"--lease-seconds ({times.deadline:g} s): a write that hangs longer could land "
                "after another replica took over"
            )
        return self

    @property
    def helps_drains(self) -> bool:
        """Whether drains of the nodes of single pods are helped."""
        return self.drain_help_seconds > 0 and not self.namespaces

    @property
    def lease(self) -> LeaseTimes:
        """The three times of the leader Lease."""
        return LeaseTimes.of(self.lease_seconds)


def default_identity() -> str:
    """Name this process for the Lease: the pod's uid if known, else host name and a random part."""
    return os.environ.get("POD_UID") or f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
