"""What the shell offers when the user presses the tab key.

A completion must neither fail nor keep the user waiting: without an answer within two seconds
nothing is offered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import typer
from kubernetes.aio.config import ConfigException

from vertice_operator.cluster import errors
from vertice_operator.cluster.client import KubeClient, load_configuration
from vertice_operator.cluster.contexts import chosen_namespace
from vertice_operator.cluster.contexts import contexts as read_contexts
from vertice_operator.cluster.kinds import BOT, KindRef

PATIENCE = 2.0
_NAMESPACE = KindRef("", "v1", "Namespace", "namespaces")
_QUIET = (errors.ClusterError, ConfigException, OSError, TimeoutError)


def bots(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the names of bots in the chosen namespace."""

    async def read(client: KubeClient, given: Mapping[str, Any]) -> list[str]:
        where = given.get("namespace") or chosen_namespace(*_cluster(given)) or "default"
        return [each["metadata"]["name"] async for each in client.list(BOT, where)]

    return _offer(ctx, incomplete, read)


def namespaces(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer namespaces, as far as the user may list them."""

    async def read(client: KubeClient, given: Mapping[str, Any]) -> list[str]:
        return [each["metadata"]["name"] async for each in client.list(_NAMESPACE)]

    return _offer(ctx, incomplete, read)


def contexts(ctx: typer.Context, incomplete: str) -> list[str]:
    """Offer the contexts of the kubeconfig."""
    try:
        listed, _ = read_contexts(ctx.params.get("kubeconfig"))
    except _QUIET:
        return []
    return [str(each["name"]) for each in listed if str(each["name"]).startswith(incomplete)]


def _offer(
    ctx: typer.Context,
    incomplete: str,
    read: Callable[[KubeClient, Mapping[str, Any]], Awaitable[list[str]]],
) -> list[str]:
    async def ask() -> list[str]:
        client = KubeClient(lambda: load_configuration(*_cluster(ctx.params)), timeout=PATIENCE)
        try:
            async with asyncio.timeout(PATIENCE):
                return await read(client, ctx.params)
        finally:
            await client.close()

    try:
        found = asyncio.run(ask())
    except _QUIET:
        return []
    return sorted(name for name in found if name.startswith(incomplete))


def _cluster(given: Mapping[str, Any]) -> tuple[str | None, str | None]:
    return given.get("context"), given.get("kubeconfig")
