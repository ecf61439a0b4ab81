"""``vertice diff``: what would change."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from vertice_operator.api.names import KIND
from vertice_operator.cli.commands.assume import (
    DEFAULT_BOT_IMAGE,
    DEFAULT_PROXY_IMAGE,
    MINOR,
    SYSTEM,
    BotImage,
    KubernetesMinor,
    OperatorNamespace,
    ProxyImage,
    WithoutOptional,
    one_of,
)
from vertice_operator.cli.exits import ExitCode, Refusal
from vertice_operator.cli.look import files
from vertice_operator.cli.look.bots import some_bots
from vertice_operator.cli.look.differences import with_live
from vertice_operator.cli.options import (
    Context,
    Format,
    Kubeconfig,
    Namespace,
    OptionalBot,
    Output,
    Target,
)
from vertice_operator.cli.rendering import Assumptions, Object, objects
from vertice_operator.cli.screen import Document, emit
from vertice_operator.cli.session import Session, ask, refusals
from vertice_operator.cli.show.diff import compare, diff_document, draw_diff

EXAMPLES = (
    ("vertice diff -f my-bot.yaml", "what applying this file would change in the cluster"),
    ("vertice diff my-bot", "what the operator has still to change, and what it holds back"),
    ("vertice diff -f new.yaml --against old.yaml", "two files; asks no cluster (for CI)"),
    ("vertice diff -f my-bot.yaml --against rendered.yaml", "against kept output of render"),
)


def diff(
    name: OptionalBot = "",
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="File with DiscordBots; - is stdin.", show_default=False),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            help="Compare with this file in place of the cluster: DiscordBots, or what render "
            "printed.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            help="Ask the server what it would store (needs patch on the children). Without, only "
            "the fields that the operator sets are compared."
        ),
    ] = True,
    output: Format = Output.TABLE,
    kubernetes_minor: KubernetesMinor = MINOR,
    without_optional: WithoutOptional = False,
    default_bot_image: BotImage = DEFAULT_BOT_IMAGE,
    default_proxy_image: ProxyImage = DEFAULT_PROXY_IMAGE,
    operator_namespace: OperatorNamespace = SYSTEM,
    namespace: Namespace = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show what would change, as a patch of the objects that the operator makes.

    Nothing is changed: the API server is asked by dry-run. Secrets are not read; a change of
    their content does not show.

    Exit codes: 0 nothing differs, 1 something does, 2 the resource cannot be used, 3 no such bot.
    """
    with refusals():
        one_of(name, file)
        if against is not None:
            assumed = Assumptions(
                kubernetes_minor, without_optional, default_bot_image, default_proxy_image
            )
            items = _files(file, against, assumed)
        else:
            target = Target(namespace, context=context, kubeconfig=kubeconfig)
            items = ask(
                target, lambda session: _live(session, name, file, operator_namespace, dry_run)
            )
    answer = diff_document(items)
    emit(answer, output, draw_diff)
    raise typer.Exit(ExitCode.NO if answer["different"] else ExitCode.OK)


def _files(file: Path | None, against: Path, assumed: Assumptions) -> list[Document]:
    if file is None:
        raise Refusal(ExitCode.USAGE, "--against compares files: give --file as well")
    new = [each for bot in files.bots(file) for each in objects(bot, assumed)]
    old: list[Object] = []
    for each in files.documents(against):
        old += objects(each, assumed) if each.get("kind") == KIND else [each]
    return compare(old, new, ("old", "new"))


async def _live(
    session: Session, name: str, file: Path | None, operator_namespace: str, dry_run: bool
) -> list[Document]:
    if file is None:
        wanted = await some_bots(session, name)
    else:
        wanted = [placed(each, session.namespace) for each in files.bots(file)]
    found = await asyncio.gather(
        *(with_live(session, each, operator_namespace, dry_run=dry_run) for each in wanted)
    )
    return [each for items in found for each in items]


def placed(document: Object, namespace: str) -> Object:
    """Give a document from a file its namespace, as kubectl does."""
    meta = document.get("metadata") or {}
    return {**document, "metadata": {"namespace": namespace, **meta}}
