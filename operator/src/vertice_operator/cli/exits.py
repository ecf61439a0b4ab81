"""Exit codes of the ``vertice`` command, and the error that carries one with its sentence."""

import enum


class ExitCode(enum.IntEnum):
    """What a script can tell from the end of a command. Stable; part of docs/cli.md."""

    OK = 0
    NO = 1
    USAGE = 2
    NOT_FOUND = 3
    FORBIDDEN = 4
    UNREACHABLE = 69
    INTERNAL = 70
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "Done, and the answer is yes: Ready, no difference, no problem.",
    ExitCode.NO: "Done, and the answer is no: not Ready, different, problems found, not confirmed.",
    ExitCode.USAGE: "Wrong options, an unreadable file, or a resource that cannot be used.",
    ExitCode.NOT_FOUND: "There is no such bot, revision or pod.",
    ExitCode.FORBIDDEN: "You lack a right; the message names it.",
    ExitCode.UNREACHABLE: "The cluster cannot be asked, or Vértice is not installed on it.",
    ExitCode.INTERNAL: "A fault of the program; please report it.",
    ExitCode.INTERRUPTED: "Ended by Ctrl-C.",
}


class Refusal(Exception):  # noqa: N818 - an answer to the user, not a fault
    """Why a command ends, in words for the user.

    Parameters
    ----------
    code
        The exit code.
    message
        What is wrong and what to do next; printed to standard error without a traceback.
    """

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message
