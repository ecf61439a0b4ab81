"""What a person is told when a command fails."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from discord import app_commands

from vertice_bot.commands import failure_message, reply, user_message, whole_seconds
from vertice_bot.effects import AlreadyDone, Fenced
from vertice_bot.errors import Unavailable, UserError


class Response:
    status, reason = 403, "Forbidden"


def cooldown(seconds: float) -> app_commands.CommandOnCooldown:
    return app_commands.CommandOnCooldown(app_commands.Cooldown(1, 60), seconds)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UserError("You cannot warn yourself."), "You cannot warn yourself."),
        (cooldown(2.2), "try again in 3 s"),
        (app_commands.MissingPermissions(["ban_members"]), "Ban Members"),
        (app_commands.BotMissingPermissions(["manage_roles"]), "ask an administrator"),
        (app_commands.NoPrivateMessage(), "only in a server"),
        (app_commands.CheckFailure(), "not allowed"),
        (app_commands.CommandNotFound("x", []), "try again in a minute"),
        (AlreadyDone("x"), "done already"),
        (discord.Forbidden(Response(), "no"), "position and permissions"),  # type: ignore[arg-type]
    ],
)
def test_mistakes_get_an_answer_that_helps(error: Exception, text: str) -> None:
    assert text in (user_message(error) or "")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Unavailable("postgres", "CircuitOpen"), "my database at the moment, so nothing"),
        (Unavailable("redis", "CircuitOpen"), "my cache"),
        (Fenced("x"), "run it again"),
        (ZeroDivisionError("secret detail"), "tell an administrator this number: ab12"),
    ],
)
def test_failures_get_a_number_and_no_detail(error: Exception, text: str) -> None:
    assert user_message(error) is None
    message = failure_message(error, "ab12")
    assert text in message
    assert "ab12" in message
    assert "secret detail" not in message


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, 1), (0.2, 1), (1.0, 1), (1.01, 2)])
def test_whole_seconds(seconds: float, shown: int) -> None:
    assert whole_seconds(seconds) == shown


class Interaction:
    """The two ways to answer, and whether the first was used."""

    def __init__(self, done: bool, error: Exception | None = None) -> None:
        self.sent: list[tuple[str, str, bool]] = []
        self.error = error
        self.response = self
        self.followup = self
        self._done = done

    def is_done(self) -> bool:
        return self._done

    async def send_message(self, text: str, *, ephemeral: bool) -> None:
        await self._send("response", text, ephemeral)

    async def send(self, text: str, *, ephemeral: bool) -> None:
        await self._send("followup", text, ephemeral)

    async def _send(self, how: str, text: str, ephemeral: bool) -> None:
        if self.error:
            raise self.error
        self.sent.append((how, text, ephemeral))


@pytest.mark.parametrize(("done", "how"), [(False, "response"), (True, "followup")])
async def test_the_answer_takes_the_way_that_is_left(done: bool, how: str) -> None:
    interaction: Any = Interaction(done)
    await reply(interaction, "text")
    assert interaction.sent == [(how, "text", True)]


@pytest.mark.parametrize("code", [40060, 10062, 50013])
async def test_an_answer_that_cannot_be_sent_is_not_an_error(code: int) -> None:
    failure = discord.HTTPException(Response(), {"code": code, "message": "x"})  # type: ignore[arg-type]
    await reply(Interaction(False, failure), "text")  # type: ignore[arg-type]
