"""What a kubeconfig says besides how to connect: contexts and their namespaces."""

import logging
import os
from collections.abc import Mapping
from typing import Any

from kubernetes.aio import config as kube_config


def kubeconfig_path(file: str | None) -> str | None:
    """Return which kubeconfig holds: the given one, KUBECONFIG, or None for ~/.kube/config."""
    return file or os.environ.get("KUBECONFIG") or None


def contexts(file: str | None = None) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
    """Return all contexts and the current one.

    Raises
    ------
    kubernetes.aio.config.ConfigException
        There is no usable kubeconfig.
    """
    # Its warning about a missing file is said again, and better, by the exception.
    logging.getLogger(kube_config.kube_config.__name__).setLevel(logging.ERROR)
    listed, current = kube_config.list_kube_config_contexts(kubeconfig_path(file))  # type: ignore[no-untyped-call]
    return list(listed), current


def chosen_namespace(context: str | None = None, file: str | None = None) -> str | None:
    """Return the namespace of a context (None: the current one), where it names one."""
    listed, current = contexts(file)
    found = current
    if context is not None:
        found = next((each for each in listed if each["name"] == context), {})
    namespace = (found.get("context") or {}).get("namespace")
    return str(namespace) if namespace else None
