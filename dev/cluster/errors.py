"""The one error that the cluster tooling shows to a person."""

from __future__ import annotations


class ClusterError(Exception):
    """Something could not be done; the message says what to do next."""
