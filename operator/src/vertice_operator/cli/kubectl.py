"""The program ``kubectl_complete-vertice``, by which ``kubectl vertice`` completes itself."""

from vertice_operator.cli import main  # noqa: F401 - registers the commands
from vertice_operator.cli.completion import for_kubectl


def complete() -> None:
    """Answer kubectl's question, given as arguments, on standard output."""
    for_kubectl()
