"""The files of the Helm chart."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import Any, Final

import yaml

from vertice_operator import __version__
from vertice_operator.api.names import CRD_NAME
from vertice_operator.install.kustomize import GENERATED
from vertice_operator.install.objects import parts
from vertice_operator.install.options import Option, defaults, table, values_schema
from vertice_operator.install.yaml_text import documents

KEEP: Final = {"helm.sh/resource-policy": "keep"}
"""Helm leaves an object with this annotation when the release is uninstalled."""

_CRD_FILE: Final = f"files/{CRD_NAME}.yaml"
_CRD_TEMPLATE: Final = f"""\
{{{{- if $.Values.crd.install }}}}
{{{{ $.Files.Get "{_CRD_FILE}" }}}}
{{{{- end }}}}
"""
_NOTES: Final = """\
The Vértice operator {{ $.Chart.AppVersion }} is in namespace {{ $.Release.Namespace }}.

  kubectl -n {{ $.Release.Namespace }} rollout status deployment/vertice-operator

It serves {{ if $.Values.namespaces }}the namespaces {{ join ", " $.Values.namespaces }}\
{{ else }}the whole cluster{{ end }}.

Helm does not label namespaces. To have the API server hold this one to the restricted Pod Security
Standard, which the operator keeps:

  kubectl label namespace {{ $.Release.Namespace }} pod-security.kubernetes.io/enforce=restricted

A first bot, once a Secret has its token and a Postgres is at hand:

  apiVersion: vertice.dev/v1alpha1
  kind: DiscordBot
  metadata: {name: my-bot, namespace: {{ first $.Values.namespaces | default "default" }}}
  spec:
    discord: {tokenSecretRef: {name: my-bot}}
    database: {direct: {host: postgres.example}, credentialsSecretRef: {name: my-bot}}

Uninstalling this release leaves the bots running, and the CustomResourceDefinition in place.
To remove the bots as well: kubectl delete discordbots --all-namespaces --all
"""


def chart_files(crd: str) -> dict[str, str]:
    """Return path below the chart's folder to text.

    Parameters
    ----------
    crd
        The CustomResourceDefinition, as YAML.
    """
    files = {
        "Chart.yaml": _chart(),
        "values.yaml": values_text(),
        "values.schema.json": json.dumps(values_schema(), indent=2) + "\n",
        ".helmignore": "*.md\n",
        _CRD_FILE: kept(crd),
        "templates/NOTES.txt": _NOTES,
        "templates/crd.yaml": _CRD_TEMPLATE,
    }
    for name, trees in parts().items():
        files[f"templates/{name}.yaml"] = documents(trees, template=True)
    return files


def kept(crd: str) -> str:
    """Return the definition with the annotation that makes Helm keep it."""
    document = yaml.safe_load(crd)
    annotations = document["metadata"].setdefault("annotations", {})
    annotations.update(KEEP)
    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)
    return GENERATED + text


def _chart() -> str:
    body = {
        "apiVersion": "v2",
        "name": "vertice",
        "description": "Kubernetes operator for Discord bots",
        "type": "application",
        "version": __version__,
        "appVersion": __version__,
        "kubeVersion": ">=1.28.0-0",
        "keywords": ["discord", "bot", "operator"],
    }
    return GENERATED + yaml.safe_dump(body, sort_keys=False)


def values_text() -> str:
    """Return ``values.yaml``: every option under its explanation."""
    return GENERATED + "".join(f"{line}\n" for line in _folder(defaults(chart=True), "", 0))


def _folder(values: dict[str, Any], prefix: str, pad: int) -> Iterator[str]:
    options = {each.path: each for each in table(chart=True)}
    for key, value in values.items():
        path = f"{prefix}{key}"
        if not pad:
            yield ""
        if path in options:
            yield from _option(options[path], key, pad)
        else:
            yield f"{' ' * pad}{key}:"
            yield from _folder(value, f"{path}.", pad + 2)


def _option(option: Option, key: str, pad: int) -> Iterator[str]:
    for line in textwrap.wrap(option.about, 98 - pad, break_on_hyphens=False):
        yield f"{' ' * pad}# {line}"
    text = yaml.safe_dump({key: option.default}, sort_keys=False, width=10_000)
    for line in text.rstrip("\n").split("\n"):
        yield f"{' ' * pad}{line}"
