"""Guild configuration: the resource's policy, typed and reloaded without a restart."""

from vertice_bot.policy.schema import GuildPolicy, PolicyDocument
from vertice_bot.policy.store import PolicyStore

__all__ = ["GuildPolicy", "PolicyDocument", "PolicyStore"]
