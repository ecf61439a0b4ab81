"""``vertice render``: what the operator would make of a resource, without a cluster."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from vertice_operator import __version__
from vertice_operator.api.problem import SpecError
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.api.validation import problems
from vertice_operator.render import KINDS, RenderFacts, desired_objects, unsupported
from vertice_operator.runtime.settings import DEFAULT_BOT_IMAGE, DEFAULT_PROXY_IMAGE

EXIT_BAD_RESOURCE = 2


def render(
    file: Annotated[
        Path, typer.Option("--file", "-f", help="File with DiscordBot resources; - is stdin.")
    ],
    kubernetes_minor: Annotated[
        int, typer.Option(help="Minor version of the cluster, 34 for 1.34.")
    ] = 34,
    without_optional: Annotated[
        bool, typer.Option("--without-optional", help="As on a cluster without Prometheus' CRDs.")
    ] = False,
    default_bot_image: Annotated[
        str, typer.Option(help="Default image of the operator.")
    ] = DEFAULT_BOT_IMAGE,
    default_proxy_image: Annotated[
        str, typer.Option(help="Default image of the proxy.")
    ] = DEFAULT_PROXY_IMAGE,
) -> None:
    """Print the objects that the operator would make, as YAML.

    Uses the operator's own code and asks no cluster, so owner references and the hash of secrets
    are left out. Exit codes: 0 printed, 2 the resource cannot be used.
    """
    kinds = frozenset(kind.kind for kind in KINDS if kind.optional and not without_optional)
    facts = RenderFacts(
        operator_version=__version__,
        bot_image=default_bot_image,
        proxy_image=default_proxy_image,
        server_minor=kubernetes_minor,
        available_kinds=kinds,
    )
    documents = [child for bot in _read(file) for child in _objects(bot, facts)]
    yaml.safe_dump_all(
        documents, sys.stdout, sort_keys=False, allow_unicode=True, explicit_start=True
    )


def _objects(document: dict[str, Any], facts: RenderFacts) -> list[dict[str, Any]]:
    name = (document.get("metadata") or {}).get("name", "?")
    try:
        bot = DiscordBot.from_object(document)
    except SpecError as error:
        raise _refuse(name, error.problems) from None
    found = (*problems(bot), *unsupported(bot, facts))
    if found:
        raise _refuse(name, found)
    return [child.body for child in desired_objects(bot, facts) if child.body is not None]


def _refuse(name: str, found: Any) -> typer.Exit:
    for problem in found:
        typer.echo(f"{name}: {problem}", err=True)
    return typer.Exit(EXIT_BAD_RESOURCE)


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
        documents = [each for each in yaml.safe_load_all(text) if each]
    except (OSError, yaml.YAMLError) as error:
        typer.echo(f"cannot read {file}: {error}", err=True)
        raise typer.Exit(EXIT_BAD_RESOURCE) from None
    bots = [
        each for each in documents if isinstance(each, dict) and each.get("kind") == "DiscordBot"
    ]
    if not bots:
        typer.echo(f"{file} holds no DiscordBot", err=True)
        raise typer.Exit(EXIT_BAD_RESOURCE)
    return bots
