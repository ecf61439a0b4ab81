"""ConfigMap with the bot's configuration and the guild policy."""

from __future__ import annotations

from typing import Any

from vertice_operator.api import names
from vertice_operator.api.v1alpha1 import DiscordBot
from vertice_operator.render.bot_config import config_yaml, policy_yaml
from vertice_operator.render.facts import RenderFacts
from vertice_operator.render.kinds import CONFIG_MAP
from vertice_operator.render.meta import child


def config_map(bot: DiscordBot, facts: RenderFacts) -> dict[str, Any]:
    """Give the ConfigMap ``<bot>-config``.

    It is changed in place. Its ``config.yaml`` is hashed into the pod template, so a change rolls
    the pods; ``policy.yaml`` is not, for the bot reads it again by itself.
    """
    return child(
        bot,
        CONFIG_MAP,
        names.config_map(bot.metadata.name),
        {
            "data": {
                names.CONFIG_FILE: config_yaml(bot, facts),
                names.POLICY_FILE: policy_yaml(bot),
            }
        },
    )
