"""The folder ``operator/`` must never hide the standard library's module of that name."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STDLIB = Path(sysconfig.get_path("stdlib")).resolve()


def run(*arguments: str, cwd: Path = ROOT) -> str:
    """Run this interpreter in a folder; gives what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_folder_is_no_package() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_the_folder_holds_no_loose_modules() -> None:
    """Run from inside the folder, a ``secrets.py`` there would hide the library's."""
    assert [file.name for file in (ROOT / "operator").glob("*.py")] == []


@pytest.mark.parametrize("folder", [ROOT, ROOT / "operator", ROOT / "operator" / "src"], ids=str)
def test_the_library_wins_wherever_python_starts(folder: Path) -> None:
    assert run("-S", "-c", "import collections; print(collections.OrderedDict())", cwd=folder)
    found = Path(run("-c", "import operator; print(operator.__file__)", cwd=folder))
    assert found.resolve() == STDLIB / "operator.py"


def test_the_library_wins_inside_pytest() -> None:
    """pytest's importlib mode makes parent modules of test files, ``operator`` among them."""
    import operator

    assert operator.add(1, 2) == 3
    assert Path(str(operator.__file__)).resolve() == STDLIB / "operator.py"
