"""Which resources use the same bot token; by digest, in memory only.

Two fleets with one token would both handle every event, and Discord does not stop them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from vertice_operator.cluster.cache import BotKey


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """One resource's use of a token; the smallest claim is the oldest and wins."""

    created: str
    uid: str
    bot: BotKey


class TokenRegistry:
    """Claims on tokens."""

    def __init__(self) -> None:
        self._claims: dict[str, set[Claim]] = {}
        self._token_of: dict[BotKey, tuple[str, Claim]] = {}

    def claim(self, token: str | None, claim: Claim) -> Iterable[BotKey]:
        """Record what ``claim.bot`` uses now and return the bots whose situation changed by it."""
        before = self._token_of.get(claim.bot)
        if before == (token, claim) or (before is None and token is None):
            return ()
        affected = set(self.release(claim.bot))
        if token is not None:
            others = self._claims.setdefault(token, set())
            affected |= {other.bot for other in others}
            others.add(claim)
            self._token_of[claim.bot] = (token, claim)
        return affected - {claim.bot}

    def release(self, bot: BotKey) -> Iterable[BotKey]:
        """Forget a bot's claim and return those who waited behind it."""
        held = self._token_of.pop(bot, None)
        if held is None:
            return ()
        token, claim = held
        rest = self._claims[token]
        rest.discard(claim)
        if not rest:
            del self._claims[token]
        return {other.bot for other in rest}

    def holder(self, bot: BotKey) -> BotKey | None:
        """Return the older bot that uses the same token, or None."""
        held = self._token_of.get(bot)
        if held is None:
            return None
        oldest = min(self._claims[held[0]])
        return oldest.bot if oldest.bot != bot else None
