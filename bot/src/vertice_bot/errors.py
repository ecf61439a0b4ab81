"""Errors that cross module borders, and what the process says when it ends."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How the process ends; see "exit codes" in the bot's README."""

    OK = 0
    BAD_CONFIGURATION = 2
    REFUSED = 69
    INTERNAL = 70


class Stop(Exception):  # noqa: N818 - it ends the process, it is not always an error of ours
    """End the process with a code and one line that says what to do.

    Parameters
    ----------
    code:
        The exit status.
    message:
        One line for a person; it never holds a secret.
    """

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = " ".join(message.split())


class ConfigError(Stop):
    """The configuration cannot be used; nothing but a change of it helps."""

    def __init__(self, message: str) -> None:
        super().__init__(ExitCode.BAD_CONFIGURATION, message)


class Refused(Stop):
    """A dependency refused us for good: waiting and trying again would be harmful."""

    def __init__(self, message: str) -> None:
        super().__init__(ExitCode.REFUSED, message)


class UserError(Exception):
    """A person asked for something that cannot be done; the text is shown to them as it is.

    Raise it from a service or a cog; the command counts as ``user_error`` and not as a failure.
    """


class Unavailable(Exception):  # noqa: N818 - reads as "raise Unavailable('postgres', ...)"
    """A dependency is away for now.

    Parameters
    ----------
    part:
        Short name of the dependency, as in ``/statusz``: ``postgres``, ``redis``, ``discord``.
    reason:
        CamelCase word such as ``CircuitOpen`` or ``NotConfigured``.
    """

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(f"{part} is not available: {reason}")
        self.part = part
        self.reason = reason
