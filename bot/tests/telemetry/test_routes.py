"""Labels of routes: bounded, and free of ids and tokens."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vertice_bot.telemetry.routes import OTHER, route_label


@pytest.mark.parametrize(
    ("method", "path", "label"),
    [
        ("get", "/api/v10/users/@me", "GET /users/@me"),
        ("POST", "/api/v10/channels/112233445566/messages", "POST /channels/{id}/messages"),
        (
            "PUT",
            "/api/v10/channels/112233445566/messages/99887766554/reactions/%F0%9F%91%8D/@me",
            "PUT /channels/{id}/messages/{id}/reactions/{emoji}/@me",
        ),
        (
            "POST",
            "/api/v10/interactions/112233445566/aW50ZXJhY3Rpb246MTIz/callback",
            "POST /interactions/{id}/{token}/callback",
        ),
        (
            "PATCH",
            "/api/v10/webhooks/112233445566/sometoken/messages/@original",
            "PATCH /webhooks/{id}/{token}/messages/@original",
        ),
        ("GET", "/api/v10/invites/abcDEF", "GET /invites/{code}"),
        ("GET", "/api/v10/gateway/bot", "GET /gateway/bot"),
        ("PUT", "/applications/1234567/commands", "PUT /applications/{id}/commands"),
        ("GET", "/nonsense/1", OTHER),
        ("GET", "/", OTHER),
    ],
)
def test_labels(method: str, path: str, label: str) -> None:
    assert route_label(method, path) == label


@given(st.integers(10**15, 10**19), st.text("abcdefXYZ0123456789_-", min_size=20, max_size=80))
def test_no_id_and_no_token_gets_through(snowflake: int, token: str) -> None:
    for path in (
        f"/api/v10/interactions/{snowflake}/{token}/callback",
        f"/api/v10/webhooks/{snowflake}/{token}",
        f"/api/v10/guilds/{snowflake}/members/{snowflake}",
        f"/api/v10/channels/{token}/messages",
    ):
        label = route_label("GET", path)
        assert str(snowflake) not in label
        assert token not in label or re.fullmatch("[a-z-]{1,31}", token)
