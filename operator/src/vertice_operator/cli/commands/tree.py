"""``vertice tree [BOT]``."""

import typer

from vertice_operator.cli.exits import ExitCode
from vertice_operator.cli.look.bots import of_each
from vertice_operator.cli.look.children import family
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
from vertice_operator.cli.screen import Document, emit
from vertice_operator.cli.session import Session, ask
from vertice_operator.cli.show.tree import bot_tree, draw_trees, failing, trees
from vertice_operator.cluster.client import Object

EXAMPLES = (
    ("vertice tree my-bot", "the objects and pods of one bot, each with its health and why"),
    ("vertice tree -A", "all bots of the cluster"),
)


def tree(
    name: OptionalBot = "",
    namespace: Namespace = "",
    everywhere: AllNamespaces = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Format = Output.TABLE,
) -> None:
    """Show what belongs to a bot, whether it is well, and why not.

    Exit codes: 0 nothing fails, 1 something does, 3 there is no such bot.
    """
    target = Target(namespace, everywhere and not name, context, kubeconfig)

    async def one(session: Session, bot: Object) -> Document:
        found = await family(session, bot)
        return bot_tree(bot, found.children, found.pods, found.hidden)

    async def read(session: Session) -> Document:
        return trees(await of_each(session, name, one))

    answer = ask(target, read)
    emit(answer, output, draw_trees)
    raise typer.Exit(ExitCode.NO if failing(answer) else ExitCode.OK)
