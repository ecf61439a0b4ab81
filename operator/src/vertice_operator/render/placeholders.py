"""Fill ``${name}`` in the data files, without a way for a value to become syntax."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_PLACEHOLDER: Final = re.compile(r"\$\{([a-z_]+)\}")
_DNS_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Replace each ``${name}`` by its value; values are not looked at again.

    ``string.Template`` is no choice here: it trips over the ``$value`` and ``$labels`` of
    Prometheus' own templates.

    Raises:
        KeyError: the text names a placeholder that has no value.
    """
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], text)


def dns_name(name: str) -> str:
    """Return a Kubernetes name, which is safe inside PromQL strings and Go templates.

    Raises:
        ValueError: the text is not a DNS name (RFC 1123), so it could end a string or start a
            template.
    """
    if not _DNS_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a DNS name and cannot be put into a rule")
    return name


def promql_regex(name: str) -> str:
    """Return a regular expression for exactly this name, as written inside a PromQL string."""
    return dns_name(name).replace(".", r"\\.")
