"""``python -m dev.judge``: render every example, let the judges look, explain or fail."""

from __future__ import annotations

import collections
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from dev.judge.programs import InstallError, checkov, kube_score
from dev.judge.verdicts import Judged, faults, of_checkov, of_kube_score, read_exceptions
from vertice_operator.cli.rendering import Assumptions, objects
from vertice_operator.runtime.settings import DEFAULT_BOT_IMAGE, DEFAULT_PROXY_IMAGE

ROOT = Path(__file__).parents[2]
EXCEPTIONS = Path(__file__).with_name("exceptions.yaml")
_KUBERNETES_MINOR = 34


def render_examples(folder: Path) -> collections.Counter[tuple[str, str]]:
    """Write what becomes of each example into a file; return the objects by kind and name."""
    assumed = Assumptions(_KUBERNETES_MINOR, False, DEFAULT_BOT_IMAGE, DEFAULT_PROXY_IMAGE)
    rendered: collections.Counter[tuple[str, str]] = collections.Counter()
    for path in sorted((ROOT / "examples").glob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        document["metadata"].setdefault("namespace", "bots")
        found = objects(document, assumed)
        (folder / path.name).write_text(yaml.safe_dump_all(found), encoding="utf-8")
        rendered.update((each["kind"], each["metadata"]["name"]) for each in found)
    return rendered


def ask(folder: Path) -> list[Judged]:
    """Run both judges on the files of a folder and return all they looked at."""
    files = [str(path) for path in sorted(folder.glob("*.yaml"))]
    scored = _json([str(kube_score()), "score", "--output-format=json", *files])
    command = [str(checkov()), "--directory", str(folder), "--framework=kubernetes"]
    checked = _json([*command, "--output=json", "--compact", "--skip-download"])
    return [*of_checkov(checked), *of_kube_score(scored)]


def _json(command: list[str]) -> Any:
    # Both end with 1 when they find something; what they say is judged here.
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        raise InstallError(f"{command[0]} gave no answer:\n{done.stderr[-2000:]}") from None


def main() -> int:
    """Judge, print a table, and return 1 where something is wrong."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rendered = render_examples(folder)
        judged = ask(folder)
    exceptions = read_exceptions(EXCEPTIONS)
    problems = faults(judged, exceptions, rendered)
    print(f"{'judge':12} {'checks':>7} {'not met':>8}   ({rendered.total()} objects rendered)")
    for judge in ("checkov", "kube-score"):
        mine = [each for each in judged if each.judge == judge]
        print(f"{judge:12} {len(mine):7} {sum(not each.good for each in mine):8}")
    print(f"explained by {len(exceptions)} exceptions in {EXCEPTIONS.relative_to(ROOT)}")
    for problem in problems:
        print(f"not explained: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InstallError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
