"""One reconcile: facts, plan, apply in order, prune, status once.

Level-triggered: it is told a key and nothing else, and finds out by itself what is to be done.
"""

import collections
import dataclasses
import logging
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from vertice_operator.api import names
from vertice_operator.api.conditions import ConditionType
from vertice_operator.api.problem import SpecError
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.api.v1alpha1.status import DiscordBotStatus
from vertice_operator.cluster import errors
from vertice_operator.cluster.apply import Applier
from vertice_operator.cluster.cache import LiveCache
from vertice_operator.cluster.client import KubeClient, Object
from vertice_operator.cluster.events import EventPoster
from vertice_operator.cluster.facts import FactsGatherer
from vertice_operator.cluster.kinds import BOT
from vertice_operator.cluster.pod_costs import PodCosts
from vertice_operator.decide.announce import Announcement, of_status, of_work
from vertice_operator.decide.checks import spec_violation
from vertice_operator.decide.facts import Facts
from vertice_operator.decide.outcome import ChildResult, Failure, Outcome
from vertice_operator.decide.plan import Act, Plan, make_plan
from vertice_operator.decide.pod_costs import new_costs
from vertice_operator.decide.status import make_status, refused_status
from vertice_operator.runtime.queue import Key
from vertice_operator.runtime.settle import Settle

log = logging.getLogger(__name__)
_REFUSALS = (Failure.INVALID, Failure.FORBIDDEN, Failure.QUOTA)
_TELL_AFTER = 3


class RefusedError(Exception):
    """Part of the wanted state was refused; the status says so, and a retry comes later."""


class Reconciler:
    """Brings one bot at a time to where its resource says it should be.

    Parameters
    ----------
    recheck
        Seconds until a bot in order is looked at again, for its Secrets.
    on_status
        Told each status that holds now, for metrics.
    on_drift
        Told the kind of each child that was put right.
    on_written
        Told the resourceVersion of each status written, so that its echo is known as such.
    """

    def __init__(
        self,
        client: KubeClient,
        cache: LiveCache,
        gatherer: FactsGatherer,
        events: EventPoster,
        settle: Settle,
        operator_namespace: str,
        recheck: float,
        on_gone: Callable[[Key], None],
        on_status: Callable[[Key, DiscordBotStatus], None],
        on_drift: Callable[[str], None],
        on_written: Callable[[Key, str], None],
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client, self._cache, self._gatherer, self._events = client, cache, gatherer, events
        self._applier, self._settle = Applier(client, cache), settle
        self._costs = PodCosts(client, cache)
        self._namespace, self._recheck = operator_namespace, recheck
        self._on_gone, self._on_status, self._on_drift = on_gone, on_status, on_drift
        self._on_written, self._utcnow = on_written, utcnow
        self._stumbles: collections.Counter[Key] = collections.Counter()

    async def reconcile(self, key: Key) -> float | None:
        """Look and act once; return the seconds until the next look, None for a bot that is gone.

        Raises
        ------
        errors.ClusterError
            A fault that a retry may mend.
        RefusedError
            The API server refused a child for a lasting reason.
        """
        try:
            document = await self._client.get(BOT, key.namespace, key.name)
        except errors.NotFoundError:
            self._settle.forget(key)
            self._stumbles.pop(key, None)
            self._on_gone(key)
            return None
        if "deletionTimestamp" in document["metadata"]:
            return None  # the children go by owner reference
        try:
            bot = DiscordBot.from_object(document)
        except SpecError as error:
            return await self._refuse(key, document, error)
        facts = await self._gatherer.gather(bot)
        plan = make_plan(facts, self._namespace)
        outcome = await self._act(facts, plan)
        await self._post(bot, of_work(plan, outcome))
        self._tell_transient(key, outcome)
        wait = self._settle.wait(key, outcome.wrote)
        if wait is not None and outcome.failed() is None:
            return wait
        # What was just applied is in the cache already, as the API server answered it.
        seen = dataclasses.replace(facts, children=self._cache.children(key))
        await self._costs.put(key.namespace, new_costs(seen, plan.violation))
        new = make_status(seen, plan, outcome)
        self._on_status(key, new)
        await self._write_status(document, bot.status, new)
        await self._post(bot, of_status(bot.status, new))
        refused = outcome.with_failure(_REFUSALS)
        if refused is not None:
            raise RefusedError(f"{refused.kind} {refused.name}: {refused.message}")
        failed = outcome.with_failure([Failure.TRANSIENT])
        if failed is not None:
            # Told by now, and still expected to end: the back-off goes on.
            raise errors.TransportError(f"{failed.kind} {failed.name}: {failed.message}")
        return self._recheck * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load

    async def _act(self, facts: Facts, plan: Plan) -> Outcome:
        results: list[ChildResult] = []
        for step in plan.steps:
            known = facts.children.get((step.kind.kind, step.name))
            result = await self._applier.carry_out(facts.bot, step, known)
            if step.act is Act.APPLY and step.drift and result.wrote:
                self._on_drift(step.kind.kind)
            results.append(result)
        for doomed in plan.prune:
            pruned = await self._applier.prune(facts.bot, plan.kinds[doomed.kind], doomed)
            if pruned is not None:
                results.append(pruned)
        return Outcome(tuple(results))

    async def _post(self, bot: DiscordBot, found: Iterable[Announcement]) -> None:
        for each in found:
            await self._events.post(bot.metadata, each)

    def _tell_transient(self, key: Key, outcome: Outcome) -> None:
        """Raise for a fault that may be over soon; from the third in a row the status tells it."""
        failed = outcome.with_failure([Failure.TRANSIENT])
        if failed is None:
            self._stumbles.pop(key, None)
            return
        self._stumbles[key] += 1
        if self._stumbles[key] < _TELL_AFTER:
            raise errors.TransportError(f"{failed.kind} {failed.name}: {failed.message}")

    async def _refuse(self, key: Key, document: Object, error: SpecError) -> float | None:
        """Tell that the resource cannot be read; its children stay as they are."""
        violation = spec_violation(error.problems)
        try:
            old = DiscordBotStatus.model_validate(document.get("status") or {})
        except ValueError:
            old = DiscordBotStatus()
        new = refused_status(document, old, violation, self._utcnow())
        self._on_status(key, new)
        await self._write_status(document, old, new)
        return None

    async def _write_status(
        self, document: Object, old: DiscordBotStatus, new: DiscordBotStatus
    ) -> None:
        """Write the status if it says something new, and only on the resource that was read."""
        known = {str(kind) for kind in ConditionType}
        ours = tuple(each for each in old.conditions if each.type in known)
        if old.model_copy(update={"conditions": ours}) == new and "status" in document:
            return
        meta = document["metadata"]
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {key: meta[key] for key in ("namespace", "name", "uid")},
            "status": new.to_dict(),
        }
        written = await self._client.apply_status(BOT, body)
        self._on_written(
            Key(meta["namespace"], meta["name"]), written["metadata"]["resourceVersion"]
        )
