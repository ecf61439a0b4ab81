"""The metric contract: the series that alerts, recording rules and panels may use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

import yaml

Kind = Literal["gauge", "counter", "histogram"]
_SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "gauge": ("",),
    "counter": ("",),
    "histogram": ("_bucket", "_sum", "_count"),
}


@dataclass(frozen=True)
class Metric:
    """One metric.

    Args:
        name: name as Prometheus shows it; of a histogram without ``_bucket`` and the like.
        type: gauge, counter or histogram.
        exporter: who exports it; ``bot`` and ``operator`` are this project.
        help: what it says, in one sentence.
        labels: labels that the exporter sets.
        values: the values that a label may take, where they are fixed.
        bounds: bucket bounds that a histogram must have.
    """

    name: str
    type: Kind
    exporter: str
    help: str
    labels: tuple[str, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bounds: tuple[float, ...] = ()

    @property
    def series(self) -> tuple[str, ...]:
        """Names of the series, as a query says them."""
        return tuple(f"{self.name}{suffix}" for suffix in _SUFFIXES[self.type])


@cache
def metrics() -> tuple[Metric, ...]:
    """Load the contract, in the order of the file."""
    entries: list[dict[str, Any]] = load_data("metrics.yaml")["metrics"]
    return tuple(
        Metric(
            name=entry["name"],
            type=entry["type"],
            exporter=entry["exporter"],
            help=entry["help"],
            labels=tuple(entry.get("labels", ())),
            values={key: tuple(known) for key, known in entry.get("values", {}).items()},
            bounds=tuple(entry.get("bounds", ())),
        )
        for entry in entries
    )


@cache
def load_data(*path: str) -> Any:
    """Read a YAML file of ``data``; once, so it must not be changed."""
    file = resources.files("vertice_operator.render").joinpath("data", *path)
    return yaml.safe_load(file.read_text(encoding="utf-8"))
