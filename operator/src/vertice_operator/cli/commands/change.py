"""``vertice pause | resume | suspend | unsuspend | restart BOT``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vertice_operator.cli import edits
from vertice_operator.cli.clock import now
from vertice_operator.cli.look.edit import Edited, edit
from vertice_operator.cli.options import (
    Bot,
    Context,
    Format,
    Kubeconfig,
    Namespace,
    Output,
    Target,
)
from vertice_operator.cli.screen import emit
from vertice_operator.cli.session import ask
from vertice_operator.cli.show.changes import change_document, draw_change
from vertice_operator.cli.show.status import status_list


@dataclass(frozen=True, slots=True)
class Change:
    """One command: what it makes of a resource, what it says then, and its help."""

    action: str
    edit: Callable[[dict[str, Any]], dict[str, Any]]
    message: str
    help: str
    example: str

    @property
    def examples(self) -> tuple[tuple[str, str], ...]:
        """The example, with its command line."""
        return ((f"vertice {self.action} my-bot", self.example),)


CHANGES = (
    Change(
        "pause",
        edits.paused,
        "is paused: the operator changes nothing, the bot runs on",
        """Keep the operator from changing anything of a bot. The bot runs on.

        Exit codes: 0 it is paused, 3 there is no such bot.
        """,
        "the operator keeps its hands off; the bot runs on",
    ),
    Change(
        "resume",
        edits.resumed,
        "is not paused",
        """Let the operator work on a bot again.

        Exit codes: 0 it is not paused, 3 there is no such bot.
        """,
        "the operator catches up with what changed meanwhile",
    ),
    Change(
        "suspend",
        edits.suspended,
        "is suspended: its pods end, its objects stay",
        """Stop all pods of a bot and keep its objects.

        Exit codes: 0 it is suspended, 3 there is no such bot.
        """,
        "no pod runs; objects, configuration and data stay",
    ),
    Change(
        "unsuspend",
        edits.unsuspended,
        "is not suspended",
        """Start the pods of a suspended bot.

        Exit codes: 0 it is not suspended, 3 there is no such bot.
        """,
        "the pods start again",
    ),
    Change(
        "restart",
        lambda bot: edits.restarted(bot, now()),
        "restarts: see vertice status",
        """Replace all pods of a bot, by the rules of its roll-out.

        A newer default image of the operator, which status shows as an update, is taken as well.

        Exit codes: 0 asked for, 3 there is no such bot.
        """,
        "new pods one by one; takes an available update as well",
    ),
)


def command(change: Change) -> Callable[..., None]:
    """Make the function of a command; its docstring is the help."""

    def run(
        name: Bot,
        namespace: Namespace = "",
        context: Context = None,
        kubeconfig: Kubeconfig = None,
        output: Format = Output.TABLE,
    ) -> None:
        target = Target(namespace, context=context, kubeconfig=kubeconfig)
        _do(target, name, change, output)

    run.__name__, run.__doc__ = change.action, change.help
    return run


def _do(target: Target, name: str, change: Change, output: Output) -> None:
    done: Edited = ask(target, lambda session: edit(session, name, change.edit))
    said = change.message if done.changed else f"{change.message} (as before)"
    answer = change_document(
        done.after,
        change.action,
        said,
        changed=done.changed,
        notes=notes(done.after, change.action),
    )
    emit(answer, output, draw_change)


def notes(bot: Mapping[str, Any], action: str) -> list[str]:
    """Say what keeps a change from taking effect at once."""
    (state,) = status_list([bot])["items"]
    found = []
    if state["paused"] and action not in ("pause", "resume"):
        found.append(f"It takes effect after vertice resume {state['name']}: the bot is paused.")
    if state["suspended"] and action == "restart":
        found.append(f"No pod runs: the bot is suspended. vertice unsuspend {state['name']}")
    return found
