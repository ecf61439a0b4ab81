"""Kubeconfig files with the certificates inside, so that they work from any folder."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from dev.cluster.certs import KeyPair, write_private


def render_kubeconfig(server: str, authority: bytes, certificate: bytes, key: bytes) -> str:
    """Return the text of a kubeconfig with one cluster and one user.

    Parameters
    ----------
    server
        ``https://host:port``.
    authority, certificate, key
        PEM contents.
    """

    def encoded(content: bytes) -> str:
        return base64.b64encode(content).decode()

    cluster = {"server": server, "certificate-authority-data": encoded(authority)}
    user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "vertice", "cluster": cluster}],
        "users": [{"name": "vertice", "user": user}],
        "contexts": [{"name": "vertice", "context": {"cluster": "vertice", "user": "vertice"}}],
        "current-context": "vertice",
    }
    # JSON is YAML, so every client reads it.
    return json.dumps(document, indent=1)


def write_kubeconfig(path: Path, server: str, authority: Path, client: KeyPair) -> Path:
    """Write a kubeconfig for one client certificate; only the owner may read it."""
    text = render_kubeconfig(
        server, authority.read_bytes(), client.certificate.read_bytes(), client.key.read_bytes()
    )
    return write_private(path, text.encode())
