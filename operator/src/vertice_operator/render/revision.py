"""Revisions: made from the present spec, stamped for a roll-out, kept as ControllerRevisions."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.bot_config import config_yaml
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.hashes import document_hash
from vertice_operator.render.history import History, Recorded, Revision
from vertice_operator.render.kinds import CONTROLLER_REVISION
from vertice_operator.render.meta import child
from vertice_operator.render.pod_template import pod_template

FIRST: Final = 1


def fresh_revision(bot: DiscordBot, facts: RenderFacts) -> Revision:
    """Render the revision that the present spec asks for."""
    config = config_yaml(bot, facts)
    template = pod_template(bot, facts, config)
    return Revision(names.revision(bot.metadata.name, document_hash(template)), template, config)


def with_history(bot: DiscordBot, facts: RenderFacts) -> tuple[RenderFacts, History]:
    """Give the facts with a history; where none is known, of what the spec asks for alone."""
    if facts.history is not None:
        return facts, facts.history
    fresh = fresh_revision(bot, facts)
    asked = Recorded(fresh, FIRST, bot.spec.to_dict(), bot.spec.restart_at)
    history = History(asked)
    return dataclasses.replace(facts, history=history), history


def stamped(recorded: Recorded, secret_hash: str | None) -> dict[str, Any]:
    """Give the template to roll out: the revision's own, with its name and what restarts it.

    The secrets are always the present ones, for their former content is gone. ``restartAt`` is the
    one that the revision was rolled out with, so that going back to it starts no running pod anew.
    """
    template = recorded.revision.template
    annotations = {
        **template["metadata"]["annotations"],
        names.ANNOTATION_REVISION: recorded.name,
    }
    if secret_hash is not None:
        annotations[names.ANNOTATION_SECRET_HASH] = secret_hash
    if recorded.restarted_at is not None:
        annotations[names.ANNOTATION_RESTARTED_AT] = recorded.restarted_at
    return {**template, "metadata": {**template["metadata"], "annotations": annotations}}


def controller_revision(bot: DiscordBot, recorded: Recorded) -> dict[str, Any]:
    """Give the ControllerRevision of one revision.

    Its ``data`` can never be changed, so the hash of the object leaves it out: a server that gives
    a number back in another form must not make us write it again and again.
    """
    restarted = recorded.restarted_at
    body = child(
        bot,
        CONTROLLER_REVISION,
        recorded.name,
        {"revision": recorded.number},
        annotations={names.ANNOTATION_RESTARTED_AT: restarted} if restarted else {},
    )
    return {
        **body,
        "data": {
            "spec": recorded.spec,
            "template": recorded.revision.template,
            "config": recorded.revision.config,
        },
    }
