"""Runs a command's work against a cluster, and ends it with a sentence when that fails."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import NoReturn, TypeVar

import typer
from kubernetes.aio.config import ConfigException

from vertice_operator.cli.exits import ExitCode, Refusal
from vertice_operator.cli.explain import no_kubeconfig, no_such_context, refusal
from vertice_operator.cli.options import Target
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import KubeClient, load_configuration, pod_namespace
from vertice_operator.cluster.contexts import chosen_namespace, contexts, kubeconfig_path

Result = TypeVar("Result")
REQUEST_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Session:
    """A connection, and the namespace that the user means."""

    client: KubeClient
    namespace: str
    everywhere: bool = False

    @property
    def scope(self) -> str | None:
        """The namespace to list, None for all."""
        return None if self.everywhere else self.namespace


def ask(target: Target, work: Callable[[Session], Awaitable[Result]]) -> Result:
    """Run ``work`` with a session and return what it gives.

    Whatever goes wrong ends the program by :class:`typer.Exit` with the right code, after one
    sentence on standard error.
    """
    try:
        return asyncio.run(_run(target, work))
    except Refusal as error:
        end(error)
    except (errors.ClusterError, ConfigException, OSError) as error:
        end(refusal(error, target.context))
    except KeyboardInterrupt:
        raise typer.Exit(ExitCode.INTERRUPTED) from None


@contextmanager
def refusals() -> Iterator[None]:
    """End the program in the same way where no cluster is asked."""
    try:
        yield
    except Refusal as error:
        end(error)


def end(error: Refusal) -> NoReturn:
    """Print why the command ends, and end it."""
    typer.echo(f"vertice: {error.message}", err=True)
    raise typer.Exit(error.code) from None


async def _run(target: Target, work: Callable[[Session], Awaitable[Result]]) -> Result:
    async with connect(target) as session:
        return await work(session)


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[Session]:
    """Open a connection to the target, and close it in the end."""

    async def load() -> object:
        return await load_configuration(target.context, target.kubeconfig)

    client = KubeClient(load, timeout=REQUEST_SECONDS)  # type: ignore[arg-type]
    try:
        yield Session(client, _namespace(target), target.all_namespaces)
    finally:
        await client.close()


def _namespace(target: Target) -> str:
    if target.namespace:
        return target.namespace
    in_pod = "KUBECONFIG" not in os.environ and "KUBERNETES_SERVICE_HOST" in os.environ
    if in_pod and target.kubeconfig is None and target.context is None:
        return pod_namespace("default")
    try:
        known = [str(each["name"]) for each in contexts(target.kubeconfig)[0]]
    except ConfigException as error:
        raise no_kubeconfig(kubeconfig_path(target.kubeconfig), str(error)) from None
    if target.context is not None and target.context not in known:
        raise no_such_context(target.context, known)
    return chosen_namespace(target.context, target.kubeconfig) or "default"
