"""The policy file, read again when it changes.

A ConfigMap volume changes by swapping a symbolic link, so what is watched is the identity of the
file that the path leads to (inode, time, size), looked at once a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog
import yaml
from pydantic import ValidationError

from vertice_bot.errors import ConfigError
from vertice_bot.policy.schema import GuildPolicy, PolicyDocument
from vertice_bot.settings import describe
from vertice_bot.telemetry.degraded import Degraded

_log = structlog.get_logger(__name__)


def read_policy(path: Path) -> PolicyDocument:
    """Read a policy file once.

    Raises
    ------
    ConfigError
        With the key path of each problem.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"policy_file: cannot read {path}: {error.strerror}") from None
    try:
        return parse_policy(text)
    except ValidationError as error:
        raise ConfigError(describe(error, path)) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None


def parse_policy(text: str) -> PolicyDocument:
    """Parse the text of a policy file; an empty one says nothing."""
    return PolicyDocument.model_validate(yaml.safe_load(text) or {})


class PolicyStore:
    """The policy in force.

    A file that cannot be used leaves the previous policy in force and shows as degraded.

    Parameters
    ----------
    path:
        The file; None means that the resource says nothing about guilds.
    degraded:
        Gets the part ``policy`` while the file is bad.
    """

    def __init__(self, path: Path | None, degraded: Degraded) -> None:
        self._path = path
        self._degraded = degraded
        self._seen: tuple[int, int, int] | None = None
        self._listeners: list[Callable[[], None]] = []
        self.document = PolicyDocument()

    def for_guild(self, guild_id: int) -> GuildPolicy:
        """Give the policy of a guild, defaults merged in."""
        return self.document.for_guild(guild_id)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call a function after each change."""
        self._listeners.append(listener)

    def refresh(self) -> bool:
        """Read the file if it changed.

        Returns
        -------
        bool
            Whether a new policy is in force.
        """
        if self._path is None:
            return False
        try:
            status = self._path.stat()
            identity = (status.st_ino, status.st_mtime_ns, status.st_size)
            if identity == self._seen:
                return False
            text = self._path.read_text(encoding="utf-8")
        except OSError as error:
            self._fail("FileUnreadable", str(error.strerror))
            return False
        self._seen = identity
        return self._take(text)

    def _take(self, text: str) -> bool:
        try:
            document = parse_policy(text)
        except ValidationError as error:
            self._fail("Invalid", describe(error, self._path))
            return False
        except yaml.YAMLError as error:
            self._fail("Invalid", str(error))
            return False
        self._degraded.clear("policy")
        if document == self.document:
            return False
        self.document = document
        _log.info("policy in force", guilds=len(document.guilds))
        for listener in self._listeners:
            listener()
        return True

    def _fail(self, reason: str, detail: str) -> None:
        if self._degraded.reason("policy") != reason:
            _log.error("policy file cannot be used; the previous one stays", detail=detail)
        self._degraded.set("policy", reason)

    async def watch(self, interval: float = 1.0) -> None:
        """Look at the file for ever, every ``interval`` seconds."""
        while True:
            self.refresh()
            await asyncio.sleep(interval)
