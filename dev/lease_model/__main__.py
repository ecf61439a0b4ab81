"""Explore, and say what holds and what each rule is for: ``python -m dev.lease_model``."""

from __future__ import annotations

import argparse
import sys
import time

from dev.lease_model.cases import BREAK, HOLD, SPARE, Case
from dev.lease_model.explore import explore
from dev.lease_model.rules import ALL


def main(arguments: list[str] | None = None) -> int:
    """Run the explorations; 0 when each ends as it should."""
    parser = argparse.ArgumentParser("python -m dev.lease_model", description=__doc__)
    parser.add_argument("--short", action="store_true", help="leave out what takes a minute")
    parser.add_argument("--paths", action="store_true", help="show the way to each broken promise")
    options = parser.parse_args(arguments)
    cases = [case for case in (*HOLD, *BREAK, *SPARE) if not (options.short and case.long)]
    wrong = sum(not _run(case, options.paths) for case in cases)
    print(f"{len(cases) - wrong} of {len(cases)} explorations end as they should")
    return 1 if wrong else 0


def _run(case: Case, paths: bool) -> bool:
    started = time.monotonic()
    found = explore(case.bounds, ALL - case.without)
    name = " + ".join(sorted(rule.name for rule in case.without))
    title = f"without {name}" if name else "all rules"
    says = found.wrong or "holds"
    seconds = time.monotonic() - started
    print(f"{title:46} {found.worlds:8} worlds {seconds:6.1f} s  {says}", flush=True)
    if paths and found.path:
        print("    " + "; ".join(found.path))
    return bool(found.wrong) is case.breaks


if __name__ == "__main__":
    sys.exit(main())
