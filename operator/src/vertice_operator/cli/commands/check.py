"""``vertice check``: is a resource good?"""

from pathlib import Path
from typing import Annotated

import typer

from vertice_operator.api.problem import SpecError
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.cli.commands.assume import (
    DEFAULT_BOT_IMAGE,
    DEFAULT_PROXY_IMAGE,
    MINOR,
    KubernetesMinor,
    one_of,
)
from vertice_operator.cli.commands.diff import placed
from vertice_operator.cli.exits import ExitCode
from vertice_operator.cli.look import files
from vertice_operator.cli.look.bots import some_bots
from vertice_operator.cli.look.references import judge_references, server_opinion
from vertice_operator.cli.look.world import cluster_facts
from vertice_operator.cli.options import (
    Context,
    Format,
    Kubeconfig,
    Namespace,
    OptionalBot,
    Output,
    Target,
)
from vertice_operator.cli.rendering import Assumptions, Object
from vertice_operator.cli.screen import emit
from vertice_operator.cli.session import Session, ask, refusals
from vertice_operator.cli.show.check import (
    Finding,
    check_document,
    draw_check,
    judge_document,
    passed,
    sorted_findings,
)
from vertice_operator.render import RenderFacts

EXAMPLES = (
    ("vertice check -f my-bot.yaml", "schema and rules; asks no cluster"),
    ("vertice check -f my-bot.yaml --references", "also Secrets and the API server's opinion"),
    ("vertice check my-bot", "a live bot with all that it refers to"),
)
Judged = tuple[str, str, list[Finding]]


def check(
    name: OptionalBot = "",
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="File with DiscordBots; - is stdin.", show_default=False),
    ] = None,
    references: Annotated[
        bool,
        typer.Option("--references", help="With --file: ask the cluster as well."),
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail for warnings too.")] = False,
    output: Format = Output.TABLE,
    kubernetes_minor: KubernetesMinor = MINOR,
    namespace: Namespace = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Look for mistakes: fields, rules, and what a resource refers to.

    The content of Secrets is neither shown nor kept; only which keys have any is looked at.

    Exit codes: 0 good, 1 not good, 2 the file cannot be read, 3 there is no such bot.
    """
    target = Target(namespace, context=context, kubeconfig=kubeconfig)
    assumed = Assumptions(kubernetes_minor, False, DEFAULT_BOT_IMAGE, DEFAULT_PROXY_IMAGE)
    with refusals():
        one_of(name, file)
        if file is None:
            judged = ask(target, lambda session: _live(session, name))
        else:
            found = files.bots(file)
            judged = (
                ask(target, lambda session: _with_cluster(session, found))
                if references
                else [_alone(each, assumed.facts()) for each in found]
            )
    answer = check_document(judged)
    emit(answer, output, draw_check)
    raise typer.Exit(ExitCode.OK if passed(answer, strict=strict) else ExitCode.NO)


def _alone(document: Object, facts: RenderFacts) -> Judged:
    meta = document.get("metadata") or {}
    namespace, name = str(meta.get("namespace", "")), str(meta.get("name", "?"))
    return namespace, name, judge_document(document, facts)


async def _live(session: Session, name: str) -> list[Judged]:
    return await _judge(session, await some_bots(session, name))


async def _with_cluster(session: Session, found: list[Object]) -> list[Judged]:
    wanted = [placed(each, session.namespace) for each in found]
    return await _judge(session, wanted, ask_server=True)


async def _judge(
    session: Session, wanted: list[Object], *, ask_server: bool = False
) -> list[Judged]:
    cluster = await cluster_facts(session)
    facts = RenderFacts(
        operator_version="",
        bot_image=DEFAULT_BOT_IMAGE,
        proxy_image=DEFAULT_PROXY_IMAGE,
        server_minor=cluster.server_minor,
        available_kinds=cluster.available_kinds,
    )
    metrics = cluster.metrics_api
    return [await _judge_one(session, each, facts, metrics, ask_server) for each in wanted]


async def _judge_one(
    session: Session, document: Object, facts: RenderFacts, metrics: bool, ask_server: bool
) -> Judged:
    namespace, name, found = _alone(document, facts)
    if ask_server:
        found += await server_opinion(session, document)
    try:
        bot = DiscordBot.from_object(document)
    except SpecError:
        return namespace, name, sorted_findings(found)
    found += await judge_references(session, bot, facts, metrics=metrics)
    return namespace, name, sorted_findings(found)
