"""Logs: one JSON object per line, or text for people; a token never gets into either."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, TextIO

import structlog

from vertice_bot.settings import LoggingSettings

TOKEN = re.compile(r"[\w-]{18,}\.[\w-]{5,8}\.[\w-]{25,}")
"""The three-part form of a Discord bot token."""

_HEADER = re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?)(bot|bearer)\s+[^\s'\",}]+")
REDACTED = "[redacted]"
_SEVERITY = {"warn": "WARNING", "exception": "ERROR"}


class Redactor:
    """Removes secrets from whatever is about to be logged."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def hide(self, value: str) -> None:
        """Hide one more exact value, such as a password; short ones are left alone."""
        if len(value) >= 6:
            self._values.add(value)

    def text(self, value: str) -> str:
        """Give a text without secrets."""
        for secret in self._values:
            value = value.replace(secret, REDACTED)
        value = TOKEN.sub(REDACTED, value)
        return _HEADER.sub(rf"\1\2 {REDACTED}", value)

    def __call__(self, _logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        """Work as a structlog processor."""
        return {key: self._clean(value) for key, value in event.items()}

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self._clean(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._clean(item) for item in value]
        if isinstance(value, (int, float, bool)) or value is None:
            return value
        return self.text(str(value))


REDACTOR = Redactor()


def configure_logging(
    settings: LoggingSettings, *, stream: TextIO | None = None, **fields: str
) -> None:
    """Set up structlog and the standard library's logging, which goes through the same chain.

    Parameters
    ----------
    settings:
        Level and format.
    stream:
        Where lines go; standard error by default.
    fields:
        Added to every line, such as ``bot`` and ``replica``.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _Fields(fields),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=_renderers(settings.format)
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level)
    # At DEBUG discord.py logs whole payloads, IDENTIFY with its token among them.
    for name in ("discord.gateway", "discord.http", "aiohttp.access", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))


class _Fields:
    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields

    def __call__(self, _logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
        return {**self._fields, **event}


def _severity(_logger: Any, _method: str, event: dict[str, Any]) -> dict[str, Any]:
    level = str(event.pop("level", "info"))
    message = event.pop("event", "")
    return {
        "time": event.pop("time", None),
        "severity": _SEVERITY.get(level, level.upper()),
        "message": message,
        **event,
    }


def _renderers(form: str) -> list[Any]:
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if form == "console":
        colors = sys.stderr.isatty()
        exceptions = structlog.processors.format_exc_info
        return [remove, exceptions, REDACTOR, structlog.dev.ConsoleRenderer(colors=colors)]
    return [
        remove,
        structlog.processors.format_exc_info,
        _severity,
        REDACTOR,
        structlog.processors.JSONRenderer(),
    ]
