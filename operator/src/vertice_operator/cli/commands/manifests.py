"""``vertice manifests``: the installation of the operator as one file, for chosen values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import yaml

from vertice_operator.api.schema import custom_resource_definition
from vertice_operator.install.options import NAMESPACE, OPTIONS, UnknownOptionError
from vertice_operator.install.variants import trees
from vertice_operator.install.yaml_text import documents

EXAMPLES = (
    ("vertice manifests | kubectl apply --server-side -f -", "install it with its defaults"),
    ("vertice manifests -f values.yaml > install.yaml", "as the Helm chart would, without Helm"),
)


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Turn nested values into pairs of path and value; maps that are one value stay whole."""
    known = {each.path for each in OPTIONS}
    for key, value in values.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping) and path not in known:
            yield from flat(value, f"{path}.")
        else:
            yield path, value


def manifests(
    values: Annotated[
        Path | None,
        typer.Option("--values", "-f", help="Values as for the Helm chart; default: none."),
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Where the operator is to run.")
    ] = NAMESPACE,
    crd: Annotated[bool, typer.Option(help="With the CustomResourceDefinition.")] = True,
) -> None:
    """Print what installs the operator, for kubectl apply --server-side -f -.

    The same objects as the Helm chart makes from the same values, and the namespace; no cluster
    and no Helm is needed.
    """
    try:
        chosen = yaml.safe_load(values.read_text()) if values is not None else None
    except (OSError, yaml.YAMLError) as error:
        _refuse(f"{values} cannot be read: {error}")
    if not isinstance(chosen, Mapping | None):
        _refuse(f"{values} must hold a map, such as `replicas: 1`")
    try:
        found = trees(dict(flat(chosen or {})), namespace)
    except UnknownOptionError as error:
        _refuse(str(error))
    if crd:
        definition = custom_resource_definition()
        text = yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=100)
        typer.echo(f"---\n{text}", nl=False)
    typer.echo(documents(found), nl=False)


def _refuse(why: str) -> NoReturn:
    typer.echo(why, err=True)
    raise typer.Exit(2)
