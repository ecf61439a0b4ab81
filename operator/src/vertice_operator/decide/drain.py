"""A bot's only pod on a node that is to be emptied: a second one first, then the drain.

A node is cordoned before it is drained. From then on, and only for a bot that runs on one replica,
a second replica is wanted, and the budget asks for one ready pod: the only pod cannot be evicted
until the second one is Ready, and may be from that moment on. Once no pod is left on the node, one
replica is enough again. After a bounded time the budget lets go, Ready or not: a drain must end.
"""

import enum
from dataclasses import dataclass

from vertice_operator.api import names
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.decide.facts import Facts, PodFact
from vertice_operator.decide.pods import live_replicas
from vertice_operator.render import RenderFacts, is_off, scale_bounds


class Help(enum.Enum):
    """Whether a drain is helped."""

    NOT_NEEDED = "not needed"
    GIVEN = "given"
    ENDED = "ended"
    """It took too long; the pod may be evicted as it is."""


@dataclass(frozen=True, slots=True)
class Drain:
    """What is done for a drain.

    ``node`` is the node that is to be emptied, and ``pod`` what is on it. ``before`` is the node
    that the live Deployment was last helped for.
    """

    help: Help = Help.NOT_NEEDED
    node: str | None = None
    pod: str | None = None
    before: str | None = None

    @property
    def second_replica_for(self) -> str | None:
        """The node for which a second replica is wanted."""
        return self.node if self.help is Help.GIVEN else None


def drain(facts: Facts, bot: DiscordBot, given: RenderFacts, *, held: bool) -> Drain:
    """Decide whether a drain of the bot's node needs help.

    ``held`` tells that the Deployment stays as it is for another reason: a budget that asks for a
    pod which nobody starts would only block the drain. A budget that the resource sets itself is
    the user's word and stays.
    """
    before = facts.noted(names.ANNOTATION_SECOND_REPLICA)
    nothing = Drain(before=before)
    budget = bot.spec.pdb
    own_word = budget.max_unavailable is not None or budget.min_available is not None
    if held or own_word or not budget.enabled or is_off(bot) or _least(bot, given) != 1:
        return nothing
    found = live_replicas(facts.pods)
    leaving = sorted((pod for pod in found if _leaves(pod, facts)), key=lambda pod: pod.name)
    staying = [pod for pod in found if pod.ready and not _leaves(pod, facts)]
    if not leaving or len(staying) > 1:
        return nothing
    pod = leaving[0]
    assert pod.node is not None
    over = all(facts.now >= facts.cordoned[each.node or ""] for each in leaving)
    if over and staying:
        return nothing  # nobody drains the node; scaled down, the pod on it goes first
    return Drain(Help.ENDED if over else Help.GIVEN, pod.node, pod.name, before)


def _least(bot: DiscordBot, given: RenderFacts) -> int:
    """Return the replicas that the bot runs on at the least, without any help."""
    return scale_bounds(bot, given).minimum if bot.spec.autoscaling.enabled else bot.spec.replicas


def _leaves(pod: PodFact, facts: Facts) -> bool:
    return pod.node is not None and pod.node in facts.cordoned
