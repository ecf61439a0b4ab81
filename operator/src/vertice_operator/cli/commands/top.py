"""``vertice top [BOT]``."""

import asyncio

from vertice_operator.cli.look.bots import of_each
from vertice_operator.cli.look.children import pods_of
from vertice_operator.cli.look.statusz import statusz
from vertice_operator.cli.look.usage import usage
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
from vertice_operator.cli.show.top import bot_usage, draw_usage, usages
from vertice_operator.cluster.client import Object

EXAMPLES = (
    ("vertice top my-bot", "CPU and memory of each replica beside requests, limits, shards, lag"),
    ("vertice top -A", "all bots of the cluster"),
)


def top(
    name: OptionalBot = "",
    namespace: Namespace = "",
    everywhere: AllNamespaces = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    output: Format = Output.TABLE,
) -> None:
    """Show what each replica uses, of what it may use, and what it does.

    Usage comes from the metrics API, shards and lag from the pods; what cannot be had is left out
    and said.

    Exit codes: 0 shown, 3 there is no such bot.
    """
    target = Target(namespace, everywhere and not name, context, kubeconfig)

    async def read(session: Session) -> Document:
        return usages(await of_each(session, name, usage_of))

    emit(ask(target, read), output, draw_usage)


async def usage_of(session: Session, bot: Object) -> Document:
    """Read what one bot's replicas use."""
    pods = await pods_of(session, bot)
    (metrics, note), said = await asyncio.gather(usage(session, bot), statusz(session, pods))
    return bot_usage(bot, pods, metrics, said, note)
