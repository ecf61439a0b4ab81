"""The SQL Admin API as far as the Auth Proxy uses it, the token endpoint and the admin routes."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web
from pydantic import ValidationError

from dev.cloudsql.authority import Authority, BadPublicKeyError, read_public_key
from dev.cloudsql.errors import error_response
from dev.cloudsql.faults import Faults
from dev.cloudsql.relay import Relay
from dev.cloudsql.service_account import GRANT_TYPE, TOKEN_SECONDS, InvalidGrantError, Tokens

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_PREFIX = "/sql/v1beta4/projects/{project}/instances/{instance}"


@dataclass
class Api:
    """Everything the routes need.

    Attributes:
        authority: Signs client certificates.
        relay: The TLS front that the ``tls`` fault switches.
        tokens: Issues and checks bearer tokens.
        address: Address or name of the TLS front, as the proxy can reach it; a name is resolved
            at each request.
        database_version: As the API names it, e.g. ``POSTGRES_15``.
        faults: What is broken now.
        calls: Answered calls by route and status.
    """

    authority: Authority
    relay: Relay
    tokens: Tokens
    address: str
    database_version: str = "POSTGRES_15"
    faults: Faults = field(default_factory=Faults)
    calls: Counter[str] = field(default_factory=Counter)

    def application(self) -> web.Application:
        """Return the web application with all routes."""
        application = web.Application()
        application.add_routes(
            [
                web.get(f"{_PREFIX}/connectSettings", self._admin_call(self._connect_settings)),
                web.post(
                    f"{_PREFIX}:generateEphemeralCert",
                    self._admin_call(self._ephemeral_certificate),
                ),
                web.post("/token", self._token),
                web.get("/healthz", self._health),
                web.get("/_admin/state", self._state),
                web.get("/_admin/faults", self._get_faults),
                web.put("/_admin/faults", self._put_faults),
            ]
        )
        return application

    def _admin_call(self, handler: Handler) -> Handler:
        """Wrap a SQL Admin route: faults first, then who asks, then which instance."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = await self._checked(request, handler)
            self.calls[f"{request.path.rpartition('/')[2]} {response.status}"] += 1
            return response

        return answer

    async def _checked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        faults = self.faults
        await asyncio.sleep(faults.api_delay_seconds)
        if faults.api_status is not None:
            return error_response(faults.api_status)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.tokens.accepts(token):
            return error_response(401)
        instance = self.authority.instance
        asked = (request.match_info["project"], request.match_info["instance"])
        if asked != (instance.project, instance.name):
            return error_response(404)
        return await handler(request)

    async def _connect_settings(self, _request: web.Request) -> web.Response:
        address = await _resolve(self.address)
        return web.json_response(
            {
                "kind": "sql#connectSettings",
                "backendType": "SECOND_GEN",
                "databaseVersion": self.database_version,
                "region": self.authority.instance.region,
                "ipAddresses": [
                    {"type": "PRIMARY", "ipAddress": address},
                    {"type": "PRIVATE", "ipAddress": address},
                ],
                "serverCaCert": {
                    "kind": "sql#sslCert",
                    "cert": self.authority.certificate_pem,
                    "instance": self.authority.instance.name,
                },
            }
        )

    async def _ephemeral_certificate(self, request: web.Request) -> web.Response:
        try:
            body = await request.json()
            key = read_public_key(body["public_key"])
        except (BadPublicKeyError, KeyError, TypeError, AttributeError, ValueError):
            return error_response(400, "public_key is missing or is no RSA key")
        if "access_token" in body and not self.tokens.accepts(body["access_token"]):
            return error_response(403, "the access token for IAM login is not valid")
        lifetime = dt.timedelta(seconds=self.faults.certificate_seconds)
        certificate = self.authority.sign_client(key, lifetime)
        return web.json_response({"ephemeralCert": {"kind": "sql#sslCert", "cert": certificate}})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        assertion = form.get("assertion")
        if form.get("grant_type") != GRANT_TYPE or not isinstance(assertion, str):
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        try:
            token = self.tokens.exchange(assertion)
        except InvalidGrantError as error:
            self.calls["token 400"] += 1
            body = {"error": "invalid_grant", "error_description": str(error)}
            return web.json_response(body, status=400)
        self.calls["token 200"] += 1
        return web.json_response(
            {"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"}
        )

    async def _health(self, _request: web.Request) -> web.Response:
        """Say whether a connection could be relayed: the readiness of the whole pod."""
        if await self.relay.backend_answers():
            return web.json_response({"status": "ok"})
        return web.json_response({"status": "Postgres does not answer"}, status=503)

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "calls": dict(self.calls),
                "connections": {"open": self.relay.open_connections} | vars(self.relay.counters),
                "faults": self.faults.model_dump(),
            }
        )

    async def _get_faults(self, _request: web.Request) -> web.Response:
        return web.json_response(self.faults.model_dump())

    async def _put_faults(self, request: web.Request) -> web.Response:
        try:
            faults = Faults.model_validate_json(await request.read())
        except ValidationError as error:
            return web.Response(text=error.json(), status=400, content_type="application/json")
        await self.set_faults(faults)
        return web.json_response(faults.model_dump())

    async def set_faults(self, faults: Faults) -> None:
        """Switch to exactly these faults."""
        self.faults = faults
        self.relay.cut = faults.tls == "cut"
        if faults.tls == "down":
            await self.relay.stop()
        else:
            await self.relay.start()


async def _resolve(address: str) -> str:
    """Return ``address`` as an IP address: the proxy dials what it is given without a resolver."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(
            address, None, family=socket.AF_INET, type=socket.SOCK_STREAM
        )
        return str(found[0][4][0])
