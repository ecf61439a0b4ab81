"""``python -m dev.up``: bring the whole product up on a local cluster, or take it down."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from dev.cluster.errors import ClusterError
from dev.cluster.folders import clusters_folder
from dev.cluster.images import stop_engine
from dev.cluster.kubectl import Kubectl
from dev.cluster.progress import Progress
from dev.cluster.provider import Provider, provider
from dev.up.greeting import ping
from dev.up.objects import PAGE_NODE_PORT
from dev.up.steps import Up


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dev.up",
        description="Cluster, images, operator, backing services and an example bot.",
    )
    parser.add_argument("--name", default="vertice", help="of the cluster (default: vertice)")
    parser.add_argument("--provider", choices=("auto", "kind", "native"), default="auto")
    parser.add_argument(
        "--token-file", type=Path, help="run on the real Discord with the token in this file"
    )
    parser.add_argument("--down", action="store_true", help="remove the cluster and all in it")
    return parser


def read_token(path: Path) -> str:
    """Return the token in a file.

    Raises:
        ClusterError: No such file, or it is empty.
    """
    try:
        token = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ClusterError(f"{path} cannot be read: put the bot's token into it") from error
    if not token or len(token.split()) != 1:
        raise ClusterError(f"{path} must hold the bot's token and nothing else")
    return token


def _down(cluster: Provider, progress: Progress) -> None:
    with progress.step(f"removing cluster {cluster.name}"):
        cluster.delete()
    others = clusters_folder()
    if not others.exists() or not any(path.is_dir() for path in others.iterdir()):
        # The engine was started for the images of the last cluster.
        stop_engine()
    progress.say("all gone; builds and images are kept for the next time")


def ending(bots: str, kubectl: Kubectl, page: str | None, name: str) -> str:
    """Return what a person is told when everything is up.

    Args:
        bots: What ``kubectl get discordbots`` shows.
        kubectl: How to use it by hand.
        page: Address of the local Discord's page; None on the real Discord.
        name: Of the cluster.
    """
    where = page or "your Discord server"
    down = "make down" if name == "vertice" else f"python -m dev.up --down --name {name}"
    return f"""
{bots}
  The bot is up. Talk to it: {where}

  Three things to try:
    1. /ping in #bot-commands, then /about
    2. as Marco, /warn a member, then /cases: written through the Cloud SQL Auth Proxy
    3. kubectl -n demo delete pod -l vertice.dev/bot=vertice --wait=false
       and /ping again while the pods are replaced

  kubectl:  export KUBECONFIG={kubectl.kubeconfig} PATH={kubectl.program.parent}:$PATH
  remove:   {down}
"""


def _up(cluster: Provider, token: str | None, progress: Progress) -> None:
    kubectl = Up(cluster, progress, token).run()
    page = None
    if token is None:
        page = f"http://{cluster.node_port_address(PAGE_NODE_PORT)}/"
        progress.say(f"/ping on {page}: {asyncio.run(ping(page))}")
    progress.say("everything is up")
    bots = kubectl.run("get", "discordbots", "-A")
    print(ending(bots, kubectl, page, cluster.name), flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main(arguments: list[str] | None = None) -> int:
    """Run; returns 0, 1 when a step failed, 130 when interrupted."""
    given = _parser().parse_args(arguments)
    progress = Progress()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        cluster = provider(given.name, given.provider, progress=progress)
        if given.down:
            _down(cluster, progress)
        else:
            token = read_token(given.token_file) if given.token_file else None
            _up(cluster, token, progress)
    except ClusterError as error:
        print(f"up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("up: interrupted; run it again to go on, or take it down", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
