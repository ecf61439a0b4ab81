"""Looks whether what a resource refers to is there."""

import asyncio
import base64
from collections.abc import AsyncIterator

from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.cli.explain import missing_right
from vertice_operator.cli.look.edit import MANAGER
from vertice_operator.cli.session import Session
from vertice_operator.cli.show.check import Finding, Level, judge_kinds
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import Object
from vertice_operator.cluster.kinds import BOT, SECRET, Kind, KindRef
from vertice_operator.decide.facts import SecretFact
from vertice_operator.decide.secrets import missing, references, token_reference
from vertice_operator.render import RenderFacts

_PRIORITY = KindRef("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses")


async def judge_references(
    session: Session, bot: DiscordBot, facts: RenderFacts, *, metrics: bool
) -> list[Finding]:
    """Look at Secrets and their keys, classes, other bots' tokens and the cluster's kinds.

    ``metrics`` tells whether the cluster serves the metrics API.
    """
    found = [*judge_kinds(bot, facts, metrics=metrics)]
    found += await _secrets(session, bot)
    found += [each async for each in _named(session, bot)]
    found += [each async for each in _same_token(session, bot)]
    return found


async def server_opinion(session: Session, document: Object) -> list[Finding]:
    """Ask the API server whether it would store the resource: schema, rules, admission."""
    meta = document["metadata"]
    kept = {k: v for k, v in meta.items() if k in ("name", "namespace", "labels", "annotations")}
    body = {**{k: v for k, v in document.items() if k != "status"}, "metadata": kept}
    try:
        await session.client.apply(BOT, body, manager=MANAGER, dry_run=True)
    except errors.InvalidError as error:
        return [Finding(Level.ERROR, ", ".join(error.fields) or "spec", error.message)]
    except errors.NotFoundError as error:
        return [Finding(Level.ERROR, "metadata.namespace", error.message)]
    except errors.ForbiddenError as error:
        message = f"the server was not asked: {missing_right(error.message)}"
        return [Finding(Level.UNKNOWN, "spec", message)]
    return []


async def _secrets(session: Session, bot: DiscordBot) -> list[Finding]:
    wanted = references(bot)
    looked = await asyncio.gather(
        *(_secret(session, bot.metadata.namespace, name) for name in wanted)
    )
    facts = {fact.name: fact for fact in looked if not fact.refusal}
    hidden = [fact for fact in looked if fact.refusal]
    found = [
        Finding(Level.UNKNOWN, f"Secret {fact.name}", missing_right(fact.refusal))
        for fact in hidden
    ]
    for name in wanted:
        if any(fact.name == name for fact in hidden):
            continue
        # All the others are taken for good, so that what is said is about this one.
        others = {other: SecretFact(other, True, need) for other, need in wanted.items()}
        said = missing(bot, {**others, name: facts[name]})
        if said is not None:
            found.append(Finding(Level.ERROR, f"Secret {name}", said[1]))
    return found


async def _secret(session: Session, namespace: str, name: str) -> SecretFact:
    """Look which keys of a Secret have content; the content itself is dropped at once."""
    try:
        secret = await session.client.get(SECRET, namespace, name)
    except errors.NotFoundError:
        return SecretFact(name, found=False)
    except errors.ForbiddenError as error:
        return SecretFact(name, found=False, refusal=error.message)
    data = secret.get("data") or {}
    full = frozenset(key for key, value in data.items() if base64.b64decode(value))
    return SecretFact(name, found=True, keys=full)


async def _named(session: Session, bot: DiscordBot) -> AsyncIterator[Finding]:
    """Look at objects that are named and not read: pull secrets, the priority class."""
    namespace = bot.metadata.namespace
    named: list[tuple[str, Kind, str | None, str]] = [
        ("spec.image.pullSecrets", SECRET, namespace, each.name)
        for each in bot.spec.image.pull_secrets
    ]
    if priority := bot.spec.scheduling.priority_class_name:
        named.append(("spec.scheduling.priorityClassName", _PRIORITY, None, priority))
    for path, kind, where, name in named:
        try:
            await session.client.get(kind, where, name)
        except errors.NotFoundError:
            place = f" in namespace {where}" if where else ""
            yield Finding(Level.ERROR, path, f"there is no {kind.kind} {name}{place}")
        except errors.ForbiddenError as error:
            yield Finding(Level.UNKNOWN, path, missing_right(error.message))


async def _same_token(session: Session, bot: DiscordBot) -> AsyncIterator[Finding]:
    """Look for another bot of the namespace with the same token Secret and key."""
    mine = token_reference(bot)
    if mine is None:
        return
    async for other in session.client.list(BOT, bot.metadata.namespace):
        name = other["metadata"]["name"]
        ref = (other.get("spec") or {}).get("discord", {}).get("tokenSecretRef") or {}
        if name != bot.metadata.name and (ref.get("name"), ref.get("key", "token")) == mine:
            message = f"DiscordBot {name} uses the same token: the younger of the two is held at 0"
            yield Finding(Level.ERROR, "spec.discord.tokenSecretRef", message)
