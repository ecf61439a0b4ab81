"""``vertice rollback BOT``: back to the spec of an earlier revision."""

import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.text import Text

from vertice_operator.cli import edits
from vertice_operator.cli.commands.change import notes
from vertice_operator.cli.exits import ExitCode, Refusal
from vertice_operator.cli.look.bots import one_bot
from vertice_operator.cli.look.edit import store
from vertice_operator.cli.options import (
    Bot,
    Context,
    Format,
    Kubeconfig,
    Namespace,
    Output,
    Target,
)
from vertice_operator.cli.owners import warning
from vertice_operator.cli.screen import WAIT, Document, emit, paint
from vertice_operator.cli.session import Session, ask, refusals
from vertice_operator.cli.show.changes import change_document, draw_change
from vertice_operator.cli.show.diff import coloured
from vertice_operator.cli.show.objects import unified
from vertice_operator.cluster import errors
from vertice_operator.render import CONTROLLER_REVISION

EXAMPLES = (
    ("vertice rollback my-bot", "to the newest good revision before this one; asks first"),
    ("vertice rollback my-bot --to 3 --yes", "to a revision that vertice status shows"),
    ("vertice rollback my-bot --dry-run", "only show what would change"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """From where to where: the resource now and as wanted, and which revision that is."""

    before: dict[str, Any]
    after: dict[str, Any]
    revision: int

    @property
    def patch(self) -> str:
        """The difference of the two specs, empty where there is none."""
        old, new = (_spec_only(each) for each in (self.before, self.after))
        return unified(old, new, "now", f"revision-{self.revision}")


def rollback(
    name: Bot,
    to: Annotated[
        int | None, typer.Option("--to", metavar="REVISION", help="Left out: the last good one.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the difference and change nothing.")
    ] = False,
    namespace: Namespace = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Format = Output.TABLE,
) -> None:
    """Give a bot the spec of an earlier revision, but for policy and replicas.

    The pods then roll as for every other change. The database is not migrated back.

    Exit codes: 0 done, 1 not confirmed or changed by somebody meanwhile, 3 no such bot or revision.
    """
    target = Target(namespace, context=context, kubeconfig=kubeconfig)
    way = ask(target, lambda session: _find(session, name, to))
    if not way.patch:
        said = f"is at revision {way.revision} already"
        _report(way.before, said, output, way, changed=False)
        return
    if output is Output.TABLE:
        _show(way)
    if dry_run:
        said = f"would go back to revision {way.revision}"
        _report(way.before, said, output, way, changed=False)
        return
    with refusals():
        _confirm(way, yes)
    done = ask(target, lambda session: store(session, way.after))
    _report(done, f"goes back to revision {way.revision}", output, way, changed=True)


async def _find(session: Session, name: str, to: int | None) -> Way:
    bot = await one_bot(session, name)
    entry = edits.choose_revision(bot, to)
    try:
        where = bot["metadata"]["namespace"]
        revision = await session.client.get(CONTROLLER_REVISION, where, entry["name"])
    except errors.KindMissingError:
        raise
    except errors.NotFoundError:
        text = f"ControllerRevision {entry['name']} is gone; choose another one with --to"
        raise Refusal(ExitCode.NOT_FOUND, text) from None
    return Way(bot, edits.rolled_back(bot, revision), int(entry["revision"]))


def _spec_only(bot: dict[str, Any]) -> dict[str, Any]:
    meta = bot["metadata"]
    kept = {"namespace": meta["namespace"], "name": meta["name"]}
    return {"kind": "DiscordBot", "metadata": kept, "spec": bot["spec"]}


def _show(way: Way) -> None:
    paint([coloured(way.patch)], sys.stdout)
    if managed := warning(way.before):
        paint([Text(managed, WAIT)], sys.stderr)


def _confirm(way: Way, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refusal(ExitCode.USAGE, "nobody is here to confirm: give --yes")
    question = f"Go back to revision {way.revision} of {way.before['metadata']['name']}?"
    if not typer.confirm(question, err=True):
        raise Refusal(ExitCode.NO, "nothing was changed")


def _report(bot: dict[str, Any], message: str, output: Output, way: Way, *, changed: bool) -> None:
    answer: Document = {
        **change_document(bot, "rollback", message, changed=changed, notes=notes(bot, "rollback")),
        "revision": way.revision,
        "diff": way.patch,
    }
    emit(answer, output, draw_change)
