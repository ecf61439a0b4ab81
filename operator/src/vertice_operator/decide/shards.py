"""Which shards have an owner, from what the pods report of themselves."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vertice_operator.decide.facts import PodFact, Report

LIVE = "LIVE"
IDENTIFY_LOW = 50
"""Fewer IDENTIFYs than this left today is worth a warning: a crash of every shard may need them."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Ownership of shards at one moment.

    ``silent`` names running pods whose ``/statusz`` did not answer: what they own is unknown.
    ``recommended`` is Discord's own number of shards, where a pod was told.
    """

    configured: int
    owned: frozenset[int]
    ready: frozenset[int]
    silent: tuple[str, ...]
    recommended: int | None = None

    @property
    def unowned(self) -> tuple[int, ...]:
        """Ids of shards that no answering pod owns."""
        return tuple(sorted(set(range(self.configured)) - self.owned))

    @property
    def too_few(self) -> bool:
        """Whether Discord recommends more shards than there are."""
        return self.recommended is not None and self.recommended > self.configured


def coverage(configured: int, pods: Sequence[PodFact], reports: Iterable[Report]) -> Coverage:
    """Add up the reports of the pods that exist.

    ``configured`` is the number of shards the operator rendered; pods of an older revision may
    still run another number, and their shards do not count for the new one.
    """
    by_pod = {report.pod: report for report in reports}
    owned: set[int] = set()
    ready: set[int] = set()
    silent: list[str] = []
    for pod in pods:
        report = by_pod.get(pod.name)
        if report is None or not report.reachable:
            if pod.running and pod.ready:
                silent.append(pod.name)
            continue
        if report.shard_count not in (0, configured):
            continue
        owned.update(shard.id for shard in report.shards)
        ready.update(shard.id for shard in report.shards if shard.state == LIVE)
    told = [by_pod[pod.name].recommended for pod in pods if pod.name in by_pod]
    recommended = max((number for number in told if number is not None), default=None)
    return Coverage(
        configured, frozenset(owned), frozenset(ready), tuple(sorted(silent)), recommended
    )
