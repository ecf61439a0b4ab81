"""Reads manifests from files and from standard input."""

import sys
from pathlib import Path
from typing import Any

import yaml

from vertice_operator.api.names import KIND
from vertice_operator.cli.exits import ExitCode, Refusal

Object = dict[str, Any]


def documents(file: Path) -> list[Object]:
    """Read all objects of a file (``-`` is standard input); the items of a List one by one.

    Raises
    ------
    Refusal
        The file cannot be read or is no YAML.
    """
    try:
        content = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        found = [each for each in yaml.safe_load_all(content) if each]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Refusal(ExitCode.USAGE, f"cannot read {file}: {error}") from None
    items: list[Object] = []
    for each in found:
        if not isinstance(each, dict):
            raise Refusal(ExitCode.USAGE, f"cannot read {file}: a document is no object")
        is_list = each.get("kind") == "List" and isinstance(each.get("items"), list)
        items += each["items"] if is_list else [each]
    return items


def bots(file: Path) -> list[Object]:
    """Read the DiscordBots of a file; other objects in it are passed over.

    Raises
    ------
    Refusal
        The file cannot be read, or holds none.
    """
    found = [each for each in documents(file) if each.get("kind") == KIND]
    if not found:
        raise Refusal(ExitCode.USAGE, f"{file} holds no {KIND}")
    return found
