"""``vertice shards [BOT]``."""

import typer

from vertice_operator.cli.exits import ExitCode
from vertice_operator.cli.explain import missing_right
from vertice_operator.cli.look.bots import of_each
from vertice_operator.cli.look.children import pods_of
from vertice_operator.cli.look.statusz import statusz
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
from vertice_operator.cli.show.shards import bot_shards, complete, draw_shards, shard_list
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import Object

EXAMPLES = (
    ("vertice shards my-bot", "who owns which shard, asked from the pods"),
    ("vertice shards my-bot -o json | jq '.items[].unowned'", "the shards without an owner"),
)


def shards(
    name: OptionalBot = "",
    namespace: Namespace = "",
    everywhere: AllNamespaces = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Format = Output.TABLE,
) -> None:
    """Show which replica owns which shard.

    The pods are asked through the API server. Where you may not do that, or no pod answers, the
    numbers in the status are shown, and the reason. Exit codes: 0 every shard has an owner, 1 one
    has none, 3 there is no such bot.
    """
    target = Target(namespace, everywhere and not name, context, kubeconfig)

    async def read(session: Session) -> Document:
        return shard_list(await of_each(session, name, shards_of))

    answer = ask(target, read)
    emit(answer, output, draw_shards)
    raise typer.Exit(ExitCode.OK if complete(answer) else ExitCode.NO)


async def shards_of(session: Session, bot: Object) -> Document:
    """Ask the pods of one bot."""
    try:
        pods = await pods_of(session, bot)
    except errors.ForbiddenError as error:
        return bot_shards(bot, (), missing_right(error.message))
    return bot_shards(bot, await statusz(session, pods))
