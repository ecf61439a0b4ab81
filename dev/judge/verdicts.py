"""What the judges say, and which of it is explained."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_GOOD_GRADE = 10
_MUST_BE_JUDGED = {"checkov": 50, "kube-score": 15}
"""Least number of checks on each Deployment: a judge that reads nothing finds nothing."""


@dataclass(frozen=True, order=True)
class Judged:
    """One check on one object."""

    judge: str
    check: str
    about: str
    kind: str
    name: str
    good: bool


@dataclass(frozen=True)
class Explained:
    """A check that is not met on purpose: for which kinds, and why."""

    judge: str
    check: str
    kinds: frozenset[str]
    reason: str

    def covers(self, found: Judged) -> bool:
        """Whether it explains this finding."""
        same = (found.judge, found.check) == (self.judge, self.check)
        return same and found.kind in self.kinds


def of_checkov(document: Any) -> list[Judged]:
    """Read checkov's JSON; a list where it ran more than one framework."""
    results = (document[0] if isinstance(document, list) else document)["results"]
    return [
        Judged(
            "checkov",
            each["check_id"],
            each["check_name"],
            each["resource"].split(".")[0],
            each["resource"].rpartition(".")[2],
            good=each["check_result"]["result"] == "PASSED",
        )
        for part in ("passed_checks", "failed_checks")
        for each in results[part]
    ]


def of_kube_score(document: Any) -> list[Judged]:
    """Read kube-score's JSON; a check that does not apply to an object is no check of it."""
    return [
        Judged(
            "kube-score",
            check["check"]["id"],
            check["check"]["name"],
            each["type_meta"]["kind"],
            each["object_meta"]["name"],
            good=check["grade"] >= _GOOD_GRADE,
        )
        for each in document
        for check in each["checks"]
        if not check["skipped"]
    ]


def read_exceptions(path: Path) -> list[Explained]:
    """Read the file of exceptions. Each needs a reason of at least a sentence."""
    found = []
    for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
        if len(entry["reason"]) < 30:
            raise ValueError(f"{entry['check']}: say why")
        kinds = frozenset(entry["kinds"])
        found.append(Explained(entry["judge"], entry["check"], kinds, entry["reason"]))
    return found


def faults(
    judged: Iterable[Judged],
    exceptions: Iterable[Explained],
    rendered: Mapping[tuple[str, str], int],
) -> list[str]:
    """Return what is wrong: findings without a reason, reasons without a finding, blind judges.

    ``rendered`` counts the objects that were given to the judges, by kind and name.
    """
    judged, exceptions = list(judged), list(exceptions)
    bad = [each for each in judged if not each.good]
    problems = [
        f"{each.judge} {each.check} ({each.about}): {each.kind} {each.name}"
        for each in sorted(set(bad))
        if not any(known.covers(each) for known in exceptions)
    ]
    problems += [
        f"exception {known.judge} {known.check} explains nothing any more; remove it"
        for known in exceptions
        if not any(known.covers(each) for each in bad)
    ]
    counts = collections.Counter((each.judge, each.kind, each.name) for each in judged)
    for (kind, name), number in sorted(rendered.items()):
        if kind != "Deployment":
            continue
        for judge, least in _MUST_BE_JUDGED.items():
            seen = counts[judge, kind, name]
            if seen < least * number:
                problems.append(f"{judge} judged {kind} {name} by {seen} checks only")
    return problems
