"""ConfigMap with the bot's configuration and the guild policy."""

from __future__ import annotations

from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.bot_config import policy_yaml
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.history import config_key
from vertice_operator.render.kinds import CONFIG_MAP
from vertice_operator.render.meta import child
from vertice_operator.render.revision import with_history


def config_map(bot: DiscordBot, facts: RenderFacts) -> dict[str, Any]:
    """Give the ConfigMap ``<bot>-config``.

    It holds a ``config-<hash>.yaml`` for each revision that is kept, and a pod template mounts its
    own: pods of a revision that is held, or that was gone back to, never read a newer one. The key
    ``config.yaml`` is what is to run now, for people. ``policy.yaml`` is one for all, and the bot
    reads it again by itself.
    """
    facts, history = with_history(bot, facts)
    revisions = (each.revision for each in history.everything)
    return child(
        bot,
        CONFIG_MAP,
        names.config_map(bot.metadata.name),
        {
            "data": {
                names.CONFIG_FILE: history.target.revision.config,
                **{config_key(each.config_hash): each.config for each in revisions},
                names.POLICY_FILE: policy_yaml(bot),
            }
        },
    )
