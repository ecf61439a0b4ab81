"""What does not work at the moment, for ``/statusz`` and the metric ``vertice_degraded``."""

from __future__ import annotations

import structlog

from vertice_bot.telemetry.metrics import Metrics

_log = structlog.get_logger(__name__)


class Degraded:
    """Parts that are impaired, each with one reason.

    Parameters
    ----------
    metrics:
        Gets ``vertice_degraded{feature}``.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._reasons: dict[str, str] = {}

    def set(self, part: str, reason: str) -> None:
        """Say that a part is impaired.

        Parameters
        ----------
        part:
            One of a small fixed set: ``postgres``, ``redis``, ``discord``, ``migrations``,
            ``policy``, ``lease``, ``identify``, or a feature's name.
        reason:
            CamelCase word.
        """
        if self._reasons.get(part) == reason:
            return
        self._reasons[part] = reason
        self._metrics.degraded.labels(feature=part).set(1)
        _log.warning("part is degraded", part=part, reason=reason)

    def clear(self, part: str) -> None:
        """Say that a part works again."""
        if self._reasons.pop(part, None) is not None:
            self._metrics.degraded.labels(feature=part).set(0)
            _log.info("part works again", part=part)

    def reason(self, part: str) -> str | None:
        """Give the reason for a part, or None when it works."""
        return self._reasons.get(part)

    def items(self) -> list[dict[str, str]]:
        """Give the list as ``/statusz`` shows it."""
        return [{"part": part, "reason": why} for part, why in sorted(self._reasons.items())]
