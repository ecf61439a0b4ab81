"""What a test or a person can break while the stand-in runs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Faults(BaseModel):
    """The faults that are on.

    Attributes:
        api_status: Every SQL Admin call answers this error.
        api_delay_seconds: Every SQL Admin call waits first.
        tls: ``down`` closes port 3307 and cuts its connections; ``cut`` accepts and closes at once.
        certificate_seconds: Lifetime of client certificates issued from now on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_status: Literal[401, 403, 404, 429, 500, 503] | None = None
    api_delay_seconds: float = Field(default=0.0, ge=0, le=300)
    tls: Literal["up", "down", "cut"] = "up"
    certificate_seconds: int = Field(default=3600, ge=1, le=86_400)
