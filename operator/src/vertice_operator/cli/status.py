"""``vertice status NAME``: one bot, for people."""

import asyncio
import shutil
import textwrap
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from kubernetes.aio.config import ConfigException

from vertice_operator.cluster import errors
from vertice_operator.cluster.client import KubeClient, load_configuration, pod_namespace
from vertice_operator.cluster.kinds import BOT

EXIT_NOT_READY = 1
EXIT_NOT_FOUND = 3
EXIT_NO_CLUSTER = 69


def status(
    name: Annotated[str, typer.Argument(help="Name of the DiscordBot.")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Its namespace.")] = "",
    context: Annotated[str | None, typer.Option(help="Context of the kubeconfig.")] = None,
) -> None:
    """Show what the operator observed of a bot, and what is in its way.

    Exit codes: 0 ready, 1 not ready, 3 there is no such bot, 69 the cluster cannot be reached.
    """
    where = namespace or pod_namespace("default")
    try:
        bot = asyncio.run(_fetch(where, name, context))
    except errors.NotFoundError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_NOT_FOUND) from None
    except (errors.ClusterError, ConfigException) as error:
        typer.echo(f"the cluster cannot be asked: {error}", err=True)
        raise typer.Exit(EXIT_NO_CLUSTER) from None
    typer.echo("\n".join(describe(bot, shutil.get_terminal_size().columns)))
    raise typer.Exit(0 if _ready(bot) else EXIT_NOT_READY)


async def _fetch(namespace: str, name: str, context: str | None) -> dict[str, Any]:
    client = KubeClient(lambda: load_configuration(context))
    try:
        return await client.get(BOT, namespace, name)
    finally:
        await client.close()


def describe(bot: Mapping[str, Any], width: int = 100) -> list[str]:
    """Return the lines for one bot."""
    meta, status = bot["metadata"], bot.get("status") or {}
    shards, image = status.get("shards") or {}, status.get("image") or {}
    generation = meta.get("generation", 0)
    owned, connected = shards.get("owned", 0), shards.get("ready", 0)
    lines = [
        f"{meta['namespace']}/{meta['name']}",
        f"  image     {image.get('current') or image.get('desired') or 'none yet'}",
        f"  replicas  {status.get('readyReplicas', 0)} ready of {status.get('replicas', 0)}",
        f"  shards    {owned} owned, {connected} connected, of {shards.get('configured', '?')}",
    ]
    if status.get("observedGeneration", 0) < generation:
        lines.append("  the operator has not looked at the newest spec yet; is it running?")
    lines.append("")
    for condition in status.get("conditions") or ():
        head = f"  {condition['type']:<18} {condition['status']:<8} {condition['reason']}"
        lines.append(head)
        if condition.get("message") and not _fine(condition):
            lines += _wrap(condition["message"], width)
    return lines


def _fine(condition: Mapping[str, Any]) -> bool:
    good = "False" if condition["type"] in ("Degraded", "Paused") else "True"
    return bool(condition["status"] == good)


def _ready(bot: Mapping[str, Any]) -> bool:
    conditions = (bot.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _wrap(text: str, width: int) -> list[str]:
    margin = " " * 6
    return textwrap.wrap(text, max(width, 40), initial_indent=margin, subsequent_indent=margin)
