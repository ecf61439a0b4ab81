"""Writes docs/cli.md from the command line itself, or says that it is stale.

``python -m vertice_operator.cli.reference [--check]``
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml

from vertice_operator.cli.exits import MEANINGS
from vertice_operator.cli.main import COMMANDS
from vertice_operator.cli.rights import EDITOR, OPERATOR, VIEWER, role
from vertice_operator.cli.screen import API_VERSION

PAGE = Path("docs/cli.md")
_ROOT = Path(__file__).resolve().parents[4]

_HEAD = """\
# The `vertice` command

Made from the command line by `python -m vertice_operator.cli.reference`; do not edit.

`vertice` looks after the bots of a cluster. Under the name `kubectl-vertice` on the PATH it is a
plug-in of kubectl: `kubectl vertice status`. It talks to the API server alone, as you, by your
kubeconfig; it needs no access to the pods and none to the operator. `render`, `check` and `diff
--against` need no cluster at all.

- **Colour** only on a terminal; `NO_COLOR=1` switches it off, `FORCE_COLOR=1` on.
- **Programs** read `-o json` or `-o yaml`, never the table. The shapes are below.
- **Completion**: `source <(vertice completion bash)`, likewise `zsh` and `fish`. kubectl completes
  `kubectl vertice` by itself, through the program `kubectl_complete-vertice`.
- **Under GitOps** a change by `vertice` is undone at the next run of Argo CD, Flux or another tool;
  the command says so where it sees one.
"""

_SHAPES: tuple[tuple[str, str], ...] = (
    ("status", ("items[]: namespace, name, ready, reason, message, upToDate, paused, suspended, "
     "created, image, updateAvailable, replicas {ready, updated, total}, shards {configured, "
     "owned, ready, unowned[]}, conditions[] {type, status, reason, message, since}, history[]")),
    ("tree", ("items[]: namespace, name, health, reason, message, children[] {kind, name, health, "
     "why, children[]}; health is Healthy, Progressing, Unknown, Absent or Failing")),
    ("shards", ("items[]: namespace, name, source (statusz or status), note, configured, shards[] "
     "{id, pod, state, epoch, latencySeconds}, unowned[], replicas[] {pod, reachable, why, role, "
     "version, draining, discord, identifyRemaining, lagSeconds, shards[], degraded[]}")),
    ("top", ("items[]: namespace, name, note, total {cpu, memory}, replicas[] {pod, cpu, memory, "
     "shards[], lagSeconds, containers[]}; cpu in cores and memory in bytes, each {used, request, "
     "limit, percentOfLimit}")),
    ("check", ("items[]: namespace, name, valid, findings[] {level, path, message}; level is "
     "error, warning or unknown")),
    ("diff", ("different, items[]: kind, namespace, name, action (create, change, delete, hold), "
     "because, diff")),
    ("pause, resume, suspend, unsuspend, restart, rollback", ("namespace, name, action, changed, "
     "message, notes[]; rollback also revision, diff")),
    ("logs", "one object a line: time, pod, container, role, level, message, fields"),
)  # fmt: skip

_RIGHTS = """\
## Rights

`vertice-viewer` is enough to look, `vertice-editor` to change as well. The third lets people see
the operator's log; without it the commands say what they leave out. Bind them with RoleBindings; a
test runs the commands under exactly these. With `-A` bind the rules by ClusterRoles.

A `diff` by dry-run needs the right to patch the children, as `kubectl diff` does; `diff
--no-dry-run` needs none. `check` asks for `get` on Secrets to look at their keys, and `report` to
find and remove their values; both say so where they may not.
"""


def page() -> str:
    """Give the whole page."""
    parts = [_HEAD, *(_command(*each) for each in COMMANDS), _shapes(), _exit_codes(), _rights()]
    return "\n".join(parts)


def _command(
    name: str, function: Callable[..., Any], examples: Sequence[tuple[str, str]], panel: str
) -> str:
    del panel
    words = (inspect.getdoc(function) or "").split("\n\n")
    text = "\n\n".join(" ".join(each.split()) for each in words)
    shown = "\n".join(f"{command}    # {what}" for command, what in examples)
    options = "\n".join(_options(function))
    return f"## vertice {name}\n\n{text}\n\n```sh\n{shown}\n```\n\n{options}\n"


def _options(function: Callable[..., Any]) -> Iterator[str]:
    """Give a table of a command's arguments and options."""
    yield "| option | what it does | default |"
    yield "|---|---|---|"
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        (said,) = get_args(parameter.annotation)[1:]
        # Within Annotated the parser keeps the first name where else the default stands.
        declared = (said.default, *(said.param_decls or ()))
        names = [each for each in declared if isinstance(each, str) and each.startswith("-")]
        if not names and type(said).__name__ == "OptionInfo":
            names = [f"--{parameter.name.replace('_', '-')}"]
        title = ", ".join(f"`{each}`" for each in names) or f"`{said.metavar}`"
        yield f"| {title} | {said.help or ''} | {_default(parameter.default)} |"


def _default(value: object) -> str:
    if value in (inspect.Parameter.empty, None, "", False):
        return ""
    return f"`{value}`" if value is not True else "on"


def _shapes() -> str:
    rows = "\n".join(f"| `{name}` | {shape} |" for name, shape in _SHAPES)
    return (
        f"## Output for programs\n\nEvery document has `apiVersion: {API_VERSION}` and a `kind`. "
        f"Fields are added within a version, never renamed or removed.\n\n"
        f"| command | fields |\n|---|---|\n{rows}\n"
    )


def _exit_codes() -> str:
    rows = "\n".join(f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items())
    return f"## Exit codes\n\n| code | meaning |\n|---|---|\n{rows}\n"


def _rights() -> str:
    roles = (
        role("vertice-viewer", "NAMESPACE", VIEWER),
        role("vertice-editor", "NAMESPACE", EDITOR),
        role("vertice-operator-viewer", "vertice-system", OPERATOR),
    )
    text = yaml.safe_dump_all(roles, sort_keys=False)
    why = "\n".join(
        f"| {', '.join(each.verbs)} | {', '.join(each.resources)} | {each.why} |"
        for each in (*EDITOR, *OPERATOR)
    )
    return f"{_RIGHTS}\n```yaml\n{text}```\n\n| verbs | resources | for |\n|---|---|---|\n{why}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit status: 0 written or current, 1 stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when stale")
    path = _ROOT / PAGE
    current = path.exists() and path.read_text(encoding="utf-8") == page()
    if parser.parse_args(arguments).check:
        if not current:
            print(f"{PAGE} is stale: run python -m {__spec__.name}", file=sys.stderr)
        return 0 if current else 1
    path.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
