"""``vertice render``: what the operator would make of a resource."""

import enum
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
import yaml

from vertice_operator.cli.clock import now
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
from vertice_operator.cli.look.bots import one_bot
from vertice_operator.cli.look.children import family
from vertice_operator.cli.look.world import look
from vertice_operator.cli.options import Context, Kubeconfig, Namespace, OptionalBot, Target
from vertice_operator.cli.rendering import Assumptions, Object, objects, read
from vertice_operator.cli.session import Session, ask, refusals
from vertice_operator.decide.plan import make_plan

EXAMPLES = (
    ("vertice render -f my-bot.yaml", "the objects of a file; asks no cluster"),
    ("vertice render my-bot", "the objects of a live bot, as the operator makes them now"),
)


class Manifest(enum.StrEnum):
    """How objects are written."""

    YAML = "yaml"
    JSON = "json"


def render(
    name: OptionalBot = "",
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="File with DiscordBots; - is stdin.", show_default=False),
    ] = None,
    output: Annotated[
        Manifest, typer.Option("--output", "-o", help="YAML documents, or a List in JSON.")
    ] = Manifest.YAML,
    kubernetes_minor: KubernetesMinor = MINOR,
    without_optional: WithoutOptional = False,
    default_bot_image: BotImage = DEFAULT_BOT_IMAGE,
    default_proxy_image: ProxyImage = DEFAULT_PROXY_IMAGE,
    operator_namespace: OperatorNamespace = SYSTEM,
    namespace: Namespace = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Print the objects that the operator makes of a resource, by the operator's own code.

    With --file no cluster is asked, so owner references and the hash of secrets are left out.

    Exit codes: 0 printed, 2 the resource cannot be used, 3 there is no such bot.
    """
    assumed = Assumptions(
        kubernetes_minor, without_optional, default_bot_image, default_proxy_image
    )
    with refusals():
        one_of(name, file)
        if file is not None:
            found = [each for bot in files.bots(file) for each in objects(bot, assumed)]
        else:
            target = Target(namespace, context=context, kubeconfig=kubeconfig)
            found = ask(target, lambda session: _live(session, name, operator_namespace))
    write(found, output)


async def _live(session: Session, name: str, operator_namespace: str) -> list[Object]:
    document = await one_bot(session, name)
    relatives = await family(session, document)
    facts = await look(session, read(document), relatives, operator_namespace, now())
    plan = make_plan(facts, operator_namespace)
    if plan.violation is not None and not plan.steps:
        raise Refusal(ExitCode.USAGE, f"{name}: {plan.violation.message}")
    return [dict(step.body) for step in plan.steps if step.body is not None]


def write(found: list[Object], output: Manifest) -> None:
    """Print objects so that kubectl can read them."""
    if output is Manifest.JSON:
        listed = {"apiVersion": "v1", "kind": "List", "items": found}
        sys.stdout.write(json.dumps(listed, indent=2, ensure_ascii=False) + "\n")
        return
    yaml.safe_dump_all(found, sys.stdout, sort_keys=False, allow_unicode=True, explicit_start=True)
