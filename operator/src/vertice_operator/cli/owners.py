"""Who else writes a resource? A change by hand under GitOps is undone at its next run. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

_MANAGERS = {
    "argocd": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "flux": "Flux",
    "fleetagent": "Fleet",
    "configsync.gke.io": "Config Sync",
    "configmanagement.gke.io": "Config Sync",
    "terraform": "Terraform",
    "hashicorp": "Terraform",
    "pulumi": "Pulumi",
    "helm": "Helm",
}
_MARKS = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
    "config.k8s.io/owning-inventory": "Config Sync",
    "meta.helm.sh/release-name": "Helm",
}
_HANDS = ("kubectl", "vertice", "before-first-apply")
"""Managers behind which a person stands, or the operator."""


def warning(bot: Mapping[str, Any]) -> str:
    """Say who else manages the spec of a resource; empty where nobody is known to."""
    found = sorted(set(_tools(bot)))
    if not found:
        return ""
    return (
        f"{' and '.join(found)} manages this resource and may undo the change at its next run; "
        "make it at the source as well."
    )


def _tools(bot: Mapping[str, Any]) -> Iterator[str]:
    meta = bot["metadata"]
    for mark in (*(meta.get("annotations") or {}), *(meta.get("labels") or {})):
        if mark in _MARKS:
            yield _MARKS[mark]
    for entry in meta.get("managedFields") or ():
        manager = str(entry.get("manager", "")).lower()
        if "f:spec" not in (entry.get("fieldsV1") or {}) or manager.startswith(_HANDS):
            continue
        known = next((tool for key, tool in _MANAGERS.items() if manager.startswith(key)), None)
        if known is not None:
            yield known
        elif entry.get("operation") == "Apply":
            # Whoever applies server-side keeps its file, and applies it again.
            yield str(entry["manager"])
