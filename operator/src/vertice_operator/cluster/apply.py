"""Carries out single steps of a plan against the API server.

Nothing is created, changed or deleted on the word of the cache: what it does not know is created
under the condition that there is nothing of the name, what it knows is written under the uid it was
known by, and what is to be deleted is read and then deleted under uid and version.
"""

import logging
from collections.abc import Mapping
from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.api.v1alpha1.status import ChildState
from vertice_operator.cluster import errors
from vertice_operator.cluster.cache import LiveCache, live
from vertice_operator.cluster.client import KubeClient, Object
from vertice_operator.decide.facts import Live
from vertice_operator.decide.outcome import ChildResult, Failure
from vertice_operator.decide.plan import Act, Step
from vertice_operator.render import ChildKind

log = logging.getLogger(__name__)


class ForeignObjectError(Exception):
    """An object of the name we need belongs to somebody else."""


class Applier:
    """Applies and deletes children."""

    def __init__(self, client: KubeClient, cache: LiveCache) -> None:
        self._client, self._cache = client, cache

    async def carry_out(self, bot: DiscordBot, step: Step, known: Live | None) -> ChildResult:
        """Do what ``step`` says; ``known`` is the child as the cache has it.

        Only :class:`errors.NotLeaderError` leaves this function: all other faults are results,
        so that the children after this one are still served.
        """
        kind, name = step.kind.kind, step.name
        if step.act is Act.SKIP:
            if known is not None and known.body:
                bot_key = (bot.metadata.namespace, bot.metadata.name)
                self._cache.agree(bot_key, (kind, name), known.resource_version, _wanted(step))
            return ChildResult(kind, name, ChildState.APPLIED)
        if step.act is Act.UNAVAILABLE:
            return ChildResult(kind, name, ChildState.SKIPPED, step.because)
        if step.act is Act.HOLD:
            state = ChildState.APPLIED if known else ChildState.SKIPPED
            return ChildResult(kind, name, state, f"waits: {step.because}")
        try:
            wrote = await self._apply(bot, step, known)
        except ForeignObjectError as error:
            return ChildResult(kind, name, ChildState.FAILED, str(error), Failure.NAME_CONFLICT)
        except errors.NotLeaderError:
            raise
        except errors.ClusterError as error:
            return ChildResult(kind, name, ChildState.FAILED, error.message, _failure(error))
        return ChildResult(kind, name, ChildState.APPLIED, wrote=wrote)

    async def prune(self, bot: DiscordBot, kind: ChildKind, doomed: Live) -> ChildResult | None:
        """Delete a child that is no longer wanted, if a live read says that it is still ours."""
        key, name = (bot.metadata.namespace, bot.metadata.name), doomed.name
        try:
            document = await self._client.get(kind, bot.metadata.namespace, name)
            found = live(kind, document)
            labels = document["metadata"].get("labels") or {}
            mine = labels.get(names.LABEL_BOT) == bot.metadata.name
            if found.owner_uid != bot.metadata.uid or not mine:
                self._cache.drop(key, (kind.kind, name))
                return None
            if "deletionTimestamp" in document["metadata"]:
                return None
            await self._client.delete(
                kind,
                bot.metadata.namespace,
                name,
                uid=found.uid,
                resource_version=found.resource_version,
            )
        except errors.NotFoundError:
            self._cache.drop(key, (kind.kind, name))
            return None
        except errors.NotLeaderError:
            raise
        except errors.ClusterError as error:
            return ChildResult(kind.kind, name, ChildState.FAILED, error.message, _failure(error))
        self._cache.drop(key, (kind.kind, name))
        return ChildResult(kind.kind, name, ChildState.PRUNED, wrote=True)

    async def _apply(self, bot: DiscordBot, step: Step, known: Live | None) -> bool:
        """Apply, and return whether the server stored anything new."""
        assert step.body is not None
        body = dict(step.body)
        if known is None and (made := await self._make(step)) is not None:
            self._cache.confirm(step.kind, made, _wanted(step))
            return True
        found = known if known is not None and known.owner_uid == bot.metadata.uid else None
        found = found or await self._own(bot, step.kind, step.name)
        uid = found.uid if found is not None else None
        if step.handover is not None and uid is not None:
            await self._hand_over(bot, step, uid)
        try:
            applied = await self._client.apply(step.kind, body, uid=uid)
        except errors.ConflictError:
            # Replaced by another object of the same name: look again before anything else.
            self._cache.drop(
                (bot.metadata.namespace, bot.metadata.name), (step.kind.kind, step.name)
            )
            raise
        self._cache.confirm(step.kind, applied, _wanted(step))
        return found is None or applied["metadata"]["resourceVersion"] != found.resource_version

    async def _make(self, step: Step) -> Object | None:
        """Create what nobody knows of; None where there turns out to be something of the name."""
        assert step.body is not None
        try:
            return await self._client.apply(step.kind, dict(step.body), absent=True)
        except errors.ConflictError:
            return None

    async def _own(self, bot: DiscordBot, kind: ChildKind, name: str) -> Live | None:
        """Return the object of this name if it is ours, None if there is none."""
        try:
            document = await self._client.get(kind, bot.metadata.namespace, name)
        except errors.NotFoundError:
            return None
        meta = document["metadata"]
        found = live(kind, document)
        if found.owner_uid == bot.metadata.uid or (found.owner_uid is None and _orphan(bot, meta)):
            self._cache.store(kind, document, sure=True)
            return found
        if _of_a_former_self(bot, meta):
            raise errors.ConflictError(
                f"{kind.kind} {name} of a deleted DiscordBot of the same name is still there"
            )
        raise ForeignObjectError(
            f"{kind.kind} {name} exists in namespace {bot.metadata.namespace} and does not belong "
            "to this DiscordBot. It is left alone; rename or delete one of the two."
        )

    async def _hand_over(self, bot: DiscordBot, step: Step, uid: str) -> None:
        """Give ``spec.replicas`` a stand-in owner, so that it survives our letting go of it."""
        body = {
            "apiVersion": step.kind.api_version,
            "kind": step.kind.kind,
            "metadata": {"namespace": bot.metadata.namespace, "name": step.name},
            "spec": {"replicas": step.handover},
        }
        await self._client.apply(step.kind, body, uid=uid, manager=names.REPLICAS_HANDOVER_MANAGER)


def _wanted(step: Step) -> str | None:
    meta = step.body["metadata"] if step.body is not None else {}
    return (meta.get("annotations") or {}).get(names.ANNOTATION_SPEC_HASH)


def _orphan(bot: DiscordBot, meta: Mapping[str, Any]) -> bool:
    """Tell whether an object without controller was once made by us for a bot of this name."""
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    return (
        labels.get(names.LABEL_BOT) == bot.metadata.name
        and labels.get(names.LABEL_MANAGED_BY) == names.MANAGED_BY
        and names.ANNOTATION_SPEC_HASH in annotations
    )


def _of_a_former_self(bot: DiscordBot, meta: Mapping[str, Any]) -> bool:
    """Tell whether the object waits for garbage collection after a bot of the same name."""
    return any(
        owner.get("controller")
        and owner.get("kind") == names.KIND
        and owner.get("name") == bot.metadata.name
        and owner.get("uid") != bot.metadata.uid
        for owner in meta.get("ownerReferences") or ()
    )


def _failure(error: errors.ClusterError) -> Failure:
    if isinstance(error, errors.QuotaExceededError):
        return Failure.QUOTA
    if isinstance(error, errors.ForbiddenError):
        return Failure.FORBIDDEN
    if isinstance(error, errors.InvalidError):
        return Failure.INVALID
    if isinstance(error, errors.KindMissingError):
        return Failure.KIND_MISSING
    return Failure.TRANSIENT
