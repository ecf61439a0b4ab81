"""Which pod is to go first when the bot is scaled down: the one that owns the fewest shards."""

from collections import Counter
from collections.abc import Iterator

from vertice_operator.decide.checks import Hold, Violation
from vertice_operator.decide.facts import Facts, PodFact
from vertice_operator.decide.pods import live_replicas

LEAVING = -1
"""Cost of a pod on a cordoned node: it has to go anyway, so it goes before an idle one."""


def new_costs(facts: Facts, violation: Violation | None) -> Iterator[tuple[PodFact, int]]:
    """Yield the pods whose deletion cost is not what it should be, and what it should be.

    The cost decides between pods of one ReplicaSet alone, so a single pod needs none. A pod that
    does not answer keeps what it has. Nothing is written while the bot is paused or refused.
    """
    if violation is not None and violation.hold is Hold.EVERYTHING:
        return
    found = live_replicas(facts.pods)
    siblings = Counter(pod.revision for pod in found)
    owned = {report.pod: len(report.shards) for report in facts.reports if report.reachable}
    for pod in found:
        leaves = pod.node in facts.cordoned
        if siblings[pod.revision] < 2 or (pod.name not in owned and not leaves):
            continue
        cost = LEAVING if leaves else owned[pod.name]
        if (pod.deletion_cost or "0") != str(cost):
            yield pod, cost
