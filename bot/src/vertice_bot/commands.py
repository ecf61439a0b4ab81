"""The command tree: metrics for every command, and answers to every failure."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, TypeGuard

import discord
import structlog
from discord import app_commands

from vertice_bot.effects import AlreadyDone, Fenced
from vertice_bot.errors import Unavailable, UserError

if TYPE_CHECKING:
    from vertice_bot.client import VerticeBot

_log = structlog.get_logger(__name__)
_STARTED = "vertice_started"

ALREADY_ACKNOWLEDGED = 40060
UNKNOWN_INTERACTION = 10062


class CommandTree(app_commands.CommandTree["VerticeBot"]):
    """Counts, times and answers."""

    async def payload(self) -> list[dict[str, Any]]:
        """Give what :meth:`sync` would send."""
        found = self.get_commands()
        if self.translator is None:
            payload = [command.to_dict(self) for command in found]
        else:
            payload = [await c.get_translated_payload(self, self.translator) for c in found]
        return sorted(payload, key=lambda item: (item.get("type", 1), item["name"]))

    async def interaction_check(self, interaction: discord.Interaction[VerticeBot], /) -> bool:
        """Note the start; every interaction is processed."""
        interaction.extras[_STARTED] = time.perf_counter()
        if interaction.type is discord.InteractionType.application_command:
            self.client.log_start(str(interaction.id), f"command:{_data_name(interaction)}")
        return True

    def succeeded(self, interaction: discord.Interaction[VerticeBot], name: str) -> None:
        """Count a command that ended well."""
        self._count(interaction, name, "ok")

    def _count(self, interaction: discord.Interaction[VerticeBot], name: str, outcome: str) -> None:
        metrics = self.client.metrics
        metrics.commands.labels(command=name, outcome=outcome).inc()
        started = interaction.extras.get(_STARTED)
        if started is not None:
            metrics.command_duration.observe(time.perf_counter() - started)

    async def on_error(
        self,
        interaction: discord.Interaction[VerticeBot],
        error: app_commands.AppCommandError,
        /,
    ) -> None:
        """Tell the person what to do, log with an id, count."""
        original = getattr(error, "original", error)
        if _answered_elsewhere(original):
            # A replay after a crash brings interactions again that were answered before it.
            _log.info("interaction was answered elsewhere or is too old", code=original.code)
            return
        name = interaction.command.qualified_name if interaction.command else "unknown"
        text = user_message(original)
        self._count(interaction, name, "user_error" if text else "error")
        if text is None:
            error_id = uuid.uuid4().hex[:8]
            _log.error("command failed", command=name, error_id=error_id, exc_info=original)
            text = failure_message(original, error_id)
        await reply(interaction, text)


def _answered_elsewhere(error: BaseException) -> TypeGuard[discord.HTTPException]:
    return isinstance(error, discord.HTTPException) and error.code in (
        ALREADY_ACKNOWLEDGED,
        UNKNOWN_INTERACTION,
    )


def user_message(error: BaseException) -> str | None:
    """Give the answer to a mistake or a refusal; None when the failure is ours."""
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, app_commands.CommandOnCooldown):
        return f"Too fast: try again in {whole_seconds(error.retry_after)} s."
    if isinstance(error, app_commands.MissingPermissions):
        return f"You need the permission {_names(error.missing_permissions)} for this."
    if isinstance(error, app_commands.BotMissingPermissions):
        missing = _names(error.missing_permissions)
        return f"I need the permission {missing} for this; ask an administrator to grant it."
    if isinstance(error, app_commands.NoPrivateMessage):
        return "This works only in a server."
    if isinstance(error, app_commands.CheckFailure):
        return "You are not allowed to use this command here."
    if isinstance(error, app_commands.TransformerError):
        return f"I cannot read the value {discord.utils.escape_markdown(str(error.value))[:80]}."
    if isinstance(error, (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch)):
        return "This command has just changed; try again in a minute."
    if isinstance(error, AlreadyDone):
        return "This was done already."
    if isinstance(error, discord.Forbidden):
        return "Discord does not let me do that: check my role's position and permissions."
    return None


def failure_message(error: BaseException, error_id: str) -> str:
    """Give the answer to a failure of ours or of a dependency."""
    if isinstance(error, Unavailable):
        return (
            f"I cannot reach my {_PARTS.get(error.part, 'storage')} at the moment, so nothing was "
            f"changed. Try again in a minute. (error {error_id})"
        )
    if isinstance(error, Fenced):
        return f"I am just being replaced by a new instance; run it again. (error {error_id})"
    return f"Something went wrong; tell an administrator this number: {error_id}"


async def reply(interaction: discord.Interaction[Any], text: str) -> None:
    """Answer only the person who asked, in whichever way is still possible."""
    try:
        if interaction.response.is_done():
            await interaction.followup.send(text, ephemeral=True)
        else:
            await interaction.response.send_message(text, ephemeral=True)
    except discord.HTTPException as error:
        if error.code in (ALREADY_ACKNOWLEDGED, UNKNOWN_INTERACTION):
            _log.info("interaction was answered elsewhere or is too old", code=error.code)
        else:
            _log.warning("answer could not be sent", status=error.status, code=error.code)


_PARTS = {"postgres": "database", "redis": "cache"}


def whole_seconds(seconds: float) -> int:
    """Round up to whole seconds, at least one."""
    return max(1, int(-(-seconds // 1)))


def _names(permissions: list[str]) -> str:
    return ", ".join(name.replace("_", " ").title() for name in permissions)


def _data_name(interaction: discord.Interaction[Any]) -> str:
    data: Any = interaction.data or {}
    return str(data.get("name", "unknown"))
