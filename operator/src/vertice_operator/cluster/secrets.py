"""Reads referenced Secrets and keeps nothing of them but keyed digests.

Plain text lives for the length of one function call here and nowhere else: it is hashed at once
and dropped, and neither an error nor a log line repeats it.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.cluster import errors
from vertice_operator.cluster.client import KubeClient
from vertice_operator.cluster.kinds import SECRET
from vertice_operator.decide.facts import SecretFact
from vertice_operator.decide.secrets import references, token_reference

_HASH_LENGTH = 16


@dataclass(frozen=True, slots=True)
class SecretsRead:
    """Outcome of one reading.

    ``hash`` changes when any referenced content changes; with the resource's uid as the key the
    same content in two resources does not show as the same hash. ``token`` is a digest under a
    key of this process, for comparing tokens between resources; None where it was not found.
    """

    facts: Mapping[str, SecretFact]
    hash: str
    token: str | None


class SecretReader:
    """Reads what a bot refers to, by get alone: the operator may neither list nor watch Secrets."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self._process_key = secrets.token_bytes(32)

    async def read(self, bot: DiscordBot) -> SecretsRead:
        """Read every referenced Secret once."""
        wanted = references(bot)
        token = token_reference(bot)
        results = await asyncio.gather(
            *(self._one(bot, name, keys, token) for name, keys in wanted.items())
        )
        facts = {fact.name: fact for fact, _ in results}
        digest = hmac.new(bot.metadata.uid.encode(), digestmod=hashlib.sha256)
        for name, fact in facts.items():
            for key in sorted(fact.digests):
                digest.update(f"{name}\0{key}\0{fact.digests[key]}\0".encode())
        return SecretsRead(
            facts,
            digest.hexdigest()[:_HASH_LENGTH],
            next((found for _, found in results if found), None),
        )

    async def _one(
        self, bot: DiscordBot, name: str, keys: frozenset[str], token: tuple[str, str] | None
    ) -> tuple[SecretFact, str | None]:
        try:
            secret = await self._client.get(SECRET, bot.metadata.namespace, name)
        except errors.NotFoundError:
            return SecretFact(name, found=False), None
        data = secret.get("data") or {}
        plain = {key: _decode(data[key]) for key in keys if data.get(key)}
        owner = bot.metadata.uid.encode()
        digests = {
            key: hmac.new(owner, value, hashlib.sha256).hexdigest() for key, value in plain.items()
        }
        of_token = plain.get(token[1]) if token and token[0] == name else None
        # Surrounding white space is no part of a token, and no other token.
        found = (
            hmac.new(self._process_key, of_token.strip(), hashlib.sha256).hexdigest()
            if of_token
            else None
        )
        return SecretFact(name, found=True, digests=digests), found


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
