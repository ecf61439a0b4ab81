"""One report per measurement: a table for people and a JSON file for programs.

The file has the same shape for every measurement, so that documentation can quote it: what was
measured (``figures``), what it is compared with in the same run (``peers``), what it should reach
(``targets``), and whether it did (``passed``).
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

REPORTS = Path(__file__).resolve().parent.parent / "build" / "reports"


@dataclass(frozen=True)
class Target:
    """A bound on a figure: ``figures[name] <= most`` (and ``>= least`` where given)."""

    name: str
    most: float | None = None
    least: float | None = None

    def met(self, figures: Mapping[str, float]) -> bool:
        """Say whether the measured figure keeps the bound; a missing figure does not."""
        value = figures.get(self.name)
        if value is None:
            return False
        return (self.most is None or value <= self.most) and (
            self.least is None or value >= self.least
        )

    def text(self) -> str:
        """Return the bound as people read it."""
        parts = []
        if self.least is not None:
            parts.append(f"≥ {self.least:g}")
        if self.most is not None:
            parts.append(f"≤ {self.most:g}")
        return " and ".join(parts)


@dataclass(frozen=True)
class Report:
    """What one run measured. Units are part of each key, e.g. ``ready_p50_s``."""

    name: str
    figures: Mapping[str, float]
    peers: Mapping[str, float] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    seed: int = 0

    @property
    def passed(self) -> bool:
        """Whether every target is met."""
        return all(target.met(self.figures) for target in self.targets)

    def document(self) -> dict[str, object]:
        """Return the JSON document."""
        return {
            "name": self.name,
            "commit": _commit(),
            "seed": self.seed,
            "host": {
                "cores": os.cpu_count(),
                "python": platform.python_version(),
                "load_1m": round(os.getloadavg()[0], 2),
            },
            "figures": dict(self.figures),
            "peers": dict(self.peers),
            "targets": {target.name: target.text() for target in self.targets},
            "passed": self.passed,
        }

    def table(self) -> str:
        """Return the figures as an aligned table with targets and verdicts."""
        bounds = {target.name: target for target in self.targets}
        rows = [("figure", "value", "target", "")]
        for name, value in self.figures.items():
            target = bounds.get(name)
            verdict = "" if target is None else ("ok" if target.met(self.figures) else "MISSED")
            rows.append(
                (
                    name,
                    f"{value:.3f}".rstrip("0").rstrip("."),
                    target.text() if target else "",
                    verdict,
                )
            )
        rows += [
            (f"peer: {name}", f"{value:.3f}".rstrip("0").rstrip("."), "", "")
            for name, value in self.peers.items()
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )


def publish(report: Report) -> int:
    """Print the table, write ``build/reports/<name>.json``, and return the exit status."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    path = REPORTS / f"{report.name}.json"
    path.write_text(json.dumps(report.document(), indent=2) + "\n", encoding="utf-8")
    print(report.table())
    print(f"\n{report.name}: {'passed' if report.passed else 'FAILED'}; written to {path}")
    return 0 if report.passed else 1


def _commit() -> str:
    shown = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip() or "unknown"
