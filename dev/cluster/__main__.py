"""``python -m dev.cluster``: make, use and remove a local Kubernetes cluster."""

from __future__ import annotations

import argparse
import signal
import sys
from types import FrameType
from typing import NoReturn

from dev.cluster.build import DEFAULT_PARTS, PARTS, build
from dev.cluster.errors import ClusterError
from dev.cluster.images import base_image, proxy_image, stop_engine
from dev.cluster.progress import Progress
from dev.cluster.provider import Provider, exists, provider


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(
        prog="python -m dev.cluster", description="A local Kubernetes cluster."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    create = _cluster_command(commands, "create", "make a cluster, or do nothing when it runs")
    create.add_argument("--provider", choices=("auto", "kind", "native"), default="auto")
    create.add_argument("--nodes", type=int, choices=(1, 2), default=1, help="how many nodes")
    create.add_argument(
        "--control-plane-only", action="store_true", help="no node: etcd, API server, controllers"
    )
    delete = _cluster_command(commands, "delete", "remove a cluster and all it made")
    delete.add_argument(
        "--engine", action="store_true", help="also stop a Docker engine that was started here"
    )
    _cluster_command(commands, "status", "show what runs; exit 1 when the cluster does not answer")
    _cluster_command(commands, "kubeconfig", "print the path of the kubeconfig")
    load = _cluster_command(commands, "load", "bring images of the Docker engine onto the nodes")
    load.add_argument("image", nargs="+")
    about = "; ".join(f"{part.name}: {part.about}" for part in PARTS.values())
    builds = commands.add_parser("build", help="build programs into the cache", epilog=about)
    builds.add_argument("part", nargs="*", help=f"default: {' '.join(DEFAULT_PARTS)}")
    commands.add_parser("images", help="make the base image and the Cloud SQL proxy's image")
    return top


def _cluster_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.add_argument("--name", default="vertice", help="of the cluster (default: vertice)")
    return command


def _create(arguments: argparse.Namespace, progress: Progress) -> int:
    cluster = provider(
        arguments.name,
        arguments.provider,
        nodes=arguments.nodes,
        control_plane_only=arguments.control_plane_only,
        progress=progress,
    )
    cluster.create()
    progress.say(f"cluster {cluster.name} is ready: export KUBECONFIG={cluster.kubeconfig}")
    return 0


def _delete(arguments: argparse.Namespace, progress: Progress) -> int:
    if exists(arguments.name):
        provider(arguments.name, progress=progress).delete()
    if arguments.engine:
        stop_engine()
    return 0


def _status(arguments: argparse.Namespace, progress: Progress) -> int:
    cluster = _existing(arguments, progress)
    for name, state in cluster.status().items():
        print(f"{name}: {state}")
    return 0 if cluster.running() else 1


def _load(arguments: argparse.Namespace, progress: Progress) -> int:
    cluster = _existing(arguments, progress)
    for reference in arguments.image:
        loaded = cluster.load_image(reference)
        progress.say(f"{reference}: {'loaded' if loaded else 'was there already'}")
    return 0


def _kubeconfig(arguments: argparse.Namespace, progress: Progress) -> int:
    print(_existing(arguments, progress).kubeconfig)
    return 0


def _build(arguments: argparse.Namespace, progress: Progress) -> int:
    for name in arguments.part or DEFAULT_PARTS:
        print(build(name, progress))
    return 0


def _images(_: argparse.Namespace, progress: Progress) -> int:
    print(base_image(progress))
    print(proxy_image(progress))
    return 0


def _existing(arguments: argparse.Namespace, progress: Progress) -> Provider:
    if not exists(arguments.name):
        raise ClusterError(
            f"there is no cluster {arguments.name}; make it: "
            f"python -m dev.cluster create --name {arguments.name}"
        )
    return provider(arguments.name, progress=progress)


_COMMANDS = {
    "create": _create,
    "delete": _delete,
    "status": _status,
    "load": _load,
    "kubeconfig": _kubeconfig,
    "build": _build,
    "images": _images,
}


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    """End as Ctrl-C does, so that what was begun is removed."""
    raise KeyboardInterrupt


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 well, 1 not, 130 interrupted."""
    signal.signal(signal.SIGTERM, _terminate)
    parsed = parser().parse_args(arguments)
    try:
        return _COMMANDS[parsed.command](parsed, Progress())
    except ClusterError as error:
        print(f"dev.cluster: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dev.cluster: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
