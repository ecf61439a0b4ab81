"""A service-account key file and the OAuth 2.0 token endpoint that honours it (RFC 7523)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_SECONDS = 3600
# RFC 7523 section 3 lets an issuer allow "a few minutes" for clock skew.
_SKEW_SECONDS = 300


class InvalidGrantError(ValueError):
    """The assertion is not one that this account signed just now."""


@dataclass(frozen=True)
class ServiceAccount:
    """One account: its address, the key that its assertions are checked with, and a secret.

    The access tokens are signed with the secret and not remembered, so that those of an earlier
    run stay good, as Google's do: the proxy keeps a token for an hour.
    """

    email: str
    public_key: rsa.RSAPublicKey
    secret: bytes = field(repr=False)


def create_key_file(path: Path, project: str, token_uri: str) -> None:
    """Write a key file of the form that Google's clients read, with a fresh key.

    Args:
        path: Where to write, readable for the owner alone.
        project: Project id, part of the account's address.
        token_uri: Where clients exchange an assertion for a token; the stand-in's own ``/token``.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    document = {
        "type": "service_account",
        "project_id": project,
        "private_key_id": secrets.token_hex(20),
        "private_key": pem.decode(),
        "client_email": f"vertice-bot@{project.rpartition(':')[2]}.iam.gserviceaccount.com",
        "client_id": str(secrets.randbelow(10**20)),
        "token_uri": token_uri,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(document, indent=2))


def read_key_file(path: Path) -> ServiceAccount:
    """Read back whose assertions to accept.

    Raises:
        ValueError: Not a service-account key file.
    """
    try:
        document = json.loads(path.read_text())
        key = serialization.load_pem_private_key(document["private_key"].encode(), None)
        email = str(document["client_email"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is no service-account key file: delete it to have one made"
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError(  # noqa: TRY004 - the file is wrong, not an argument's type
            f"{path} holds no RSA key: delete it to have one made"
        )
    secret = hashlib.sha256(document["private_key"].encode()).digest()
    return ServiceAccount(email, key.public_key(), secret)


@dataclass
class Tokens:
    """Issues access tokens and knows which are good.

    Attributes:
        account: The account whose assertions are honoured; None honours nobody.
        clock: Seconds since the epoch.
        static: Tokens that are always good, for ``cloud-sql-proxy --token``.
    """

    account: ServiceAccount | None
    clock: Callable[[], float]
    static: frozenset[str] = frozenset()

    def exchange(self, assertion: str) -> str:
        """Check a signed assertion and return a new access token.

        Raises:
            InvalidGrantError: Wrong issuer, signature or time.
        """
        account = self.verify(assertion)
        claims = f"standin.{int(self.clock()) + TOKEN_SECONDS}.{secrets.token_hex(8)}"
        return f"{claims}.{_sign(account, claims)}"

    def accepts(self, token: str) -> bool:
        """Whether a bearer token is good now; a self-signed assertion counts as one."""
        if token in self.static:
            return True
        if token.startswith("standin."):
            return self._issued(token)
        try:
            self.verify(token)
        except InvalidGrantError:
            return False
        return True

    def _issued(self, token: str) -> bool:
        claims, _, signature = token.rpartition(".")
        if self.account is None or claims.count(".") != 2:
            return False
        expiry = claims.split(".")[1]
        genuine = hmac.compare_digest(signature, _sign(self.account, claims))
        return genuine and int(expiry) > self.clock()

    def verify(self, assertion: str) -> ServiceAccount:
        """Check issuer, signature and times of a JSON web token; returns whose it is.

        Raises:
            InvalidGrantError: With what is wrong.
        """
        if self.account is None:
            raise InvalidGrantError("no service account is known here")
        claims = _signed_claims(assertion, self.account.public_key)
        if claims.get("iss") != self.account.email:
            raise InvalidGrantError("the issuer is not a known account")
        now = self.clock()
        issued, expires = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int | float) or not isinstance(expires, int | float):
            raise InvalidGrantError("iat and exp are needed")
        if issued > now + _SKEW_SECONDS or expires < now - _SKEW_SECONDS:
            raise InvalidGrantError("the assertion is not valid now: check the clock")
        return self.account


def _sign(account: ServiceAccount, claims: str) -> str:
    return hmac.new(account.secret, claims.encode(), hashlib.sha256).hexdigest()


def _signed_claims(token: str, key: rsa.RSAPublicKey) -> dict[str, Any]:
    try:
        signed, _, signature = token.rpartition(".")
        header, _, payload = signed.partition(".")
        algorithm = json.loads(_decode(header)).get("alg")
        claims = json.loads(_decode(payload))
        key.verify(_decode(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, AttributeError, InvalidSignature, binascii.Error) as error:
        raise InvalidGrantError("the assertion is not signed by the account's key") from error
    if algorithm != "RS256" or not isinstance(claims, dict):
        raise InvalidGrantError("the assertion is not an RS256 token")
    return claims


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
