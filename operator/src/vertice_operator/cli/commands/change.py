"""``vertice pause | resume | suspend | unsuspend | restart BOT``."""

from collections.abc import Callable, Mapping
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
from vertice_operator.cli.screen import Document, emit
from vertice_operator.cli.session import ask
from vertice_operator.cli.show.changes import change_document, draw_change
from vertice_operator.cli.show.status import status_list

PAUSE = (("vertice pause my-bot", "the operator keeps its hands off; the bot runs on"),)
RESUME = (("vertice resume my-bot", "the operator catches up with what changed meanwhile"),)
SUSPEND = (("vertice suspend my-bot", "no pod runs; objects, configuration and data stay"),)
UNSUSPEND = (("vertice unsuspend my-bot", "the pods start again"),)
RESTART = (("vertice restart my-bot", "new pods one by one; takes an available update as well"),)


def pause(
    name: Bot,
    namespace: Namespace = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Format = Output.TABLE,
) -> None:
    """Keep the operator from changing anything of a bot. The bot runs on.

    Exit codes: 0 it is paused, 3 there is no such bot.
    """
    target = Target(namespace, context=context, kubeconfig=kubeconfig)
    message = "is paused: the operator changes nothing, the bot runs on"
    _do(target, name, "pause", edits.paused, message, output)


def resume(
    name: Bot,
    namespace: Namespace = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Format = Output.TABLE,
) -> None:
    """Let the operator work on a bot again.

    Exit codes: 0 it is not paused, 3 there is no such bot.
    """
    target = Target(namespace, context=context, kubeconfig=kubeconfig)
    _do(target, name, "resume", edits.resumed, "is not paused", output)


def suspend(
    name: Bot,
    namespace: Namespace = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Format = Output.TABLE,
) -> None:
    """Stop all pods of a bot and keep its objects.

    Exit codes: 0 it is suspended, 3 there is no such bot.
    """
    target = Target(namespace, context=context, kubeconfig=kubeconfig)
    message = "is suspended: its pods end, its objects stay"
    _do(target, name, "suspend", edits.suspended, message, output)


def unsuspend(
    name: Bot,
    namespace: Namespace = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Format = Output.TABLE,
) -> None:
    """Start the pods of a suspended bot.

    Exit codes: 0 it is not suspended, 3 there is no such bot.
    """
    target = Target(namespace, context=context, kubeconfig=kubeconfig)
    _do(target, name, "unsuspend", edits.unsuspended, "is not suspended", output)


def restart(
    name: Bot,
    namespace: Namespace = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Format = Output.TABLE,
) -> None:
    """Replace all pods of a bot, by the rules of its roll-out.

    A newer default image of the operator, which status shows as an update, is taken as well.

    Exit codes: 0 asked for, 3 there is no such bot.
    """
    target = Target(namespace, context=context, kubeconfig=kubeconfig)
    moment = now()
    message = "restarts: see vertice status"
    _do(target, name, "restart", lambda bot: edits.restarted(bot, moment), message, output)


def _do(
    target: Target,
    name: str,
    action: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    message: str,
    output: Output,
) -> None:
    done: Edited = ask(target, lambda session: edit(session, name, change))
    said = message if done.changed else f"{message} (as before)"
    emit(_describe(done, action, said), output, draw_change)


def _describe(done: Edited, action: str, message: str) -> Document:
    return change_document(
        done.after, action, message, changed=done.changed, notes=notes(done.after, action)
    )


def notes(bot: Mapping[str, Any], action: str) -> list[str]:
    """Say what keeps a change from taking effect at once."""
    (state,) = status_list([bot])["items"]
    found = []
    if state["paused"] and action not in ("pause", "resume"):
        found.append(f"It takes effect after vertice resume {state['name']}: the bot is paused.")
    if state["suspended"] and action == "restart":
        found.append(f"No pod runs: the bot is suspended. vertice unsuspend {state['name']}")
    return found
