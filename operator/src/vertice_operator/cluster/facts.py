"""Gathers one look at the world for one resource."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from vertice_operator.api.conditions import timestamp
from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.cluster.cache import BotKey, LiveCache
from vertice_operator.cluster.discovery import Discovery
from vertice_operator.cluster.secrets import SecretReader
from vertice_operator.cluster.tokens import Claim, TokenRegistry
from vertice_operator.decide.facts import Defaults, Facts, Report
from vertice_operator.decide.pods import read_pod


class FactsGatherer:
    """Reads what a reconcile needs: secrets live, children and pods as last seen.

    Parameters
    ----------
    reports
        Last ``/statusz`` of each bot's pods.
    on_token_change
        Told the bots whose token situation was changed by another one's.
    cordoned
        Cordoned nodes, and until when drains of them are helped.
    """

    def __init__(
        self,
        cache: LiveCache,
        secrets: SecretReader,
        tokens: TokenRegistry,
        discovery: Discovery,
        defaults: Defaults,
        reports: Mapping[BotKey, tuple[Report, ...]],
        on_token_change: Callable[[Iterable[BotKey]], None],
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
        cordoned: Mapping[str, datetime] = MappingProxyType({}),
    ) -> None:
        self._cache, self._secrets, self._tokens = cache, secrets, tokens
        self._discovery, self._defaults, self._reports = discovery, defaults, reports
        self._on_token_change, self._utcnow = on_token_change, utcnow
        self._cordoned = cordoned

    async def gather(self, bot: DiscordBot) -> Facts:
        """Look. Raises :class:`errors.ClusterError` when a Secret cannot be read for a fault."""
        key = (bot.metadata.namespace, bot.metadata.name)
        secrets = await self._secrets.read(bot)
        self.claim(bot, secrets.token)
        holder = self._tokens.holder(key)
        return Facts(
            bot=bot,
            now=self._utcnow(),
            defaults=self._defaults,
            cluster=self._discovery.known or await self._discovery.refresh(),
            children=self._cache.children(key),
            secrets=secrets.facts,
            secret_hash=secrets.hash,
            token_holder="/".join(holder) if holder else None,
            pods=tuple(sorted(map(read_pod, self._cache.pods(key)), key=lambda pod: pod.name)),
            reports=self._reports.get(key, ()),
            cordoned=dict(self._cordoned),
        )

    async def claim_token(self, bot: DiscordBot) -> None:
        """Record which token a bot uses, before anybody is reconciled."""
        self.claim(bot, (await self._secrets.read(bot)).token)

    def claim(self, bot: DiscordBot, token: str | None) -> None:
        """Record a bot's token and wake the bots that this concerns."""
        created = bot.metadata.creation_timestamp
        claim = Claim(
            timestamp(created) if created else "",
            bot.metadata.uid,
            (bot.metadata.namespace, bot.metadata.name),
        )
        affected = tuple(self._tokens.claim(token, claim))
        if affected:
            self._on_token_change(affected)
