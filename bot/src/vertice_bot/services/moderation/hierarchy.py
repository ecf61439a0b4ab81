"""Who may act on whom. Pure: no Discord client, no database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides a member's rank in a guild.

    ``top_role`` is the place of the highest role: its position, then its negative id, because of
    two roles in the same position the older one counts as higher. @everyone is (0, ...).
    """

    member_id: int
    top_role: tuple[int, int]
    owns_guild: bool = False
    is_bot: bool = False

    def outranks(self, other: Standing) -> bool:
        """Tell whether this member stands above the other; equal roles do not."""
        if other.owns_guild:
            return False
        return self.owns_guild or self.top_role > other.top_role


class Refusal(StrEnum):
    """Why an act on a member is not done."""

    YOURSELF = "yourself"
    THIS_BOT = "this_bot"
    A_BOT = "a_bot"
    OWNER = "owner"
    ABOVE_YOU = "above_you"
    ABOVE_THE_BOT = "above_the_bot"


def refusal(actor: Standing, target: Standing, bot: Standing, *, bot_acts: bool) -> Refusal | None:
    """Return why ``actor`` may not act on ``target``, or None when nothing forbids it.

    ``bot_acts`` says that Discord itself will check the bot's rank (time-out, kick, ban). A warning
    changes nothing on Discord, so it needs no rank of the bot. The order of the checks is the order
    of usefulness: the reason named first is the one that no change of roles would cure.
    """
    if target.member_id == actor.member_id:
        return Refusal.YOURSELF
    if target.member_id == bot.member_id:
        return Refusal.THIS_BOT
    if target.is_bot:
        return Refusal.A_BOT
    if target.owns_guild:
        return Refusal.OWNER
    if not actor.outranks(target):
        return Refusal.ABOVE_YOU
    if bot_acts and not bot.outranks(target):
        return Refusal.ABOVE_THE_BOT
    return None
