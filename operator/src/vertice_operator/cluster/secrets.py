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
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vertice_operator.api.v1alpha1.bot import DiscordBot
from vertice_operator.cluster import errors
from vertice_operator.cluster.cache import BotKey
from vertice_operator.cluster.client import KubeClient
from vertice_operator.cluster.kinds import SECRET
from vertice_operator.decide.facts import SecretFact
from vertice_operator.decide.secrets import (
    mounted_token,
    mounted_versions,
    references,
    token_reference,
)
from vertice_operator.render import referenced_secrets, secret_hash


@dataclass(frozen=True, slots=True)
class SecretsRead:
    """Outcome of one reading.

    ``hash`` changes when any referenced content changes; None while something is missing.
    ``token`` is a digest under a key of this process, for comparing tokens between resources;
    None where it was not found.
    """

    facts: Mapping[str, SecretFact]
    hash: str | None
    token: str | None


class SecretReader:
    """Reads what a bot refers to, by get alone: the operator may neither list nor watch Secrets."""

    def __init__(
        self, client: KubeClient, fresh: float = 2.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client, self._fresh, self._clock = client, fresh, clock
        self._process_key = secrets.token_bytes(32)
        self._last: dict[BotKey, tuple[float, tuple[str, int], SecretsRead]] = {}

    async def read(self, bot: DiscordBot) -> SecretsRead:
        """Read every referenced Secret once.

        A reading of the last ``fresh`` seconds for the same spec is given again, because the
        looks at a bot that is being changed follow each other closely.
        """
        now, meta = self._clock(), bot.metadata
        key, identity = (meta.namespace, meta.name), (meta.uid, meta.generation)
        last = self._last.get(key)
        recent = last is not None and last[1] == identity and now - last[0] < self._fresh
        if last is not None and recent and last[2].hash is not None:
            return last[2]
        found = await self._read(bot)
        self._last[key] = now, identity, found
        return found

    def forget(self, bot: BotKey) -> None:
        """Forget a bot that is gone."""
        self._last.pop(bot, None)

    async def _read(self, bot: DiscordBot) -> SecretsRead:
        wanted = references(bot)
        contents = await asyncio.gather(
            *(self._content(bot.metadata.namespace, name, keys) for name, keys in wanted.items())
        )
        facts = {fact.name: fact for fact, _ in contents}
        content = {
            (fact.name, key): value for fact, plain in contents for key, value in plain.items()
        }
        complete = all(facts[name].keys == keys for name, keys in wanted.items())
        return SecretsRead(
            facts,
            self._hash(bot, content) if complete else None,
            self._token(bot, content),
        )

    async def _content(
        self, namespace: str, name: str, keys: frozenset[str]
    ) -> tuple[SecretFact, dict[str, bytes]]:
        try:
            secret = await self._client.get(SECRET, namespace, name)
        except errors.NotFoundError:
            return SecretFact(name, found=False), {}
        except errors.ForbiddenError as error:
            return SecretFact(name, found=False, refusal=error.message), {}
        data = secret.get("data") or {}
        plain = {key: value for key in keys if (value := _decode(data.get(key) or ""))}
        return SecretFact(name, found=True, keys=frozenset(plain)), plain

    def _hash(self, bot: DiscordBot, content: Mapping[tuple[str, str], bytes]) -> str:
        files = {each.file: content[each.secret, each.key] for each in referenced_secrets(bot)}
        versions = {f"mounted {file}": v.encode() for file, v in mounted_versions(bot).items()}
        return secret_hash(bot.metadata.uid, files | versions)

    def _token(self, bot: DiscordBot, content: Mapping[tuple[str, str], bytes]) -> str | None:
        """Digest the token; where a CSI driver mounts it, the name of the secret that holds it."""
        if (mounted := mounted_token(bot)) is not None:
            return hmac.new(self._process_key, mounted.encode(), hashlib.sha256).hexdigest()
        reference = token_reference(bot)
        plain = content.get(reference) if reference else None
        if plain is None:
            return None
        # White space around a token is no part of it, and makes no other token.
        return hmac.new(self._process_key, plain.strip(), hashlib.sha256).hexdigest()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""
