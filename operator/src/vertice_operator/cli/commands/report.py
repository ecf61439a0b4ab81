"""``vertice report BOT``: a support bundle."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from vertice_operator.cli.bundle_file import Bundle
from vertice_operator.cli.clock import now
from vertice_operator.cli.commands.assume import SYSTEM, OperatorNamespace
from vertice_operator.cli.exits import ExitCode, Refusal
from vertice_operator.cli.look.bots import one_bot
from vertice_operator.cli.look.bundle import collect
from vertice_operator.cli.options import Bot, Context, Kubeconfig, Namespace, Target
from vertice_operator.cli.session import Session, ask, refusals

EXAMPLES = (
    ("vertice report my-bot", "writes vertice-report-NAMESPACE-my-bot-TIME.tar.gz here"),
    ("vertice report my-bot -O - | tar tz", "to standard output"),
)


def report(
    name: Bot,
    file: Annotated[
        str, typer.Option("--file", "-O", metavar="FILE", help="Where to; - is standard output.")
    ] = "",
    operator_namespace: OperatorNamespace = SYSTEM,
    namespace: Namespace = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Collect what helps to find a fault into one .tar.gz, with secrets removed.

    In it: the resource, its objects, pods, events, revisions, what the pods say, usage, what
    differs, the logs of bot and operator, versions. README.txt in it lists the files, what could
    not be read, and how much was removed. Secrets are never in it; if you may read those that the
    bot refers to, their values are searched for and removed everywhere. Look through it before
    you hand it on.

    Exit codes: 0 written, 2 the file cannot be written, 3 there is no such bot.
    """
    moment = now()
    target = Target(namespace, context=context, kubeconfig=kubeconfig)

    async def read(session: Session) -> tuple[str, Bundle]:
        bot = await one_bot(session, name)
        where = bot["metadata"]["namespace"]
        return where, await collect(session, bot, operator_namespace, moment)

    where, bundle = ask(target, read)
    folder = f"vertice-report-{where}-{name}-{moment:%Y%m%d-%H%M%S}"
    packed = bundle.packed(folder, f"Vértice: report about DiscordBot {where}/{name}", moment)
    if file == "-":
        sys.stdout.buffer.write(packed)
    else:
        _save(Path(file or f"{folder}.tar.gz"), packed)
    summary = f"{len(bundle.files)} files, {bundle.redactor.count} places redacted"
    typer.echo(f"{file or f'{folder}.tar.gz'}: {summary}", err=True)
    for topic, why in sorted(bundle.missing.items()):
        typer.echo(f"  not in it: {topic}: {why}", err=True)


def _save(path: Path, packed: bytes) -> None:
    with refusals():
        try:
            path.touch(mode=0o600)
            path.write_bytes(packed)
        except OSError as error:
            raise Refusal(ExitCode.USAGE, f"cannot write {path}: {error}") from None
