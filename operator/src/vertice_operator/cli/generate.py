"""Write the CustomResourceDefinition and the API reference page, or say that they are stale.

``python -m vertice_operator.cli.generate [--check] [--root DIRECTORY]``
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from vertice_operator.api.names import CRD_NAME
from vertice_operator.api.reference import reference_page
from vertice_operator.api.schema import custom_resource_definition

_ROOT = Path(__file__).resolve().parents[4]
_HEADER = "# Made from operator/src/vertice_operator/api by `make generate`; do not edit.\n"


def crd_text() -> str:
    """Give the CustomResourceDefinition as YAML."""
    return _HEADER + yaml.safe_dump(
        custom_resource_definition(), sort_keys=False, allow_unicode=True, width=100
    )


def documents() -> dict[str, str]:
    """Give every generated file: path below the repository's root, and text."""
    return {f"crds/{CRD_NAME}.yaml": crd_text(), "docs/reference/api.md": reference_page()}


def stale(root: Path) -> list[str]:
    """Give the paths of the files that differ from what would be written."""
    return [path for path, text in documents().items() if _read(root / path) != text]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit status: 0 written or current, 1 stale."""
    parser = argparse.ArgumentParser(prog="vertice-generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when stale")
    parser.add_argument("--root", type=Path, default=_ROOT, help="root of the repository")
    options = parser.parse_args(arguments)
    return _check(options.root) if options.check else _write(options.root)


def _check(root: Path) -> int:
    outdated = stale(root)
    for path in outdated:
        print(f"{path} is stale: run make generate", file=sys.stderr)
        before, after = _read(root / path), documents()[path]
        difference = difflib.unified_diff(
            before.splitlines(), after.splitlines(), path, "generated", lineterm="", n=1
        )
        print("\n".join(list(difference)[:40]), file=sys.stderr)
    return 1 if outdated else 0


def _write(root: Path) -> int:
    for path, text in documents().items():
        changed = _read(root / path) != text
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
        print(f"{path}: {'written' if changed else 'current'}, {len(text.encode()):,} bytes")
    return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
