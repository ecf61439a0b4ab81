"""Logs: one JSON object a line, and no token in any of them."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from vertice_bot.settings import LoggingSettings
from vertice_bot.telemetry.logging import REDACTED, Redactor, configure_logging

TOKEN = "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWsxxxx"


@pytest.fixture
def stream() -> io.StringIO:
    made = io.StringIO()
    configure_logging(LoggingSettings(), stream=made, bot="demo/bot")
    return made


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_structlog_and_stdlib_give_the_same_shape(stream: io.StringIO) -> None:
    structlog.get_logger("ours").info("hello", count=3)
    logging.getLogger("theirs").warning("from %s", "discord.py")
    first, second = lines(stream)
    assert (first["severity"], first["message"], first["count"]) == ("INFO", "hello", 3)
    assert (second["severity"], second["message"]) == ("WARNING", "from discord.py")
    assert first["bot"] == second["bot"] == "demo/bot"
    assert str(first["time"]).endswith("Z")


@pytest.mark.parametrize(
    "text",
    [
        f"token is {TOKEN}",
        f"{{'Authorization': 'Bot {TOKEN}'}}",
        "Authorization: Bot short.but.secret",
    ],
)
def test_tokens_are_removed_from_messages(stream: io.StringIO, text: str) -> None:
    logging.getLogger("x").error(text)
    assert TOKEN not in stream.getvalue()
    assert "short.but.secret" not in stream.getvalue()
    assert REDACTED in stream.getvalue()


def test_tokens_are_removed_from_fields_and_exceptions(stream: io.StringIO) -> None:
    log = structlog.get_logger("x")
    log.info("x", deep={"a": [TOKEN]}, odd=Exception(TOKEN))
    try:
        raise ValueError(TOKEN)
    except ValueError:
        log.exception("failed")
    assert TOKEN not in stream.getvalue()
    assert "ValueError" in stream.getvalue()


def test_exact_values_are_hidden() -> None:
    redactor = Redactor()
    redactor.hide("hunter2-password")
    assert redactor.text("it is hunter2-password!") == f"it is {REDACTED}!"


def test_debug_never_logs_payloads(stream: io.StringIO) -> None:
    configure_logging(LoggingSettings(level="DEBUG"), stream=stream)
    logging.getLogger("discord.gateway").debug("IDENTIFY payload")
    logging.getLogger("vertice_bot.x").debug("ours")
    assert "IDENTIFY" not in stream.getvalue()
    assert "ours" in stream.getvalue()


def test_console_format_is_readable() -> None:
    stream = io.StringIO()
    configure_logging(LoggingSettings(format="console"), stream=stream)
    structlog.get_logger("x").info("hello", secret=TOKEN)
    assert "hello" in stream.getvalue()
    assert TOKEN not in stream.getvalue()
