"""The flags of ``vertice-operator run``: a list, from which the command line is made.

Each flag is a field of :class:`Settings` and also a variable, ``VERTICE_OPERATOR_<FLAG>``.
"""

import inspect
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from vertice_operator.runtime.settings import PREFIX, Settings

_TIMES = "Intervals (seconds)"
_LEASE = "Leader Lease"
_HTTP = "HTTP and logs"
FROM_POD = ("lease_namespace", "operator_namespace")
"""Fields that are taken from the pod where no flag says otherwise, so their default is empty."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: the field it fills, what it says in ``--help``, and under which heading."""

    field: str
    help: str
    panel: str = "General"

    @property
    def option(self) -> str:
        """As typed: ``--lease-seconds``."""
        return "--" + self.field.replace("_", "-")

    @property
    def variable(self) -> str:
        """As an environment variable: ``VERTICE_OPERATOR_LEASE_SECONDS``."""
        return PREFIX + self.field.upper()

    def parameter(self) -> inspect.Parameter:
        """Describe the flag as a parameter with a default, which the parser reads."""
        default: Any = None
        kind: Any = list[str] | None
        if self.field != "namespace":
            declared = Settings.model_fields[self.field]
            default = "" if self.field in FROM_POD else declared.default
            # Words with few allowed values are judged by Settings, which names the flag.
            kind = type(default)
        option = typer.Option(
            self.option,
            envvar=self.variable,
            help=self.help,
            rich_help_panel=self.panel,
            show_default=True,
        )
        return inspect.Parameter(
            self.field,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[kind, option],
        )


FLAGS = (
    Flag("namespace", "Serve only this namespace; may be repeated. Default: all."),
    Flag("default_bot_image", "Image of bots whose resource names none."),
    Flag("default_proxy_image", "Image of the Cloud SQL Auth Proxy."),
    Flag("operator_namespace", "Default: the pod's, or vertice-system."),
    Flag("workers", "Resources reconciled at once."),
    Flag("resync_seconds", "Full list that heals missed events.", _TIMES),
    Flag("secret_recheck_seconds", "Look at referenced Secrets again.", _TIMES),
    Flag("optional_recheck_seconds", "Look for absent optional kinds.", _TIMES),
    Flag("statusz_seconds", "Ask the bots for their shards.", _TIMES),
    Flag("status_settle_seconds", "Calm before a status is written.", _TIMES),
    Flag("drain_help_seconds", "Keep an only pod on a cordoned node; 0: never.", _TIMES),
    Flag("reconcile_timeout", "Longest single reconcile.", _TIMES),
    Flag("request_timeout", "Longest request; 0: at most 5, by the Lease.", _TIMES),
    Flag("lease_seconds", "Duration; renewal and retry follow.", _LEASE),
    Flag("lease_name", "Name of the Lease.", _LEASE),
    Flag("lease_namespace", "Default: the pod's, or default.", _LEASE),
    Flag("identity", "Holder name. Default: POD_UID, or made up.", _LEASE),
    Flag("http_host", "Address of probes and metrics.", _HTTP),
    Flag("http_port", "Port; 0 takes a free one.", _HTTP),
    Flag("log_level", "DEBUG, INFO, WARNING or ERROR.", _HTTP),
    Flag("log_format", "json or console.", _HTTP),
)


def signature() -> inspect.Signature:
    """Give all flags as a function's signature."""
    return inspect.Signature([flag.parameter() for flag in FLAGS])
