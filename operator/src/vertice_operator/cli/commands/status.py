"""``vertice status [BOT]``."""

import typer
from rich.text import Text

from vertice_operator.cli.clock import now
from vertice_operator.cli.exits import ExitCode
from vertice_operator.cli.look.bots import some_bots
from vertice_operator.cli.options import (
    AllNamespaces,
    Context,
    Format,
    Kubeconfig,
    Namespace,
    OptionalBot,
    Output,
    Target,
)
from vertice_operator.cli.screen import Document, Drawing, emit
from vertice_operator.cli.session import Session, ask
from vertice_operator.cli.show.status import all_ready, status_detail, status_list, status_table

EXAMPLES = (
    ("vertice status", "all bots of the context's namespace"),
    ("vertice status my-bot -n demo", "one bot with its conditions and history"),
    ("vertice status -A -o json | jq '.items[] | select(.ready | not)'", "what is not well"),
)


def status(
    name: OptionalBot = "",
    namespace: Namespace = "",
    everywhere: AllNamespaces = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Format = Output.TABLE,
) -> None:
    """Show what the operator observed of bots, and what is in their way.

    Exit codes: 0 all are Ready, 1 one is not, 3 there is no such bot.
    """
    target = Target(namespace, everywhere and not name, context, kubeconfig)

    async def read(session: Session) -> Document:
        return status_list(await some_bots(session, name))

    def draw(answer: Document) -> Drawing:
        if name:
            return status_detail(answer, now())
        if not answer["items"]:
            return [Text("no bots here; vertice status -A shows those of all namespaces")]
        return status_table(answer, now())

    answer = ask(target, read)
    emit(answer, output, draw)
    raise typer.Exit(ExitCode.OK if all_ready(answer) else ExitCode.NO)
