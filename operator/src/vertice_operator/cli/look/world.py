"""Gathers for one bot what the operator would look at, with a person's rights.

Secrets are not read: it is taken that they are there, unless the operator has said otherwise, and
the hash of their content is the one that the operator last wrote.
"""

import asyncio
import dataclasses
from datetime import datetime

from vertice_operator import __version__
from vertice_operator.api import names
from vertice_operator.api.conditions import ConditionStatus, ConditionType, Reason
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.cli.look.children import Family
from vertice_operator.cli.session import Session
from vertice_operator.cluster import errors
from vertice_operator.cluster.cache import live
from vertice_operator.cluster.client import Object
from vertice_operator.cluster.discovery import Discovery
from vertice_operator.decide.facts import Cluster, Defaults, Facts, Live, SecretFact
from vertice_operator.decide.pods import read_pod
from vertice_operator.decide.secrets import references
from vertice_operator.render import DEPLOYMENT, KINDS
from vertice_operator.runtime.settings import DEFAULT_BOT_IMAGE, DEFAULT_PROXY_IMAGE, PREFIX

OPERATOR_LABEL = f"{names.LABEL_NAME}=vertice-operator"
_BY_KIND = {kind.kind: kind for kind in KINDS}


async def cluster_facts(session: Session) -> Cluster:
    """Ask what the cluster can do."""
    optional = [kind for kind in KINDS if kind.optional]
    return await Discovery(session.client, optional).refresh()


async def defaults(session: Session, operator_namespace: str) -> Defaults:
    """Read the running operator's default images; this release's where it may not be seen."""
    try:
        found = [
            each
            async for each in session.client.list(DEPLOYMENT, operator_namespace, OPERATOR_LABEL)
        ]
    except errors.ForbiddenError:
        found = []
    return defaults_of(found)


def defaults_of(deployments: list[Object]) -> Defaults:
    """Read the default images from the operator's Deployment, where there is exactly one."""
    values: dict[str, str] = {}
    for each in deployments[:1]:
        for container in each["spec"]["template"]["spec"]["containers"]:
            values |= {e["name"]: e["value"] for e in container.get("env") or () if "value" in e}
    return Defaults(
        operator_version=__version__,
        bot_image=values.get(f"{PREFIX}DEFAULT_BOT_IMAGE") or DEFAULT_BOT_IMAGE,
        proxy_image=values.get(f"{PREFIX}DEFAULT_PROXY_IMAGE") or DEFAULT_PROXY_IMAGE,
    )


async def look(
    session: Session, bot: DiscordBot, family: Family, operator_namespace: str, now: datetime
) -> Facts:
    """Gather the facts of one bot for the operator's own judgement."""
    cluster, standard = await asyncio.gather(
        cluster_facts(session), defaults(session, operator_namespace)
    )
    return Facts(
        bot=bot,
        now=now,
        defaults=standard,
        cluster=cluster,
        children={
            (each["kind"], each["metadata"]["name"]): _live(each) for each in family.children
        },
        secrets=_secrets(bot),
        secret_hash=_secret_hash(bot, family),
        token_holder=_token_holder(bot),
        pods=tuple(read_pod(pod) for pod in family.pods),
    )


def _live(child: Object) -> Live:
    meta = {key: value for key, value in child["metadata"].items() if key != "managedFields"}
    content = {k: v for k, v in child.items() if k not in ("apiVersion", "kind")}
    found = live(_BY_KIND[child["kind"]], child)
    return dataclasses.replace(found, body={**content, "metadata": meta})


def _secrets(bot: DiscordBot) -> dict[str, SecretFact]:
    said = bot.status.condition(ConditionType.SECRETS_RESOLVED)
    current = said is not None and said.observed_generation == bot.metadata.generation
    absent = (
        Reason.SECRET_NOT_FOUND,
        Reason.SECRET_KEY_MISSING,
        Reason.EXTERNAL_SECRET_NOT_SYNCED,
    )
    if said is not None and current and said.reason in absent:
        return {}
    return {name: SecretFact(name, True, keys) for name, keys in references(bot).items()}


def _secret_hash(bot: DiscordBot, family: Family) -> str | None:
    """Return the hash in the live pods' template, else the one in the status."""
    for child in family.children:
        if child["kind"] == "Deployment" and child["metadata"]["name"] == bot.metadata.name:
            annotations = child["spec"]["template"]["metadata"].get("annotations") or {}
            if names.ANNOTATION_SECRET_HASH in annotations:
                return str(annotations[names.ANNOTATION_SECRET_HASH])
    return bot.status.secret_hash


def _token_holder(bot: DiscordBot) -> str | None:
    said = bot.status.condition(ConditionType.SECRETS_RESOLVED)
    held = said is not None and said.status is ConditionStatus.FALSE
    conflict = held and said is not None and said.reason == Reason.TOKEN_CONFLICT
    return "that the status names" if conflict else None
